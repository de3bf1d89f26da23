"""`midflight bench`: each figure in one run, on this machine, beside the thing it is compared with.

A figure is the median of several samples, and the two sides take turns (A B A B ...), so that a machine that
grows slower under way slows both; the ratio is the median of the turns' ratios. A benchmark is a value: what
it measures, beside what, which figure it must reach, and a function that measures. The benchmarks stand in
`tests/benchmarks`; this is what they are written with, and what runs, judges and shows them.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from runtime import report

Sample: TypeAlias = Callable[[], float]
"""Measures one side once, in the unit of its row."""

Say: TypeAlias = Callable[[str], None]


class Skip(Exception):
    """A row that cannot run here, and why."""


class Missing(Exception):
    """The benchmarks are not where a copy of midflight holds them."""


@attrs.frozen
class Scale:
    """How often to measure, and how much: `size` is a share of the full amount."""

    samples: int = 5
    size: float = 1.0

    def of(self, full: int, least: int = 10) -> int:
        """The share of an amount."""
        return max(least, round(full * self.size))


@attrs.frozen
class Measured:
    """The samples of both sides, in turns; `note` tells what a reader must know to judge them."""

    ours: tuple[float, ...]
    beside: tuple[float, ...]
    note: str = ""

    def ratio(self) -> float:
        """The median of the turns' ratios: the two sides of a turn met the machine in the same mood."""
        if len(self.ours) != len(self.beside):
            return statistics.median(self.ours) / statistics.median(self.beside)
        return statistics.median(a / b for a, b in zip(self.ours, self.beside, strict=True))


@attrs.frozen
class Bench:
    """One row: `judged` is the number that must be at least (or at most) `reach`; None only informs."""

    name: str
    what: str
    beside: str
    unit: str
    measure: Callable[[Scale, Say], Measured]
    judged: Literal["ratio", "value"] = "ratio"
    reach: float | None = None
    at_most: bool = False
    below: float | None = None
    """A bound on the value besides: it must be smaller."""

    def row(self, scale: Scale, say: Say) -> dict[str, Any]:
        """Measure, and judge."""
        common = {"name": self.name, "what": self.what, "unit": self.unit, "beside": self.beside}
        aim = {"reach": self.reach, "judged": self.judged, "at_most": self.at_most}
        try:
            found = self.measure(scale, say)
        except Skip as reason:
            none = {"value": None, "beside_value": None, "ratio": None, "ok": None, "samples": 0}
            return {**common, **none, **aim, "skipped": str(reason)}
        value, beside = statistics.median(found.ours), statistics.median(found.beside)
        ratio = found.ratio()
        row = {**common, "value": value, "beside_value": beside, "ratio": ratio, **aim}
        row |= {"ok": self._ok(value, ratio), "samples": len(found.ours)}
        return {**row, "note": found.note} if found.note else row

    def _ok(self, value: float, ratio: float) -> bool | None:
        if self.reach is None:
            return None
        judged = ratio if self.judged == "ratio" else value
        within = judged <= self.reach if self.at_most else judged >= self.reach
        return within and (self.below is None or value < self.below)


def known() -> dict[str, Bench]:
    """The benchmarks there are, by name. Raises Missing.

    Their folder is beside this module where installed, else among the tests of the source tree.
    """
    name, here = "runtime.benchmarks", Path(__file__).resolve().parent
    places = (here / "benchmarks", here.parent / "tests" / "benchmarks")
    found = next((each for each in places if (each / "__init__.py").is_file()), None)
    if found is None:
        raise Missing(f"the benchmarks are missing; looked in {' and '.join(map(str, places))}")
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name, found / "__init__.py", submodule_search_locations=[str(found)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return {each.name: each for each in sys.modules[name].BENCHES}


def in_turns(ours: Sample, beside: Sample, scale: Scale, say: Say) -> Measured:
    """Sample both sides, one after the other; a first turn only warms up."""
    pairs = []
    say("warming up")
    ours(), beside()
    for at in range(scale.samples):
        say(f"{at + 1}/{scale.samples}")
        pairs.append((ours(), beside()))
    one, other = zip(*pairs, strict=True)
    return Measured(one, other)


def rows(benches: Iterable[Bench], scale: Scale) -> list[dict[str, Any]]:
    """Measure row by row, and tell a person on the terminal how far it is."""
    shown = sys.stderr.isatty()
    found = []
    for bench in benches:

        def say(text: str, name: str = bench.name) -> None:
            if shown:
                print(f"\r\033[K{name} {text}", end="", file=sys.stderr, flush=True)

        say("...")
        found.append(bench.row(scale, say))
    if shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return found


def show(found: Sequence[dict[str, Any]]) -> None:
    """The rows as a table, and what must be known to judge them below it."""
    lines = [
        (
            row["name"],
            _number(row["value"], row["unit"]),
            f"{_number(row['beside_value'], row['unit'])} {row['beside']}",
            "" if row["ratio"] is None else f"{row['ratio']:.3g}x",
            _aim(row),
            {True: "yes", False: "no", None: ""}[row["ok"]],
        )
        for row in found
    ]
    report.table("", ("name", "value", "beside", "ratio", "reach", "ok"), lines)
    for row in found:
        said = (row.get("skipped") and f"skipped: {row['skipped']}") or row.get("note")
        if said:
            report.say(f"{row['name']}: {said}")


def _aim(row: dict[str, Any]) -> str:
    if row["reach"] is None:
        return ""
    unit = "x" if row["judged"] == "ratio" else f" {row['unit']}"
    return f"{'<=' if row['at_most'] else '>='} {row['reach']:g}{unit}"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"
