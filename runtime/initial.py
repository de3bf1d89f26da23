"""The state that an application starts with, read from the lines of an export (docs/export.md).

Every cell of every machine must be there once; what is not understood is refused with its line. Nothing is left to
a guess: lines that end without `end` were cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import attrs
from immutables import Map
from returns.result import Failure, Result, Success

from arrows.cells import Slot, Table, Values
from migrations.refusal import Refusal
from runtime.core import Core
from runtime.errors import Unavailable, cut
from runtime.hosted import Compiled, Running
from runtime.journal import initial_prefix
from runtime.lines import FORMAT, Lines, Unreadable
from runtime.snapshot import packed

Initial: TypeAlias = str | os.PathLike[str] | Iterable[str]
"""The path of an export, or its lines."""

States: TypeAlias = Mapping[str, Values]
"""The state of each machine."""


@attrs.frozen
class Beginning:
    """A given state, and its parts by the keys under which they are kept."""

    states: States
    puts: Mapping[str, bytes] = attrs.field(factory=dict)

    def begun(self, running: Running) -> Mapping[str, bytes]:
        """Let an application begin so; return what must be kept for that."""
        for machine, hosted in running.machines.items():
            hosted.state = self.states[machine]
        return self.puts


def withdraw(core: Core, running: Running) -> None:
    """Undo a start: whoever waits is told."""
    core.close(running)
    for hosted in running.machines.values():
        for _, ticket, *_ in hosted.inbox:
            if ticket is not None and not ticket.done():
                ticket.set_exception(Unavailable(f"{hosted.name} could not be started"))
        hosted.inbox.clear()
        if hosted in core.ready:
            core.ready.remove(hosted)
    core.remove(running)


@attrs.frozen
class BadInitial(Refusal):
    """A line of the state to start with cannot be read; nothing was started."""

    place: str
    line: int
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.place}, line {self.line}: {self.problem}. Nothing was started."

    @property
    def remedy(self) -> str:
        return ""


@attrs.frozen
class HasData(Refusal):
    """An application was to start with a given state, and there is data of it already."""

    application: str

    @property
    def happened(self) -> str:
        return f"{self.application}: there is data of it already, which a given state would replace."

    @property
    def remedy(self) -> str:
        return "Start it without that state, or on another data directory."


def read_initial(compiled: Compiled, initial: Initial) -> Result[States, Refusal]:
    """Read the state of an application's machines. Returns Failure(BadInitial)."""
    reading = _Reading(compiled)
    place = os.fspath(initial) if isinstance(initial, str | os.PathLike) else "the given lines"
    try:
        with ExitStack() as closing:
            lines = (
                closing.enter_context(Path(initial).open(encoding="utf-8"))
                if isinstance(initial, str | os.PathLike)
                else initial
            )
            for line in lines:
                reading.number += 1
                if line.strip():
                    reading.line(_object(line))
        return Success(reading.states())
    except Unreadable as wrong:
        return Failure(BadInitial(place, reading.number, str(wrong)))
    except (OSError, UnicodeDecodeError) as wrong:
        return Failure(BadInitial(place, reading.number, getattr(wrong, "strerror", None) or str(wrong)))


def begin(compiled: Compiled, initial: Initial, *, keeping: bool) -> Result[Beginning, Refusal]:
    """Read a given state, and pack it where the node keeps anything. Returns Failure(BadInitial)."""
    return read_initial(compiled, initial).map(
        lambda states: Beginning(states, _packed(compiled, states) if keeping else {})
    )


def _packed(compiled: Compiled, states: States) -> dict[str, bytes]:
    prefix = initial_prefix(compiled.application.name)
    return {f"{prefix}{at:010}": data for at, data in enumerate(packed(compiled, states))}


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as wrong:
        raise Unreadable(f"not JSON: {cut(str(wrong))}") from None
    if type(found) is not dict:
        raise Unreadable("a line is a JSON object")
    return found


class _Reading:
    """Takes lines, and gives the states when all are there."""

    def __init__(self, compiled: Compiled) -> None:
        self.number = 0
        self._compiled = compiled
        self._name = compiled.application.name
        self._secrets: bool | None = None
        self._lines: Lines | None = None
        self._others: list[str] = []
        self._ended = False
        self._count = 0
        self._found: dict[tuple[str, str], Any] = {}
        self._slots = {
            (machine, slot.address): slot
            for machine, program in compiled.programs.items()
            for slot in program.slots
        }

    def line(self, line: dict[str, Any]) -> None:
        self._count += 1
        if self._ended:
            raise Unreadable("a line behind the last one, which says `end`")
        if self._secrets is None:
            self._head(line)
        elif "journal" in line:
            pass  # what happened is in the state
        elif "end" in line:
            if line["end"] != self._count:
                raise Unreadable(
                    f"the last line says that there are {line['end']}, and it is number {self._count}"
                )
            self._ended = True
        elif "digest" in line:
            self._application(line)
        elif line.get("application") == self._name:
            self._part(line)
        elif "application" not in line:
            raise Unreadable(f"not a line of an export: {', '.join(map(repr, line))}")

    def _head(self, line: dict[str, Any]) -> None:
        if line.get("midflight") != FORMAT:
            raise Unreadable(
                f'the first line says {{"midflight": {FORMAT}, ...}}; an export of a newer one is not read'
            )
        self._secrets = line.get("secrets") == "written"

    def _application(self, line: dict[str, Any]) -> None:
        if line.get("application") != self._name:
            self._others.append(cut(str(line.get("application"))))
            return
        same = line["digest"] == self._compiled.digest
        self._lines = Lines(self._compiled.packing, secrets=bool(self._secrets), same=same)

    def _part(self, line: dict[str, Any]) -> None:
        kind = "table" if "table" in line else "cell"
        wanted = {
            "application",
            "machine",
            *(("table", "key", "row") if kind == "table" else ("cell", "value")),
        }
        if line.keys() != wanted:
            raise Unreadable(f"a {kind}'s line has the fields {', '.join(sorted(wanted))}")
        at = (str(line["machine"]), str(line[kind]))
        slot = self._slots.get(at)
        if slot is None or isinstance(slot, Table) is not (kind == "table"):
            known = ", ".join(f"{machine} {address}" for machine, address in self._slots)
            raise Unreadable(
                f"{self._name} has no {kind} {cut(at[1])!r} in a machine {cut(at[0])!r}; it has: {known}"
            )
        if self._lines is None:
            raise Unreadable(f"a line that tells the version of {self._name} comes first")
        try:
            self._take(at, slot, line, self._lines)
        except Unreadable as wrong:
            raise Unreadable(f"{at[0]} {at[1]}: {wrong}") from None

    def _take(self, at: tuple[str, str], slot: Slot, line: dict[str, Any], lines: Lines) -> None:
        if isinstance(slot, Table):
            rows = self._found.get(at, Map())
            self._found[at] = lines.with_row(slot, rows, line["key"], line["row"])
        elif at in self._found:
            raise Unreadable("it is there already")
        else:
            self._found[at] = lines.read(line["value"], slot.shape)

    def states(self) -> States:
        if not self._ended:
            raise Unreadable("the lines end without `end`: they were cut off")
        if self._lines is None:
            others = f"; they are of {', '.join(self._others)}" if self._others else ""
            raise Unreadable(f"no line is of {self._name}{others}")
        return {machine: tuple(self._values(machine)) for machine in self._compiled.programs}

    def _values(self, machine: str) -> Iterator[Any]:
        for slot in self._compiled.programs[machine].slots:
            at = (machine, slot.address)
            if at not in self._found and not isinstance(slot, Table):
                raise Unreadable(f"{machine} {slot.address} is in no line")
            yield self._found.get(at, Map())
