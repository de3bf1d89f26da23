"""What a host does with whole applications: they start, are upgraded and go back, in the commit that tells so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import journal
from runtime.application import Application
from runtime.batch import Batch
from runtime.core import Core
from runtime.hosted import Compiled, Running
from runtime.initial import Beginning, HasData, withdraw
from runtime.instruction import Swap, Terms, Watch
from runtime.instruction import Sweep as Sweeping
from runtime.keeper import NOTHING, Keeper
from runtime.letting_go import held
from runtime.probation import Failing
from runtime.refusal import NameTaken, NotRunning
from runtime.replacing import replace
from runtime.transaction import Transaction
from runtime.turned import as_before, away
from runtime.undoing import as_it_is
from runtime.upgrade import Prepared, Upgraded, compiled_through

if TYPE_CHECKING:
    from runtime.aftermath import Aftermath
    from runtime.host import Ticket
    from runtime.sweep import Sweep

logger = logging.getLogger("midflight")


class Changing:
    """The part of a host for whole applications."""

    clock: Callable[[], float]
    core: Core
    keeper: Keeper | None
    aftermath: Aftermath
    sweep: Sweep

    def begin(self) -> bool:
        """Give a batch that has no event yet its time; return whether it is such a one."""
        raise NotImplementedError

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
        application: Application,
        expected: str | None,
        through: Sequence[Application] = (),
        terms: Terms = Terms(None),  # noqa: B008 - a frozen value
    ) -> Result[Prepared, Refusal]:
        """Compile and plan an upgrade; changes nothing, and may run in a thread beside the machines."""
        result: Result[Compiled, Refusal] = compiled_through(application, through)
        return result.bind(lambda new: self.core.prepare(new, expected)).map(
            lambda made: attrs.evolve(made, terms=terms)
        )

    def change(
        self,
        name: str,
        prepared: Result[Prepared, Refusal],
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
        before = held(self.core.applications[name]) if name in self.core.applications else {}
        undo = as_it_is(self.core, name) if self.keeper and name in self.core.applications else None
        swapped: Result[Upgraded, Refusal] = prepared.bind(
            lambda made: self.core.swap(made, None if failing is None else failing.why)
        )
        result = swapped.map(lambda made: attrs.evolve(made, seconds=self.clock() - since))
        match result:
            case Success(Upgraded() as made):
                if transaction is not None:
                    transaction.done(Swap)
                self.sweep.let_go(before, prepared.unwrap().running)
                self._made(made, prepared.unwrap(), ticket, undo, puts, transaction, failing)
            case Failure(refusal):
                self.core.refused(name, refusal)
                if transaction is not None:
                    transaction.refuse(refusal)
                if self.keeper:
                    self.keeper.keep(self.keeper.history.refused(self.now(), name, refusal, transaction))
                logger.info("%s: refused: %s", name, refusal)
        self.tell()
        return result

    def _made(
        self,
        made: Upgraded,
        prepared: Prepared,
        ticket: Ticket | None,
        undo: Callable[[], None] | None,
        puts: Mapping[str, bytes],
        transaction: Transaction | None,
        failing: Failing | None,
    ) -> None:
        """Let what was swapped be kept and known."""
        running, why = prepared.running, None if failing is None else failing.why
        if transaction is not None:
            running.transaction = transaction
            transaction.begin(Sweeping)
            if running.is_swept:
                transaction.done(Sweeping)
            transaction.begin(Watch)
        gone = Batch() if self.keeper is None else self.keeper.batch
        away(self.core, made, prepared.against, gone)
        if self.keeper is None:
            self.release(gone)
        else:
            assert undo is not None, "the application runs"
            row = self.keeper.history.changed(self.core.now, made, transaction, why)
            event = journal.swapped(running.compiled, back=made.back, terms=prepared.terms)
            self.keeper.note(event, ticket, as_before(undo, made, failing), {**puts, **row})
        self._enter(running)
        word = "rolled back" if made.back else "upgraded"
        because = "" if why is None else f", as {why}"
        versions = (made.old_version, made.old, made.new_version, made.new)
        logger.info(
            "%s: %s from %s (%s) to %s (%s) in %.6f s%s",
            made.application,
            word,
            *versions,
            made.seconds,
            because,
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
        if keeper is not None and name in keeper.parked:
            if beginning is not None:
                return Failure(HasData(name))
            self.begin()
            again = self._again(new, keeper.parked[name], ticket, puts)
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
            keeper.note(event, ticket, lambda: withdraw(self.core, running), {**puts, **given, **row})
        return Success(running)

    def _again(
        self, new: Compiled, kept: Running, ticket: Ticket | None, puts: Mapping[str, bytes]
    ) -> Result[Running, Refusal]:
        """Let a kept application run again, as the version that it is; the caller upgrades it."""
        name = new.application.name
        if name in self.core.applications:
            return Failure(NameTaken("application", name, name))
        if not self.core.open:
            return Failure(NotRunning(name))
        taken = self.core.taken(kept.compiled)
        if taken is not None:
            return Failure(taken)
        assert self.keeper is not None
        was, undo = kept.compiled.edition, None
        same = kept.compiled.digest == new.digest
        if same:
            replaced = replace(kept, new)
            if isinstance(replaced, Failure):
                return Failure(replaced.failure())
            undo = replaced.unwrap()
        del self.keeper.parked[name]
        self.core.adopt(kept)
        if same:
            self._enter(kept)
        row = self.keeper.history.started(self.core.now, kept, again=True)
        if kept.compiled.edition != was:
            self.keeper.note(["start", name, new.edition], ticket, undo, {**puts, **row})
        else:
            self.keeper.keep(row)
            if ticket is not None:
                ticket.set_result(None)
        return Success(kept)

    def _enter(self, running: Running) -> Running:
        """Let an application's machines get what is due to them: once it is the version that is to run."""
        for hosted in running.machines.values():
            self.core.outbox.enter(hosted)
        self.sweep.begin(running)
        return running

    def park(self, running: Running) -> None:
        """Let a kept application rest; its state stays."""
        if self.keeper is not None:
            self.keeper.parked[running.compiled.application.name] = running
