"""What every driver of the core does: batches, logs, observers. A driver adds the loop and the tickets."""

from __future__ import annotations

import logging
import random as random_module
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds, journal
from runtime.application import Application
from runtime.batch import Batch
from runtime.core import Core
from runtime.errors import StepFailed
from runtime.hosted import Compiled, Encode, Running
from runtime.initial import Beginning, HasData, withdraw
from runtime.keeper import NOTHING, Keeper
from runtime.observe import Observer
from runtime.outbox import DeadLetter
from runtime.recovery import Recovered, recover
from runtime.refusal import NameTaken, NotRunning
from runtime.requests import ask
from runtime.status import MachineStatus, Status, of_application, of_machine
from runtime.store import Store
from runtime.subscriptions import Hub
from runtime.undoing import as_it_is
from runtime.upgrade import Prepared, Upgraded, compiled_through, replace

logger = logging.getLogger("midflight")


class Ticket(Protocol):
    """Where a caller waits for a reply."""

    def done(self) -> bool:
        """Whether the caller has gone."""

    def set_result(self, result: Any, /) -> object:
        """Give the reply."""

    def set_exception(self, exception: BaseException, /) -> object:
        """Tell why there is none."""


class Host:
    """A core with its observers, its clock (monotonic seconds) and its randomness; with a `keeper`, durable.

    `wall` gives the time of day in milliseconds since 1970.
    """

    def __init__(
        self,
        observers: Sequence[Observer],
        clock: Callable[[], float],
        random: random_module.Random,
        *,
        wall: Callable[[], int],
        durable: bool = False,
    ) -> None:
        self.clock = clock
        self.wall = wall
        self.random = random
        self.observers = tuple(observers)
        self.core = Core(self.reference, observed=bool(self.observers), journaled=durable)
        self.step: Callable[[Batch, int], int] = self.core.step
        self.keeper: Keeper | None = None
        self.hub = Hub()
        self._ahead = 0

    def open(
        self, store: Store, soon: Callable[[Callable[[], None]], object], abort: Callable[[Exception], object]
    ) -> Result[Recovered, Refusal]:
        """Recover what a store holds, and keep everything in it from now on. Returns Failure as `recover`."""
        result = recover(store)
        if isinstance(result, Success):
            recovered = result.unwrap()
            self.core.now = recovered.now
            self.core.outbox.numbers = recovered.told
            number, base, release = recovered.number, recovered.base, self._release
            self.keeper = Keeper(store, self.core, number, base, soon=soon, release=release, abort=abort)
            self.keeper.parked = self.core.outbox.parked = recovered.applications
        return result

    def turn(self, limit: int = bounds.BATCH) -> bool:
        """Step one batch of at most `limit` messages, commit and release it; with a keeper, begin to.

        Return whether more can be stepped now.
        """
        core, clock, keeper = self.core, self.clock, self.keeper
        batch = Batch() if keeper is None else keeper.batch
        left = limit if keeper is None else keeper.room(limit)
        if self.begin():
            core.outbox.fire(core.now)
        until = clock() + bounds.SLICE
        while core.ready and left > 0 and batch.interrupt is None:
            left -= self.step(batch, min(left, bounds.TURN))
            if clock() >= until:
                break
        interrupt, batch.interrupt = batch.interrupt, None
        if keeper is None:
            self._release(batch)
        else:
            keeper.go()
            keeper.advance()
        if core.events:
            self.tell()
        if interrupt is not None:
            raise interrupt
        return bool(core.ready) and (keeper is None or keeper.room(limit) > 0)

    def ask(
        self, machine: str, message: Any, ticket: Ticket | None, encode: Encode | None, trace: str, id: str
    ) -> None:
        """Let a named message wait, or be answered; raises as `requests.ask`."""
        ask(self.core, machine, message, ticket, encode, trace, id, self.now())

    def begin(self) -> bool:
        """Give a batch that has no event yet its time; return whether it is such a one."""
        fresh = self.keeper is None or not self.keeper.batch.events
        if fresh:
            self.core.now = self.now()
        return fresh

    def now(self) -> int:
        """The time of day in milliseconds; where the machine's clock goes back, it goes on from where it was."""
        wall = self.wall()
        self._ahead = max(self._ahead, self.core.now - wall)
        return wall + self._ahead

    def deadline(self) -> int | None:
        """When `turn` has a timer to fire, in milliseconds; None while there is none, or a commit comes first."""
        busy = self.keeper is not None and bool(self.keeper.batch.events)
        return None if busy else self.core.outbox.deadline()

    def tell(self) -> None:
        """Hand waiting events to the observers. One that raises is logged and harms nobody."""
        events, self.core.events = self.core.events, []
        for event in events:
            for observer in self.observers:
                try:
                    observer(event)
                except Exception:
                    logger.exception("an observer raised on %s", type(event).__name__)

    def prepare(
        self, application: Application, expected: str | None, through: Sequence[Application] = ()
    ) -> Result[Prepared, Refusal]:
        """Compile and plan an upgrade; changes nothing, and may run in a thread beside the machines."""
        result: Result[Compiled, Refusal] = compiled_through(application, through)
        return result.bind(lambda new: self.core.prepare(new, expected))

    def change(
        self,
        name: str,
        prepared: Result[Prepared, Refusal],
        ticket: Ticket | None = None,
        puts: Mapping[str, bytes] = NOTHING,
    ) -> Result[Upgraded, Refusal]:
        """Make a prepared change, or tell why not. With a keeper `ticket` is told when it and `puts` are kept."""
        since = self.clock()
        self.begin()
        undo = as_it_is(self.core, name) if self.keeper and name in self.core.applications else None
        swapped: Result[Upgraded, Refusal] = prepared.bind(self.core.swap)
        result = swapped.map(lambda made: attrs.evolve(made, seconds=self.clock() - since))
        if self.keeper and isinstance(result, Success):
            made = result.unwrap()
            puts = {**puts, **self.keeper.history.changed(self.core.now, made)}
            event = journal.swapped(self.core.applications[name].compiled, back=made.back)
            self.keeper.note(event, ticket, undo, puts)
        match result:
            case Success(Upgraded() as done):
                self._enter(self.core.applications[name])
                word = "rolled back" if done.back else "upgraded"
                logger.info("%s: %s from %s to %s in %.6f s", name, word, done.old, done.new, done.seconds)
            case Failure(refusal):
                self.core.refused(name, refusal)
                if self.keeper:
                    self.keeper.keep(self.keeper.history.refused(self.now(), name, refusal))
                logger.info("%s: refused: %s", name, refusal)
        self.tell()
        return result

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
            return self._again(new, keeper.parked[name], ticket, puts)
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
        return running

    def park(self, running: Running) -> None:
        """Let a kept application rest; its state stays."""
        if self.keeper is not None:
            self.keeper.parked[running.compiled.application.name] = running

    def status(self) -> Status:
        """What runs."""
        return Status(
            "memory" if self.keeper is None else "disk",
            tuple(map(of_application, self.core.applications.values())),
            self.core.outbox.dead,
        )

    def machine(self, name: str) -> MachineStatus:
        """One machine; raises UnknownMachine."""
        hosted = self.core.machines.get(name)
        if hosted is None:
            raise self.core.absent(name)
        return of_machine(hosted)

    def _release(self, batch: Batch) -> None:
        for ticket, reply, failure in batch.outcomes:
            if isinstance(failure, StepFailed):
                self.log(failure)
            if ticket is None or ticket.done():
                continue
            if failure is None:
                ticket.set_result(reply)
            else:
                ticket.set_exception(failure)
        for told in batch.told:
            if isinstance(told, DeadLetter):
                self.core.outbox.dead += 1
                logger.error("%s sent to %s, which did not take it: %s", told.sender, told.to, told.why)
            else:
                self.hub.publish(told)

    def log(self, failure: StepFailed) -> None:
        """Write what a step raised, with its reference."""
        what = (failure.machine, failure.reference)
        logger.error("%s: a step failed; reference %s", *what, exc_info=failure.error)

    def reference(self) -> str:
        """A text that nothing else has."""
        return f"{self.random.getrandbits(64):016x}"
