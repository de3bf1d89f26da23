"""An upgrade of an application, or of a release, on asyncio, from the wish to the swap: verified, prepared, swapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import Application
from runtime.beside import beside
from runtime.bounded import bounded
from runtime.differing import differing
from runtime.instruction import Lead, Prepare, Probation, Rehearse, Swap, Tell, Terms, Verify
from runtime.joint import Joint
from runtime.keeper import NOTHING
from runtime.led_ahead import lead, with_memory, would_pause
from runtime.refusal import NotRunning
from runtime.rehearsing import RehearsalFailed, rehearsed
from runtime.release import Release
from runtime.rerun import Rerun
from runtime.seeing import Seeing
from runtime.transaction import Planned, Transaction, begun, planned
from runtime.upgrade import Upgraded


class Upgrading(Seeing):
    """Upgrades applications and releases on a host."""

    async def upgrade(
        self,
        wanted: Application | Release,
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
        """Let another version of a running application take over, or another release, between two messages.

        Of a release all applications that are other versions take over between the same two messages, or none.
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
        terms = Terms(probation, settle, quarantine)
        transaction = begun(
            wanted,
            terms,
            self._host.clock,
            tell,
            expected=expected,
            rehearse=rehearse,
            allow_pause=allow_pause,
        )
        name = wanted.name
        async with self._upgrading:
            if not self._host.core.open:
                return Failure(NotRunning(name))
            transaction.begin(Verify)
            prepared = await self._prepared(
                wanted, expected, through, terms, transaction, settle_before=settle_before
            )
            joint = prepared.value_or(None)
            puts = Success(NOTHING) if joint is None else await self._puts(*joint.applications)
            if isinstance(puts, Failure):
                prepared = Failure(puts.failure())
            if rehearse and isinstance(prepared, Success):
                wrong = await self._rehearsed(prepared.unwrap(), puts.unwrap(), rehearse, expect, transaction)
                prepared = prepared if wrong is None else Failure(wrong)
            if isinstance(prepared, Failure):
                return await self._change(name, prepared, transaction=transaction)
            return await self._led(
                prepared.unwrap(),
                puts.unwrap(),
                transaction,
                allow_pause=allow_pause,
                settle_before=settle_before,
            )

    async def plan(
        self,
        wanted: Application | Release,
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
        wrong = self._host.verify(wanted, expected)
        if wrong is not None:
            return Failure(wrong)
        prepare = partial(self._host.prepare, wanted, expected, tuple(through), terms)
        found: Result[Joint, Refusal] = await bounded(wanted.name, prepare)
        return found.map(
            lambda prepared: planned(prepared, expected, rehearse=rehearse, allow_pause=allow_pause)
        )

    async def _prepared(
        self,
        wanted: Application | Release,
        expected: str | None,
        through: Sequence[Application],
        terms: Terms,
        transaction: Transaction,
        settle_before: bool,
    ) -> Result[Joint, Refusal]:
        self._goes_on(transaction)
        wrong = self._host.verify(wanted, expected)
        if wrong is not None:
            return Failure(wrong)
        transaction.done(Verify)
        transaction.begin(Prepare)
        prepare = partial(self._host.prepare, wanted, expected, tuple(through), terms)
        prepared: Result[Joint, Refusal] = await bounded(wanted.name, prepare)
        while isinstance(prepared, Success) and await self._waited(wanted, transaction, settle_before):
            prepared = await bounded(wanted.name, prepare)
        if isinstance(prepared, Success):
            joint = prepared.unwrap()
            transaction.planned(joint.machines, joint.changed)
            transaction.changes = await beside(differing, joint)
            transaction.done(Prepare)
            self._goes_on(transaction)
        return prepared

    async def _rehearsed(
        self,
        joint: Joint,
        texts: Mapping[str, bytes],
        inputs: int,
        expect: str | None,
        transaction: Transaction,
    ) -> Refusal | None:
        """Rehearse every application that changes; return why the upgrade is refused for it."""
        directory = None if self._disk is None else self._disk.directory
        if directory is None:
            return RehearsalFailed(joint.name, "this node keeps no data in a directory")
        transaction.begin(Rehearse)
        tell, aside = partial(transaction.note, Rehearse), joint.terms.quarantine
        told: list[Rerun] = []
        for each in joint.swaps:
            new = each.compiled
            editions = tuple(one.edition for one in (new, *new.through))
            name = new.application.name
            result = await rehearsed(directory, name, editions, texts, inputs, expect, tell, quarantine=aside)
            if isinstance(result, Failure):
                refused: Refusal = result.failure()
                return refused
            told.append(result.unwrap())
        done, expected = sum(each.inputs for each in told), sum(each.expected for each in told)
        differ = [str(one) for each in told for one in each.differing]
        states = "".join(f"; {each}" for each in differ[: bounds.SHOWN_DIFFERING])
        more = f", {expected} differ as expected" if expected else ""
        transaction.done(Rehearse, f"{done} inputs{more}{states}")
        self._goes_on(transaction)
        return None

    async def _led(
        self,
        joint: Joint,
        puts: Mapping[str, bytes],
        transaction: Transaction,
        *,
        allow_pause: bool,
        settle_before: bool,
    ) -> Result[Upgraded, Refusal]:
        """Lead what is large, and swap as soon as that holds no caller up; the upgrade before may be settled then."""
        name, made, tries = joint.name, with_memory(joint), 1
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
                    if settle_before:
                        await self._settled(name)  # or there is nothing to settle
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
