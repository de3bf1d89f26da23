"""What a data directory holds as JSON lines: every journaled event, then the state behind the last of them.

The lines are documented in docs/export.md. The journal is stepped again as recovery does, which reads only; so an
export is of one moment, and a node that runs on the directory is not asked and not held up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from returns.result import Failure, Result, Success

from arrows.cells import Table
from arrows.keys import value_of
from migrations.refusal import Refusal
from runtime.core import Core
from runtime.hosted import Hosted, Running
from runtime.journal import Event
from runtime.lines import FORMAT, Lines
from runtime.recovery import recover, retained
from runtime.store import Readable
from runtime.together import Together, unpack

Line: TypeAlias = dict[str, Any]


def export(
    store: Readable, write: Callable[[Line], object], *, secrets: bool = False
) -> Result[int, Refusal]:
    """Write what a store holds, line by line; what is secret only where `secrets` says so.

    Returns Success(the number of lines), or Failure as `recover`; then the last line, `end`, is missing.
    """
    count = 0

    def put(line: Line) -> None:
        nonlocal count
        count += 1
        write(line)

    journal = _Journal(put, secrets=secrets)
    put({"midflight": FORMAT, "secrets": "written" if secrets else "masked"})
    before = retained(store, journal.event)
    if isinstance(before, Failure):
        return Failure(before.failure())
    recovered = recover(store, journal.event)
    if isinstance(recovered, Failure):
        return Failure(recovered.failure())
    for running in recovered.unwrap().applications.values():
        for line in state(running, secrets=secrets):
            put(line)
    put({"end": count + 1})
    return Success(count)


def state(running: Running, *, secrets: bool) -> Iterator[Line]:
    """The lines of one application's state."""
    compiled = running.compiled
    name = compiled.application.name
    lines = Lines(compiled.packing, secrets=secrets)
    yield {"application": name, "version": compiled.application.version, "digest": compiled.digest}
    for hosted in running.machines.values():
        place = {"application": name, "machine": hosted.name}
        for slot, value in zip(hosted.program.slots, hosted.state, strict=True):
            if not isinstance(slot, Table):
                yield {**place, "cell": slot.address, "value": lines.write(value, slot.shape)}
                continue
            for key, row in value.items():
                yield {
                    **place,
                    "table": slot.address,
                    "key": lines.write(value_of(key), slot.key),
                    "row": lines.write_row(slot.slots, row),
                }


class _Journal:
    """Writes the events of a journal as they are come by."""

    def __init__(self, put: Callable[[Line], None], *, secrets: bool) -> None:
        self._put = put
        self._secrets = secrets
        self._now: int | None = None

    def event(self, at: tuple[int, int], event: Event, core: Core) -> None:
        kind, name, *rest = event
        line: Line = {"journal": at[0], "event": at[1], "now": self._now, "what": kind}
        match kind:
            case "now":
                self._now = name
                return
            case "start":
                line |= {"application": name, "edition": rest[0]}
            case "stop" | "settle":
                line |= {"application": name}
            case "swap":
                line |= {"application": name, "edition": rest[0], "back": rest[1]}
            case "step":
                line |= self._input(core.machines[name], *rest) | {"outcome": "ok", "check": rest[1]}
            case "raised":
                line |= self._input(core.machines[name], *rest) | {"outcome": "raised", "error": rest[1]}
        self._put(line)

    def _input(self, hosted: Hosted, packed: Any, _: object, trace: str, *named: str | int) -> Line:
        message, takes = unpack(hosted.packing, packed), hosted.program.takes
        lines = Lines(hosted.packing, secrets=self._secrets)
        several = type(message) is Together
        return {
            "application": hosted.application.name,
            "machine": hosted.name,
            "input": [lines.write(each, takes) for each in message.messages]
            if several
            else lines.write(message, takes),
            **({"together": True} if several else {}),
            "id": named[0] if named and isinstance(named[0], str) else None,
            **({"due": named[0]} if named and isinstance(named[0], int) else {}),
            "trace": trace,
        }
