"""Settling: what ends the way back from an upgrade, and lets go of what was kept for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import observe
from runtime.hosted import Running
from runtime.instruction import Settle
from runtime.letting_go import held
from runtime.quarantine import none_aside

if TYPE_CHECKING:
    from runtime.host import Host


@attrs.frozen
class NothingToSettle(Refusal):
    """The application has no upgrade that could be undone."""

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


def settle(host: Host, name: str, ticket: Any = None) -> Result[Running, Refusal]:
    """Let an application's last upgrade be one that cannot be undone; with a keeper `ticket` is told when it is kept.

    Returns Success(the application) or Failure(UnknownApplication | NothingToSettle | StillSweeping |
    KeysSetAside).
    """
    found: Result[Running, Refusal] = host.core.running(name)
    if isinstance(found, Failure):
        return found
    running = found.unwrap()
    before, watch = running.previous, running.watch
    if before is None or before.settled:
        return Failure(NothingToSettle(name))
    if not running.is_swept:
        return Failure(StillSweeping(name))
    aside = none_aside(running)
    if aside is not None:
        return Failure(aside)
    host.begin()
    stuck, settles = running.stuck, running.settles
    tables = held(running)
    running.settle()
    host.sweep.let_go(tables, running)
    if running.transaction is not None:
        running.transaction.begin(Settle)
        running.transaction.done(Settle)
    if host.core.observed:
        host.core.events.append(observe.Settled(name, "", running.compiled.digest, host.core.reference()))
    if host.keeper is not None:

        def undo() -> None:
            running.previous, running.stuck, running.settles = before, stuck, settles
            running.watched(watch)

        history = host.keeper.history
        puts = {**history.settled(host.core.now, running), **history.grown(running.transaction)}
        host.keeper.note(["settle", name], ticket, undo, puts)
        host.keeper.settled()
    return Success(running)
