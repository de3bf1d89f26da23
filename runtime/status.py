"""What a node runs, as frozen values that turn into JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import attrs
from immutables import Map

from arrows import record
from arrows.cells import Slot, Table, Values
from arrows.keys import value_of
from arrows.plain import describe, to_plain
from migrations.planner import Refused
from runtime import bounds
from runtime.errors import cut
from runtime.hosted import Hosted, Running
from runtime.quarantine import Aside, set_aside
from runtime.unit import ALONE, Group

if TYPE_CHECKING:
    from runtime.applications import Applications


@attrs.frozen
class CellStatus:
    """A cell: `value` is plain; for a table it is a number of rows, and `size` tells how many there are."""

    address: str
    type: str
    value: Any
    size: int | None = None

    def to_plain(self) -> dict[str, Any]:
        """The cell for JSON; `size` stands at tables only."""
        plain = {"address": self.address, "type": self.type, "value": self.value}
        return plain if self.size is None else {**plain, "size": self.size}


@attrs.frozen
class MachineStatus:
    """A machine: its version, the forms of messages it accepts, its cells, and what it did so far."""

    name: str
    application: str
    version: str
    digest: str
    accepts: tuple[str, ...]
    cells: tuple[CellStatus, ...]
    stepped: int
    failed: int
    waiting: int
    timers: int = 0
    sends: int = 0

    def to_plain(self) -> dict[str, Any]:
        """The machine for JSON; `timers` and `sends`, of other machines, where any wait."""
        none = {word for word in ("timers", "sends") if not getattr(self, word)}
        plain = attrs.asdict(self, recurse=False, filter=lambda field, _: field.name not in none)
        return {**plain, "accepts": list(self.accepts), "cells": [cell.to_plain() for cell in self.cells]}


@attrs.frozen
class UpgradeStatus:
    """The last upgrade of an application, which can still be undone.

    It is on probation while there is a `limit`: for so many messages and seconds, of which it had `messages` and has
    `seconds` to go. `rows` are those of tables that are still to be led. It is `stuck`, and why, where it should have
    gone back and cannot.
    """

    limit: str | None
    messages: int
    seconds: float
    rows: int
    stuck: str
    aside: tuple[Aside, ...] = ()
    """Keys that are set aside."""

    def to_plain(self) -> dict[str, Any]:
        """For JSON, what there is to say."""
        plain: dict[str, Any] = {}
        if self.limit is not None:
            plain["probation"] = {"limit": self.limit, "messages": self.messages, "seconds": self.seconds}
        if self.rows:
            plain["rows"] = self.rows
        if self.aside:
            shown = [each.to_plain() for each in self.aside[: bounds.SHOWN_ROWS]]
            plain["aside"] = {"count": len(self.aside), "keys": shown}
        return {**plain, "stuck": self.stuck} if self.stuck else plain


@attrs.frozen
class ApplicationStatus:
    """An application; `previous` is the version that a rollback would lead to, as its label, and `upgrade` how the
    upgrade from it stands.
    """

    name: str
    version: str
    digest: str
    machines: tuple[MachineStatus, ...]
    previous: str | None
    upgrade: UpgradeStatus | None = None

    def to_plain(self) -> dict[str, Any]:
        """The application for JSON; `upgrade` where there is one that can be undone."""
        plain = attrs.asdict(self, recurse=False, filter=lambda field, _: field.name != "upgrade")
        told = {} if self.upgrade is None else {"upgrade": self.upgrade.to_plain()}
        return {**plain, "machines": [each.to_plain() for each in self.machines], **told}


@attrs.frozen
class ReleaseStatus:
    """A release and its applications; `previous` is the version that a rollback would lead to, as its label."""

    name: str
    version: str
    digest: str
    applications: tuple[ApplicationStatus, ...]
    previous: str | None

    @property
    def machines(self) -> tuple[MachineStatus, ...]:
        """Those of all its applications."""
        return tuple(machine for each in self.applications for machine in each.machines)

    def to_plain(self) -> dict[str, Any]:
        """The release for JSON, with its applications by name and version."""
        plain = attrs.asdict(self, recurse=False)
        words = ("name", "version", "digest")
        parts = [{word: getattr(each, word) for word in words} for each in self.applications]
        return {**plain, "applications": parts}


@attrs.frozen
class Status:
    """A node. `durability` tells what a restart keeps: "memory" is nothing. `dead_letters` are those it keeps."""

    durability: str
    applications: tuple[ApplicationStatus, ...]
    dead_letters: int = 0
    dead_letters_lost: int = 0
    releases: tuple[ReleaseStatus, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of what is changed as one: the releases, and the applications that belong to none."""
        together = {part.name for each in self.releases for part in each.applications}
        alone = (each.name for each in self.applications if each.name not in together)
        return (*(each.name for each in self.releases), *alone)

    def to_plain(self) -> dict[str, Any]:
        """The node for JSON; `releases`, `dead_letters`, and those lost since it was started, where there are any."""
        plain: dict[str, Any] = {
            "durability": self.durability,
            "applications": [each.to_plain() for each in self.applications],
        }
        if self.releases:
            plain["releases"] = [each.to_plain() for each in self.releases]
        letters = {"dead_letters": self.dead_letters, "dead_letters_lost": self.dead_letters_lost}
        return {**plain, **{word: count for word, count in letters.items() if count}}


def of_releases(core: Applications, now: int | None = None) -> tuple[ReleaseStatus, ...]:
    """Read the releases that run."""
    return tuple(of_release(core, name, now) for name, unit in core.releases.items() if core.runs(unit))


def of_group(core: Applications, group: Group, now: int | None = None) -> ApplicationStatus | ReleaseStatus:
    """Read a release, or an application alone."""
    if group.unit is not None:
        return of_release(core, group.name, now)
    (running,) = group.members
    return of_application(running, now)


def of_release(core: Applications, name: str, now: int | None = None) -> ReleaseStatus:
    """Read a release that runs."""
    unit, previous = core.releases[name], None
    if unit.is_open:
        previous = ALONE if unit.before is None else unit.before.version
    parts = tuple(of_application(core.applications[name], now) for name in unit.applications)
    return ReleaseStatus(unit.name, unit.version, unit.digest(core.digests()), parts, previous)


def of_application(running: Running, now: int | None = None) -> ApplicationStatus:
    """Read an application that runs, at a time in milliseconds."""
    application, previous = running.compiled.application, running.previous
    label = previous.compiled.application.version if previous and not previous.settled else None
    machines = tuple(of_machine(hosted) for hosted in running.machines.values())
    upgrade = _upgrade(running, now) if running.is_open else None
    digest = running.compiled.digest
    return ApplicationStatus(application.name, application.version, digest, machines, label, upgrade)


def _upgrade(running: Running, now: int | None) -> UpgradeStatus:
    watch, aside = running.watch, tuple(set_aside(running))
    if watch is None:
        return UpgradeStatus(None, 0, 0.0, running.left, running.stuck, aside)
    seconds = max(0.0, (watch.until - (watch.since if now is None else now)) / 1000)
    messages = watch.messages(running)
    return UpgradeStatus(str(watch.limit), messages, seconds, running.left, running.stuck, aside)


def of_machine(hosted: Hosted) -> MachineStatus:
    """Read a machine that runs."""
    return MachineStatus(
        name=hosted.name,
        application=hosted.application.name,
        version=hosted.application.version,
        digest=hosted.digest,
        accepts=tuple(describe(hosted.program.takes)),
        cells=_cells(hosted.program.slots, hosted.state),
        stepped=hosted.stepped,
        failed=hosted.failed,
        waiting=len(hosted.inbox),
        timers=hosted.waits.timers,
        sends=hosted.waits.sends,
    )


def _cells(slots: tuple[Slot, ...], state: Values) -> tuple[CellStatus, ...]:
    return tuple(_cell(slot, value) for slot, value in zip(slots, state, strict=True))


def _cell(slot: Slot, value: Any) -> CellStatus:
    if isinstance(slot, Table):
        return CellStatus(slot.address, f"table by {slot.key}", _rows(slot, value), len(value))
    return CellStatus(slot.address, str(slot.shape), shown(value))


def _led(rows: Map[Any, Values]) -> Iterator[tuple[Any, Values]]:
    """The rows, as far as they can be led."""
    with contextlib.suppress(Refused):
        yield from rows.items()


def _rows(table: Table, rows: Map[Any, Values]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for key, row in _led(rows):
        if len(told) == bounds.SHOWN_ROWS:
            break
        cells = [cell.to_plain() for cell in _cells(table.slots, row)]
        told.append({"key": shown(value_of(key)), "cells": cells})
    return told


def shown(value: Any) -> Any:
    """A value as plain JSON, or a text that tells of one too large or with no JSON form."""
    if isinstance(value, str):
        return cut(value)
    if _larger(value, bounds.SHOWN_ITEMS):
        size = f" of {len(value)}" if hasattr(value, "__len__") else ""
        return f"({type(value).__name__}{size}, not shown)"
    try:
        return to_plain(value, masked=True)
    except (TypeError, ValueError, RecursionError):
        return f"({type(value).__name__}, no JSON form)"


def _larger(value: Any, limit: int) -> bool:
    """Whether there is more in a value than is shown, found without looking at all of it."""
    todo, seen = [value], 0
    while todo:
        seen += 1
        each = todo.pop()
        if seen + len(todo) > limit:
            return True
        match each:
            case str() | bytes() if len(each) > bounds.SHOWN_TEXT * 10:
                return True
            case int() if each.bit_length() > bounds.SHOWN_TEXT * 10:
                return True
            case tuple() | list() | frozenset() | dict() if len(each) > limit:
                return True
            case tuple() | list() | frozenset():
                todo.extend(each)
            case dict():
                todo.extend(each.keys())
                todo.extend(each.values())
            case _ if record.is_frozen_record(type(each)):
                todo.extend(record.values(each))
            case _:
                pass
    return False
