"""What a host does with whole applications: they start, are upgraded and go back, in the commit that tells so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.application import Application
from runtime.batch import Batch
from runtime.hosted import Compiled, Running
from runtime.initial import Beginning, HasData, withdraw
from runtime.instruction import Swap, Terms, Watch
from runtime.instruction import Sweep as Sweeping
from runtime.joint import BelongsTo, Joint
from runtime.keeper import NOTHING
from runtime.letting_go import held
from runtime.probation import Failing
from runtime.refusal import NameTaken
from runtime.release import Release
from runtime.releasing import prepare, verified
from runtime.resuming import Resuming
from runtime.transaction import Transaction
from runtime.turned import as_before, away
from runtime.undoing import as_it_is
from runtime.upgrade import Upgraded, all_compiled, compiled_through

if TYPE_CHECKING:
    from runtime.host import Ticket

logger = logging.getLogger("midflight")


class Changing(Resuming):
    """The part of a host for whole applications."""

    clock: Callable[[], float]

    def now(self) -> int:
        """The time of day in milliseconds."""
        raise NotImplementedError

    def tell(self) -> None:
        """Hand waiting events to the observers."""
        raise NotImplementedError

    def release(self, batch: Batch) -> None:
        """Let the callers have what a batch came to."""
        raise NotImplementedError

    def prepare(
        self,
        wanted: Application | Release,
        expected: str | None,
        through: Sequence[Application] = (),
        terms: Terms = Terms(None),  # noqa: B008 - a frozen value
        *,
        running: bool = True,
    ) -> Result[Joint, Refusal]:
        """Compile and plan an upgrade; changes nothing, and may run in a thread beside the machines.

        A release of which nothing is `running` is begun with it.
        """
        if isinstance(wanted, Application):
            result: Result[Compiled, Refusal] = compiled_through(wanted, through)
            alone = result.bind(lambda new: self.core.prepare(new, expected)).map(Joint.of)
            return alone.map(lambda made: made.with_terms(terms))
        made: Result[tuple[Compiled, ...], Refusal] = all_compiled(wanted, through)
        joint = made.bind(lambda new: prepare(self.core, wanted, new, expected, running=running))
        return joint.map(lambda one: one.with_terms(terms))

    def verify(self, wanted: Application | Release, expected: str | None) -> Refusal | None:
        """Why an upgrade cannot be begun: what runs is not what is expected, or goes only with its release."""
        return verified(self.core, wanted.name, expected, release=isinstance(wanted, Release))

    def change(
        self,
        name: str,
        prepared: Result[Joint, Refusal],
        ticket: Ticket | None = None,
        puts: Mapping[str, bytes] = NOTHING,
        transaction: Transaction | None = None,
        failing: Failing | None = None,
    ) -> Result[Upgraded, Refusal]:
        """Make a prepared change, or tell why not. With a keeper `ticket` is told when it and `puts` are kept.

        `failing` is what makes an upgrade go back, where nobody asked for it.
        """
        since = self.clock()
        self.begin()
        joint = prepared.value_or(None)
        undo = None if joint is None or self.keeper is None else as_it_is(self.core, joint)
        before = [] if joint is None else [(each, held(each)) for each in joint.touched]
        swapped: Result[Upgraded, Refusal] = prepared.bind(
            lambda made: self.core.swap(made, None if failing is None else failing.why)
        )
        result = swapped.map(lambda made: attrs.evolve(made, seconds=self.clock() - since))
        match result:
            case Success(Upgraded() as made):
                if transaction is not None:
                    transaction.done(Swap)
                for running, tables in before:
                    self.sweep.let_go(tables, running)
                self._made(made, prepared.unwrap(), ticket, undo, puts, transaction, failing)
            case Failure(refusal):
                self.core.refused(name, refusal)
                if transaction is not None:
                    transaction.refuse(refusal)
                if self.keeper:
                    release = name in self.core.releases
                    history = self.keeper.history
                    self.keeper.keep(history.refused(self.now(), name, refusal, transaction, release=release))
                logger.info("%s: refused: %s", name, refusal)
        self.tell()
        return result

    def _made(
        self,
        made: Upgraded,
        joint: Joint,
        ticket: Ticket | None,
        undo: Callable[[], None] | None,
        puts: Mapping[str, bytes],
        transaction: Transaction | None,
        failing: Failing | None,
    ) -> None:
        """Let what was swapped be kept and known."""
        swapped, why = [each.running for each in joint.swaps], None if failing is None else failing.why
        if transaction is not None:
            for running in swapped:
                running.transaction = transaction
            transaction.begin(Sweeping)
            if all(running.is_swept for running in swapped):
                transaction.done(Sweeping)
            transaction.begin(Watch)
            if not swapped:
                transaction.done(Watch, "nothing that ran before is another version")
        gone = Batch() if self.keeper is None else self.keeper.batch
        away(self.core, made, gone)
        if self.keeper is None:
            self.release(gone)
        else:
            assert undo is not None, "it was prepared"
            row = self.keeper.history.changed(self.core.now, made, transaction, why)
            self.keeper.note(joint.events(), ticket, as_before(undo, made, failing), {**puts, **row})
            if joint.settles:
                self.keeper.settled()
        for name in dict.fromkeys(each.application.name for each in joint.versions_to):
            if name in self.core.applications:
                self._enter(self.core.applications[name])
        because = "" if why is None else f", as {why}"
        versions = (made.old_version, made.old, made.new_version, made.new)
        logger.info(
            "%s: %s from %s (%s) to %s (%s) in %.6f s%s",
            *(made.application, made.word, *versions, made.seconds, because),
        )

    def start(
        self,
        new: Compiled,
        ticket: Ticket | None = None,
        puts: Mapping[str, bytes] = NOTHING,
        beginning: Beginning | None = None,
    ) -> Result[Running, Refusal]:
        """Start an application: from its first state, a given one, or where it was kept; `ticket` as in `change`."""
        name, keeper = new.application.name, self.keeper
        unit = self.core.unit_of(name)
        if unit is not None:
            return Failure(BelongsTo(name, unit.name, unit.version))
        if name in self.core.releases:
            return Failure(NameTaken("release", name, name))
        if name in self.core.parked:
            if beginning is not None:
                return Failure(HasData(name))
            self.begin()
            again = self.again(new, self.core.parked[name], ticket, puts)
            return again.map(self.aftermath.again)
        result = self.core.start(new)
        if isinstance(result, Failure):
            return result
        running = result.unwrap()
        given = {} if beginning is None else beginning.begun(running)
        self._enter(running)
        if keeper is not None:
            self.begin()
            keeper.spent.update(given)
            event = ["start", name, new.edition, *([] if beginning is None else [len(given)])]
            row = keeper.history.started(self.core.now, running)
            keeper.note([event], ticket, lambda: withdraw(self.core, running), {**puts, **given, **row})
        return Success(running)
