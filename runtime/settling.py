"""Settling: what ends the way back from an upgrade, and lets go of what was kept for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.hosted import Running

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


def settle(host: Host, name: str, ticket: Any = None) -> Result[Running, Refusal]:
    """Let an application's last upgrade be one that cannot be undone; with a keeper `ticket` is told when it is kept.

    Returns Success(the application) or Failure(UnknownApplication | NothingToSettle).
    """
    found: Result[Running, Refusal] = host.core.running(name)
    if isinstance(found, Failure):
        return found
    running = found.unwrap()
    before = running.previous
    if before is None or before.settled:
        return Failure(NothingToSettle(name))
    host.begin()
    running.settle()
    if host.keeper is not None:

        def undo() -> None:
            running.previous = before

        row = host.keeper.history.settled(host.core.now, running)
        host.keeper.note(["settle", name], ticket, undo, row)
    return Success(running)
