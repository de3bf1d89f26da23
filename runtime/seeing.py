"""What was upgraded is seen through, on asyncio: waited for, settled, and written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.aftermath import TakenBack
from runtime.application import Application
from runtime.beside import beside
from runtime.durability import Disk, kept_on_disk
from runtime.host import Host
from runtime.instruction import Prepare
from runtime.joint import Joint
from runtime.keeper import NOTHING
from runtime.release import Release
from runtime.settling import StillSweeping, settle
from runtime.status import ApplicationStatus, ReleaseStatus, of_group
from runtime.transaction import Transaction
from runtime.upgrade import Upgraded
from runtime.versions import kept


class Seeing:
    """Waits for what becomes of changes on a host."""

    _host: Host
    _disk: Disk | None
    _changing: asyncio.Lock
    _upgrading: asyncio.Lock
    _future: Callable[[], asyncio.Future[Any]]

    def _go_on(self) -> None:
        """See to what waits."""
        raise NotImplementedError

    async def passed(self, name: str) -> Result[ApplicationStatus | ReleaseStatus, Refusal]:
        """Wait until an application, or a release, is on probation no more, and that is on disk.

        Returns Success(its status), or Failure(UnknownApplication | BelongsTo | TakenBack), or why it went back to what
        was before.
        """
        core = self._host.core
        found = core.group(name)
        if isinstance(found, Failure):
            return Failure(found.failure())
        group = found.unwrap()
        transaction, members = group.transaction, group.members
        await self._unheld()
        while group.is_watched and all(
            core.applications.get(each.compiled.application.name) is each for each in members
        ):
            await asyncio.sleep(bounds.SEEN)
            await self._unheld()  # a crash before it is on disk would go back
        if transaction is not None and transaction.why is not None:
            return Failure(transaction.why)
        if transaction is not None and members and all(each.previous is None for each in members):
            return Failure(TakenBack(name, transaction.version))
        return core.group(name).map(lambda now: of_group(core, now))

    async def settle(self, name: str) -> Result[ApplicationStatus | ReleaseStatus, Refusal]:
        """Let the last upgrade be one that cannot be undone, and let go of what was kept for the way back.

        It is on probation no more; where rows of its tables are on their way, it waits for them.
        Returns Success(its status), or Failure(UnknownApplication | BelongsTo | NothingToSettle).
        """
        while True:
            async with self._changing:
                await self._unheld()
                found = await self._settled(name)
            if isinstance(found, Success) or not isinstance(found.failure(), StillSweeping):
                return found
            await asyncio.sleep(bounds.SEEN)

    async def _settled(self, name: str) -> Result[ApplicationStatus | ReleaseStatus, Refusal]:
        """Settle now. Returns Failure also where that must wait for rows."""
        ticket = None if self._disk is None else self._future()
        found = settle(self._host, name, ticket)
        self._host.tell()
        if isinstance(found, Failure):
            return Failure(found.failure())
        self._go_on()  # to let go of what there was waits for no message
        wrong = await kept_on_disk(name, ticket)
        made = self._host.core.group(name).map(lambda now: of_group(self._host.core, now))
        return made if wrong is None else Failure(wrong)

    async def _waited(
        self, wanted: Application | Release, transaction: Transaction, settles: bool = False
    ) -> bool:
        """Wait until all rows of the upgrade before this one are led, and unless that is settled, until it has passed.

        Return whether there was something to wait for.
        """
        waited = False
        while self._host.core.open and self._host.core.is_under_way(wanted, settles=settles):
            if not waited:
                transaction.note(Prepare, "waits for the upgrade before this one")
                waited = True
            await asyncio.sleep(bounds.SEEN)
        return waited

    async def _unheld(self) -> None:
        """Wait until a change that the node made by itself is on disk."""
        while self._host.keeper is not None and self._host.keeper.held and self._host.core.open:
            await asyncio.sleep(bounds.SLICE)

    async def _puts(self, *applications: Application) -> Result[Mapping[str, bytes], Refusal]:
        """What must be kept of versions, so that recovery can run them."""
        if self._disk is None or not self._host.core.open:
            return Success(NOTHING)
        saved: Result[Mapping[str, bytes], Refusal] = await beside(kept, *applications)
        return saved

    async def _change(
        self,
        name: str,
        prepared: Result[Joint, Refusal],
        puts: Mapping[str, bytes] = NOTHING,
        transaction: Transaction | None = None,
    ) -> Result[Upgraded, Refusal]:
        ticket = None if self._disk is None else self._future()
        since = self._host.clock()
        result = self._host.change(name, prepared, ticket, puts, transaction)
        self._go_on()  # the sweep, and the end of the probation, wait for no message
        if ticket is None or isinstance(result, Failure):
            return result
        wrong = await kept_on_disk(name, ticket)  # meanwhile nothing is stepped
        seconds = self._host.clock() - since
        return (
            result.map(lambda made: attrs.evolve(made, seconds=seconds)) if wrong is None else Failure(wrong)
        )
