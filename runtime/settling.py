"""Settling: what ends the way back from an upgrade, and lets go of what was kept for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import observe
from runtime.instruction import Settle
from runtime.journal import Event
from runtime.letting_go import held
from runtime.quarantine import none_aside
from runtime.unit import Group

if TYPE_CHECKING:
    from runtime.core import Core
    from runtime.host import Host


@attrs.frozen
class NothingToSettle(Refusal):
    """The application, or the release, has no upgrade that could be undone."""

    application: str

    @property
    def happened(self) -> str:
        return f"{self.application}: no upgrade is open that could be settled."

    @property
    def remedy(self) -> str:
        return "There is nothing to do: it is settled, was rolled back, or was never upgraded."


@attrs.frozen
class StillSweeping(Refusal):
    """Not every row was led to the new version yet."""

    application: str

    @property
    def happened(self) -> str:
        return f"{self.application}: rows of its tables are still on their way to the new version."

    @property
    def remedy(self) -> str:
        return "Wait until `midflight status` tells of no more rows to lead, and settle then."


def settle(host: Host, name: str, ticket: Any = None) -> Result[Group, Refusal]:
    """Let the last upgrade of a release, or of an application alone, be one that cannot be undone.

    With a keeper `ticket` is told when that is kept. Returns Success(what it is of) or Failure(UnknownApplication |
    BelongsTo | NothingToSettle | StillSweeping | KeysSetAside).
    """
    found: Result[Group, Refusal] = host.core.group(name)
    if isinstance(found, Failure):
        return found
    group = found.unwrap()
    if not group.is_open:
        return Failure(NothingToSettle(name))
    if not group.is_swept:
        return Failure(StillSweeping(name))
    aside = next(filter(None, map(none_aside, group.members)), None)
    if aside is not None:
        return Failure(aside)
    host.begin()
    tables = [(each, held(each)) for each in group.members]
    undo = _settled(host.core, group)
    for running, before in tables:
        host.sweep.let_go(before, running)
    transaction = group.transaction
    if transaction is not None:
        transaction.begin(Settle)
        transaction.done(Settle)
    events: list[Event] = []
    for running in group.members:
        each = running.compiled
        events.append(["settle", each.application.name])
        if host.core.observed:
            told = observe.Settled(each.application.name, "", each.digest, host.core.reference())
            host.core.events.append(told)
    if group.unit is not None:
        events.append(["release", name, group.unit.settled().to_plain()])
    if host.keeper is not None:
        history = host.keeper.history
        puts = {**history.settled(host.core.now, group), **history.grown(transaction)}
        host.keeper.note(events, ticket, undo, puts)
        host.keeper.settled()
    return Success(group)


def _settled(core: Core, group: Group) -> Callable[[], None]:
    """End the way back; return what undoes that."""
    stood = [(each, each.previous, each.watch, each.stuck, each.settles) for each in group.members]
    unit = group.unit

    def undo() -> None:
        for running, before, watch, stuck, settles in stood:
            running.previous, running.stuck, running.settles = before, stuck, settles
            running.watched(watch)
        if unit is not None:
            core.releases[unit.name] = unit

    for running in group.members:
        running.settle()
    if unit is not None:
        core.releases[unit.name] = unit.settled()
    return undo
