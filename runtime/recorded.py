"""A recorded trace: what came to the machines of an application, read from the lines of an export or plain ones.

A plain line is a message, or where there are several machines `{"machine": NAME, "input": MESSAGE}`, with
`"together": true` where the input is an array of messages that are stepped all or none; `"now"` is when, in
milliseconds. Without it a second passes between two lines. Of an export the journal is read; what the machines told
each other and themselves is left out, as it is told again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.errors import cut
from runtime.hosted import Compiled
from runtime.lines import Lines, Unreadable
from runtime.together import Together

SECOND = 1000


@attrs.frozen
class Recorded:
    """A message of a trace: its machine, when it came (milliseconds), and its line."""

    machine: str
    message: Any
    now: int
    line: int


@attrs.frozen
class NotATrace(Refusal):
    """A line of a trace is no message of the old version."""

    line: int
    problem: str

    @property
    def happened(self) -> str:
        return f"line {self.line} of the trace: {self.problem}."

    @property
    def remedy(self) -> str:
        return (
            'Each line is a message of the old version as JSON, {"machine": NAME, "input": MESSAGE}, or a line of '
            "`midflight export`; where that tells of other versions, take the part that the old version stepped."
        )


def recorded(lines: Iterable[bytes], old: Compiled) -> Result[tuple[Recorded, ...], Refusal]:
    """Read a trace. Returns Failure(NotATrace) with the first line that is no message of the old version."""
    reading = _Reading(old)
    found: list[Recorded] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found += reading.line(number, line)
        except _Wrong as wrong:
            return Failure(NotATrace(number, str(wrong)))
    return Success(tuple(found))


class _Wrong(Exception):
    """What is the matter with a line."""


class _Reading:
    def __init__(self, old: Compiled) -> None:
        self._old = old
        self._lines = Lines(old.packing, secrets=True)
        self._now = 0
        self._is_export = False

    def line(self, number: int, line: bytes) -> Iterator[Recorded]:
        try:
            plain = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _Wrong(f"it is no JSON ({error})") from None
        if number == 1 and type(plain) is dict and "midflight" in plain:
            self._is_export = True
        elif not self._is_export:
            yield self._plain(number, plain)
        elif type(plain) is dict and self._is_input(plain):
            yield self._addressed(number, plain)

    def _is_input(self, plain: dict[str, Any]) -> bool:
        """Whether a line of an export is a message that came from outside."""
        is_ours = plain.get("application") == self._old.application.name
        return is_ours and plain.get("what") in ("step", "raised") and "due" not in plain

    def _plain(self, number: int, plain: Any) -> Recorded:
        machines = tuple(self._old.programs)
        if type(plain) is dict and {"machine", "input"} <= plain.keys() and "type" not in plain:
            return self._addressed(number, plain)
        if len(machines) > 1:
            named = ", ".join(machines)
            raise _Wrong(f"it does not say which machine it is for; there are {named}")
        return self._addressed(number, {"machine": machines[0], "input": plain})

    def _addressed(self, number: int, plain: dict[str, Any]) -> Recorded:
        machine, given = plain["machine"], plain["input"]
        program = self._old.programs.get(machine) if type(machine) is str else None
        if program is None:
            raise _Wrong(
                f"there is no machine {cut(repr(machine))}; there are {', '.join(self._old.programs)}"
            )
        now = plain.get("now")
        self._now = max(self._now, now) if type(now) is int else self._now + SECOND
        try:
            if plain.get("together") is True and type(given) is list:
                message: Any = Together(tuple(self._lines.read(each, program.takes) for each in given))
            else:
                message = self._lines.read(given, program.takes)
        except Unreadable as wrong:
            raise _Wrong(f"it is no message of {machine} in the old version: {cut(str(wrong))}") from None
        return Recorded(machine, message, self._now, number)
