"""What every driver of the core does: batches, logs, observers. A driver adds the loop and the tickets."""

from __future__ import annotations

import logging
import random as random_module
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from returns.result import Result, Success

from migrations.refusal import Refusal
from runtime import bounds, traces
from runtime.aftermath import Aftermath
from runtime.batch import Batch
from runtime.changing import Changing
from runtime.core import Core
from runtime.dead_letters import Letters
from runtime.errors import StepFailed
from runtime.hosted import Compiled, Encode
from runtime.keeper import Keeper
from runtime.observe import Observer
from runtime.probation import did
from runtime.recovered import Recovered
from runtime.recovery import recover
from runtime.requests import ask
from runtime.status import MachineStatus, Status, of_application, of_machine, of_releases
from runtime.store import Store
from runtime.subscriptions import Hub
from runtime.sweep import Sweep

logger = logging.getLogger("midflight")


class Ticket(Protocol):
    """Where a caller waits for a reply."""

    def done(self) -> bool:
        """Whether the caller has gone."""

    def set_result(self, result: Any, /) -> object:
        """Give the reply."""

    def set_exception(self, exception: BaseException, /) -> object:
        """Tell why there is none."""


class Host(Changing):
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
        self.letters = Letters(durable=durable)
        self._ahead = 0
        self.aftermath = Aftermath(self)
        self.sweep = Sweep(self.core, clock)

    def open(
        self,
        store: Store,
        soon: Callable[[Callable[[], None]], object],
        abort: Callable[[Exception], object],
        versions: dict[str, Compiled] | None = None,
    ) -> Result[Recovered, Refusal]:
        """Recover what a store holds, and keep everything in it from now on.

        `versions` and what is returned are as `recover` has them.
        """
        result = recover(store, versions=versions)
        if isinstance(result, Success):
            recovered = result.unwrap()
            self.core.now = recovered.now
            self.core.outbox.numbers = recovered.told
            number, base, release = recovered.number, recovered.base, self.release
            self.letters.open(store)
            self.keeper = Keeper(
                store,
                self.core,
                number,
                base,
                soon=soon,
                release=release,
                abort=abort,
                letters=self.letters,
                letting_go=self.sweep.letting_go,
            )
            self.core.parked.update(recovered.applications)
            self.core.releases.update(recovered.releases)
            self.aftermath.opened(self.keeper)
        return result

    def turn(self, limit: int = bounds.BATCH) -> bool:
        """Step one batch of at most `limit` messages, commit and release it; with a keeper, begin to.

        Return whether more can be stepped now.
        """
        core, clock, keeper = self.core, self.clock, self.keeper
        batch = Batch() if keeper is None else keeper.batch
        left = room = limit if keeper is None else keeper.room(limit)
        if self.begin():
            core.outbox.fire(core.now)
        until = clock() + bounds.SLICE
        while core.ready and left > 0 and batch.interrupt is None and not core.failing:
            left -= self.step(batch, min(left, bounds.TURN))
            if clock() >= until:
                break
        interrupt, batch.interrupt = batch.interrupt, None
        busy = left < room
        if keeper is None:
            self.release(batch)
            self.aftermath.look()
        else:
            self.aftermath.look()
            keeper.go()
            keeper.advance()
        if self.sweep.has_work and (keeper is None or keeper.lets()):
            self.sweep.go_on(busy=busy)
            self.aftermath.look()
            if keeper is not None:
                keeper.let()
        if core.events:
            self.tell()
        if interrupt is not None:
            raise interrupt
        return self.is_busy(limit)

    def is_busy(self, limit: int = bounds.BATCH) -> bool:
        """Whether `turn` has something to do now: messages to step, or rows to lead or to let go of."""
        keeper = self.keeper
        if keeper is not None and keeper.held:
            return False
        if self.sweep.has_work and (keeper is None or keeper.lets()):
            return True
        return bool(self.core.ready) and (keeper is None or keeper.room(limit) > 0)

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
        """When `turn` has something to do, in milliseconds; None while there is nothing, or a commit comes first."""
        keeper = self.keeper
        if keeper is not None and (keeper.held or keeper.batch.events):
            return None
        timer, watched = self.core.outbox.deadline(), self.aftermath.deadline()
        return timer if watched is None else watched if timer is None else min(timer, watched)

    def tell(self) -> None:
        """Hand waiting events to the observers. One that raises is logged and harms nobody."""
        events, self.core.events = self.core.events, []
        for event in events:
            for observer in self.observers:
                try:
                    observer(event)
                except Exception:
                    logger.exception("an observer raised on %s", type(event).__name__)

    def did(self) -> int:
        """How many messages were stepped."""
        return sum(map(did, self.core.applications.values()))

    def status(self) -> Status:
        """What runs."""
        return Status(
            "memory" if self.keeper is None else "disk",
            tuple(of_application(each, self.now()) for each in self.core.applications.values()),
            len(self.letters),
            self.letters.lost,
            of_releases(self.core, self.now()),
        )

    def machine(self, name: str) -> MachineStatus:
        """One machine; raises UnknownMachine."""
        hosted = self.core.machines.get(name)
        if hosted is None:
            raise self.core.absent(name)
        return of_machine(hosted)

    def release(self, batch: Batch) -> None:
        """Let the callers have what a batch came to, and the world hear what it told."""
        if batch.dead:
            self.letters.write(batch, self.core.now)
        if batch.letters or batch.gone:
            self.letters.released(batch)
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
            self.hub.publish(told)

    def log(self, failure: StepFailed) -> None:
        """Write what a step raised, with its reference."""
        hosted = self.core.machines.get(failure.machine)
        text = f"{failure.machine}: a step failed; reference {failure.reference}"
        traces.log(logger, text, failure.error, None if hosted is None else hosted.application)

    def reference(self) -> str:
        """A text that nothing else has."""
        return f"{self.random.getrandbits(64):016x}"
