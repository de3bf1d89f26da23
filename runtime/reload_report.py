"""What a developer sees of each save: what changed, what became of the cells, how long it took; or what is wrong."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs
from rich.console import Console
from rich.text import Text

from migrations.plan import Row
from migrations.planner import ABSENT
from migrations.refusal import Refusal
from runtime.aftermath import TakenBack
from runtime.application import Application
from runtime.edited import Edits
from runtime.loss import Loss
from runtime.refusal import short
from runtime.report import took
from runtime.save import Save
from runtime.upgrade import Upgraded

Clock: TypeAlias = Callable[[], float]

FILES: Final = 3
"""Files of a save that are named; the others are counted."""

LINES: Final = 10
"""Changed lines that are shown; the others are counted."""

_COLOURS: Final = {
    "kept": "",
    "converted": "yellow",
    "moved": "cyan",
    "new": "green",
    "dropped": "red",
}


@attrs.frozen
class Saved:
    """A save: since when (seconds of the loop), all its files, and those saved."""

    since: float
    save: Save
    files: tuple[Path, ...]

    def again(self, now: float) -> Saved:
        """The same save, wanted once more."""
        return attrs.evolve(self, since=now)


class Report:
    """Writes on a terminal, or what stands for one. `clock` gives seconds of the loop."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._here = Path.cwd()

    def swapped(
        self, saved: Saved, before: Application, after: Application, made: Upgraded, edits: Edits, at: float
    ) -> None:
        """Another version took over, at a time of the clock."""
        self._head(saved)
        self._lines(edits)
        changed = [name for name in after.machines if _digest(before, name) != _digest(after, name)]
        width = max(map(len, changed), default=0)
        for name in changed:
            self._cells(name.ljust(width), made.rows.get(name, ()), is_new=name not in before.machines)
        what = ", ".join(changed) or after.name
        since = took(at - saved.since)
        self._say(f"  {what} swapped in {took(made.seconds)}, {since} after the save", "bold green")

    def same(self, saved: Saved, running: Application) -> None:
        """Nothing that runs has changed."""
        self._head(saved)
        self._say(f"  no machine has changed: {_label(running)} runs on", "dim")

    def refused(self, saved: Saved, running: Application, refused: Sequence[Refusal]) -> None:
        """The version before runs on."""
        self._head(saved)
        for each in refused:
            self._wrong(str(each), saved.save)
        self._say(f"  {_label(running)} runs on", "bold")

    def failed(self, save: Save, running: Application, failed: Application, why: Refusal) -> None:
        """A version failed on probation: it went back, or is stuck."""
        self._print((_now(), "dim"), " ", ("on probation", "bold"))
        self._wrong(why.happened, save)
        if isinstance(why, TakenBack):
            self._say(f"  {_label(running)} runs on", "bold")
        elif running.digest == failed.digest:
            self._say(f"  it cannot go back: {_label(running)} runs on", "bold red")
        else:
            self._say(f"  went back by itself: {_label(running)} runs on, and has answered", "bold")

    def undone(self, save: Save, running: Application, given: Application, why: Refusal | None) -> None:
        """What stands in the files went back by itself, before anybody looked."""
        file = "it" if given.sources is None else self._near(given.sources.version.main)
        self._print((_now(), "dim"), " ", (f"{file} is not what runs", "bold"))
        if why is not None:
            self._wrong(why.happened, save)
        self._say(f"  {_label(running)} runs on; edit and save {file} to let it take over", "bold")

    def another(self, running: Application) -> None:
        """Somebody changed what runs, and it was no save."""
        self._print((_now(), "dim"), " ", ("by another hand", "bold"))
        self._say(f"  {_label(running)} runs now", "bold")

    def waits(self, what: str) -> None:
        """It takes a while until something of a save can be told."""
        self._print((f"{_now()} waits for {what}", "dim"))

    def how(self, lost: Iterable[Loss], application: Application) -> None:
        """How losses are declared, where that is not written for who is asked."""
        known = {(each.machine, each.old, each.new) for each in application.migrations}
        for each in lost:
            if (each.machine, each.old, each.new) in known:
                ends = f"of {each.machine!r} from {each.old!r} to {each.new!r}"
                self._say(f"  where that may go, in the Migration {ends}: {each.dropped_besides()}")
            else:
                self._say(f"  where that may go: migrations=[{each.dropped()}]")

    def question(self, lost: Sequence[Loss], application: Application, *, writes: bool) -> Sequence[str]:
        """Ask what to do, and return the choices."""
        self._say("  k  keep the old version")
        self._say("  d  drop it, this once")
        if not writes or application.sources is None:
            self.how(lost, application)
            return "keep", "drop"
        self._say(f"  w  write the migration into {self._near(application.sources.version.main)}")
        return "keep", "drop", "write"

    def withdrawn(self) -> None:
        """Another save came before the answer."""
        self._console.print()

    def keeps(self, running: Application) -> None:
        """It was chosen to leave all as it is."""
        self._say(f"  {_label(running)} runs on", "bold")

    def complain(self, problem: str) -> None:
        """Something could not be done."""
        self._say(f"  {problem}", "red")

    # Parts

    def _print(self, *parts: str | tuple[str, str]) -> None:
        self._console.print(Text.assemble(*parts), soft_wrap=True)

    def _near(self, path: Path) -> str:
        return str(path.relative_to(self._here) if path.is_relative_to(self._here) else path)

    def _say(self, text: str, style: str = "") -> None:
        self._print((text, style))

    def _head(self, saved: Saved) -> None:
        named = [self._near(each) for each in saved.files]
        more = f" and {len(named) - FILES} more" if len(named) > FILES else ""
        what = ", ".join(named[:FILES]) + more or "a folder"
        self._print((_now(), "dim"), " ", (what, "bold"))

    def _lines(self, edits: Edits) -> None:
        """The lines that are others than those of the version before."""
        found = [(path, *line) for path, lines in edits.files for line in lines]
        several = len(edits.files) > 1
        shown = found[:LINES]
        places = [f"{path.name}:{number}" if several else f"{number}" for path, _, number, _ in shown]
        width = max(map(len, places), default=0)
        texts = textwrap.dedent("\n".join(text.expandtabs(4) for *_, text in shown)).split("\n")
        for place, (_, sign, _, _), text in zip(places, shown, texts, strict=False):
            self._print(
                (f"  {place:>{width}} ", "dim"), (f"{sign} {text}", "green" if sign == "+" else "red")
            )
        more = len(found) - len(shown) + edits.besides
        if more:
            self._say(f"  {'':>{width}}   and {more} more" if shown else f"  {more} lines are others", "dim")

    def _cells(self, name: str, rows: Sequence[Row], *, is_new: bool) -> None:
        told = list(_told(rows)) or [("new machine" if is_new else "no cells", "")]
        for at, (label, what) in enumerate(told):
            machine = name if at == 0 else " " * len(name)
            self._print(
                "  ", (machine, "bold"), "  ", (f"{label:<9}", _COLOURS.get(label, "")), f" {what}".rstrip()
            )

    def _wrong(self, problem: str, save: Save) -> None:
        """What is wrong, and the line of source where."""
        self._say(f"  {problem.replace(f'{self._here}/', '')}", "red")
        places = ((path, re.search(rf"{re.escape(str(path))}:(\d+)", problem)) for path in save.read)
        for path, found in [(path, found) for path, found in places if found][:1]:
            line = save.line(path, int(found[1]))
            self._print((f"  {found[1]:>5} | ", "dim"), line.expandtabs(4))


def _told(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """The cells by what became of them: those that were kept on one line. Of a table its rows tell it."""
    kept = [row.address for row in rows if row.label == "kept" and not row.address.endswith(ABSENT)]
    if kept:
        yield "kept", ", ".join(kept)
    for row in rows:
        by_its_rows = row.old == row.new and not row.how
        if row.label != "kept" and not row.address.endswith(ABSENT) and not by_its_rows:
            types = " -> ".join(filter(None, (row.old, row.new)))
            how = f", {row.how}" if row.how else ""
            yield row.label, f"{row.address}: {types}{how}"


def _digest(application: Application, machine: str) -> str:
    return application.digests.get(machine, "")


def _label(application: Application) -> str:
    return f"version {application.version} ({short(application.digest)})"


def _now() -> str:
    return time.strftime("%H:%M:%S")
