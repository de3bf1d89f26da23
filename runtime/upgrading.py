"""An upgrade of an application on asyncio, from the wish to the swap: verified, prepared, rehearsed, swapped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.aftermath import TakenBack
from runtime.application import Application
from runtime.beside import beside
from runtime.bounded import bounded
from runtime.differing import differing
from runtime.durability import Disk, kept_on_disk
from runtime.host import Host
from runtime.hosted import Running
from runtime.instruction import Lead, Prepare, Probation, Rehearse, Swap, Tell, Terms, Verify
from runtime.keeper import NOTHING
from runtime.led_ahead import lead, with_memory, would_pause
from runtime.refusal import NotRunning
from runtime.rehearsing import RehearsalFailed, rehearsed
from runtime.settling import StillSweeping, settle
from runtime.status import ApplicationStatus, of_application
from runtime.transaction import Planned, Transaction, instructions, planned
from runtime.upgrade import Prepared, Upgraded
from runtime.versions import kept


class Upgrading:
    """Upgrades applications on a host, and sees them through."""

    _host: Host
    _disk: Disk | None
    _changing: asyncio.Lock
    _upgrading: asyncio.Lock
    _future: Callable[[], asyncio.Future[Any]]

    def _go_on(self) -> None:
        """See to what waits."""
        raise NotImplementedError

    async def upgrade(
        self,
        application: Application,
        expected: str | None = None,
        *,
        through: Sequence[Application] = (),
        rehearse: int = 0,
        expect: str | None = None,
        probation: Probation | None = Probation(),  # noqa: B008 - a frozen value
        allow_pause: bool = False,
        settle: bool = False,
        quarantine: bool = False,
        settle_before: bool = False,
        tell: Tell | None = None,
    ) -> Result[Upgraded, Refusal]:
        """Let another version of a running application take over, between two messages.

        `expected` is the digest that must be running. State follows the application's migrations; waiting
        messages stay. `through` are the versions between, where migrations lead here only by them.
        The last `rehearse` inputs are stepped in both versions before, in a process of its own, and what differs
        refuses the upgrade, unless the arrows in the file `expect` say that it may.
        Large cells are led beside the machines; one that changes all the time refuses it, unless with `allow_pause`
        callers may wait for it.
        It is watched for `probation`, and goes back by itself where it fails what the version before does not
        (`passed` waits for that); None watches nothing. With `settle` it cannot be undone any more as soon as it
        passed. With `quarantine` the keys of rows that cannot be led to it are set aside alone. One still watched is
        waited for, or with `settle_before` settled. `tell` hears of each instruction.
        Returns Failure with the typed reason, and then nothing has changed.
        """
        terms, name = Terms(probation, settle, quarantine), application.name
        given = instructions(
            name,
            application.version,
            tuple(application.machines),
            terms,
            expected=expected,
            rehearse=rehearse,
            allow_pause=allow_pause,
        )
        transaction = Transaction(name, application.version, given, self._host.clock, tell)
        async with self._upgrading:
            if not self._host.core.open:
                return Failure(NotRunning(name))
            transaction.begin(Verify)
            prepared = await self._prepared(
                application, expected, through, terms, transaction, settle_before=settle_before
            )
            versions = (application, *through)
            puts = await self._puts(*versions) if isinstance(prepared, Success) else Success(NOTHING)
            if isinstance(puts, Failure):
                prepared = Failure(puts.failure())
            if rehearse and isinstance(prepared, Success):
                wrong = await self._rehearsed(versions, puts.unwrap(), rehearse, expect, terms, transaction)
                prepared = prepared if wrong is None else Failure(wrong)
            if isinstance(prepared, Failure):
                return await self._change(name, prepared, transaction=transaction)
            return await self._led(prepared.unwrap(), puts.unwrap(), transaction, allow_pause=allow_pause)

    async def plan(
        self,
        application: Application,
        expected: str | None = None,
        *,
        through: Sequence[Application] = (),
        rehearse: int = 0,
        probation: Probation | None = Probation(),  # noqa: B008 - a frozen value
        allow_pause: bool = False,
        settle: bool = False,
        quarantine: bool = False,
    ) -> Result[Planned, Refusal]:
        """What `upgrade` would do, with every check that it makes before the swap. Changes nothing.

        Returns Success(the instructions, and what becomes of every cell), or Failure as `upgrade`.
        """
        terms = Terms(probation, settle, quarantine)
        prepare = partial(self._host.prepare, application, expected, tuple(through), terms)
        found: Result[Prepared, Refusal] = await bounded(application.name, prepare)
        return found.map(
            lambda prepared: planned(prepared, expected, rehearse=rehearse, allow_pause=allow_pause)
        )

    async def _prepared(
        self,
        application: Application,
        expected: str | None,
        through: Sequence[Application],
        terms: Terms,
        transaction: Transaction,
        settle_before: bool,
    ) -> Result[Prepared, Refusal]:
        self._goes_on(transaction)
        verified = self._host.core.verify(application.name, expected)
        if isinstance(verified, Failure):
            return Failure(verified.failure())
        transaction.done(Verify)
        transaction.begin(Prepare)
        prepare = partial(self._host.prepare, application, expected, tuple(through), terms)
        prepared: Result[Prepared, Refusal] = await bounded(application.name, prepare)
        if settle_before and isinstance(prepared, Success):
            await self.settle(application.name)  # or there is nothing to settle
        while isinstance(prepared, Success) and await self._waited(application.name, transaction):
            prepared = await bounded(application.name, prepare)
        if isinstance(prepared, Success):
            transaction.planned(prepared.unwrap().changed)
            transaction.changes = await beside(differing, prepared.unwrap())
            transaction.done(Prepare)
            self._goes_on(transaction)
        return prepared

    async def _rehearsed(
        self,
        versions: Sequence[Application],
        texts: Mapping[str, bytes],
        inputs: int,
        expect: str | None,
        terms: Terms,
        transaction: Transaction,
    ) -> Refusal | None:
        """Rehearse; return why the upgrade is refused for it."""
        directory = None if self._disk is None else self._disk.directory
        if directory is None:
            return RehearsalFailed(versions[0].name, "this node keeps no data in a directory")
        transaction.begin(Rehearse)
        editions = tuple(each.edition for each in versions)
        tell = partial(transaction.note, Rehearse)
        name, aside = versions[0].name, terms.quarantine
        result = await rehearsed(directory, name, editions, texts, inputs, expect, tell, quarantine=aside)
        if isinstance(result, Failure):
            refused: Refusal = result.failure()
            return refused
        done = result.unwrap()
        expected = f", {done.expected} differ as expected" if done.expected else ""
        states = "".join(f"; {each}" for each in done.differing[: bounds.SHOWN_DIFFERING])
        transaction.done(Rehearse, f"{done.inputs} inputs{expected}{states}")
        self._goes_on(transaction)
        return None

    async def _led(
        self, prepared: Prepared, puts: Mapping[str, bytes], transaction: Transaction, *, allow_pause: bool
    ) -> Result[Upgraded, Refusal]:
        """Lead what is large, and swap as soon as that holds no caller up."""
        name, made, tries = prepared.compiled.application.name, with_memory(prepared), 1
        transaction.begin(Lead)
        while True:
            led = await lead(made)
            async with self._changing:
                await self._unheld()
                if isinstance(led, Failure):
                    return await self._change(name, Failure(led.failure()), transaction=transaction)
                pause = None if allow_pause else would_pause(made, tries)
                if pause is None:
                    transaction.done(Lead)
                    transaction.begin(Swap)
                    if made.changed.tables:
                        self._host.sweep.collector.hide()
                    return await self._change(name, Success(made), puts, transaction)
                if tries == bounds.TRIES:
                    return await self._change(name, Failure(pause), transaction=transaction)
            transaction.note(Lead, f"{pause.machine}.{pause.address} has changed meanwhile: once more")
            tries += 1

    def _goes_on(self, transaction: Transaction) -> None:
        """Let the history tell how far an upgrade is."""
        keeper = self._host.keeper
        if keeper is not None and self._host.core.open:
            keeper.keep(keeper.history.upgrading(self._host.now(), transaction))

    async def passed(self, application: str) -> Result[ApplicationStatus, Refusal]:
        """Wait until an application is on probation no more, and that is on disk.

        Returns Success(its status), or Failure(UnknownApplication | TakenBack), or why it went back to the version
        before.
        """
        found: Result[Running, Refusal] = self._host.core.running(application)
        if isinstance(found, Failure):
            return Failure(found.failure())
        running = found.unwrap()
        transaction = running.transaction
        await self._unheld()
        while running.watch is not None and self._host.core.applications.get(application) is running:
            await asyncio.sleep(bounds.SEEN)
            await self._unheld()  # a crash before it is on disk would go back
        if transaction is not None and transaction.why is not None:
            return Failure(transaction.why)
        if transaction is not None and running.previous is None:
            return Failure(TakenBack(application, transaction.version))
        return Success(of_application(running))

    async def settle(self, application: str) -> Result[ApplicationStatus, Refusal]:
        """Let the last upgrade be one that cannot be undone, and let go of what was kept for the way back.

        It is on probation no more; where rows of its tables are on their way, it waits for them.
        Returns Success(its status), or Failure(UnknownApplication | NothingToSettle).
        """
        while True:
            async with self._changing:
                await self._unheld()
                ticket = None if self._disk is None else self._future()
                found = settle(self._host, application, ticket)
                self._host.tell()
                if isinstance(found, Success):
                    self._go_on()  # to let go of what there was waits for no message
                    wrong = await kept_on_disk(application, ticket)
                    return Success(of_application(found.unwrap())) if wrong is None else Failure(wrong)
            if not isinstance(found.failure(), StillSweeping):
                return Failure(found.failure())
            await asyncio.sleep(bounds.SEEN)

    async def _waited(self, name: str, transaction: Transaction) -> bool:
        """Wait until the upgrade before this one is on probation no more, and all its rows are led.

        Return whether there was something to wait for.
        """
        waited = False
        while True:
            running = self._host.core.applications.get(name)
            if running is None or (running.watch is None and running.is_swept) or not self._host.core.open:
                return waited
            if not waited:
                transaction.note(Prepare, "waits for the upgrade before this one")
                waited = True
            await asyncio.sleep(bounds.SEEN)

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
        prepared: Result[Prepared, Refusal],
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
