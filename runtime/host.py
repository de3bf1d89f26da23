"""What every driver of the core does: batches, logs, observers. A driver adds the loop and the tickets."""

from __future__ import annotations

import logging
import random as random_module
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import Application
from runtime.core import Batch, Core
from runtime.errors import StepFailed
from runtime.hosted import Compiled
from runtime.observe import Observer
from runtime.status import MachineStatus, Status, of_application, of_machine
from runtime.upgrade import Prepared, Upgraded, compiled

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
    """A core with its observers, its clock (monotonic seconds) and its randomness."""

    def __init__(
        self, observers: Sequence[Observer], clock: Callable[[], float], random: random_module.Random
    ) -> None:
        self.clock = clock
        self.random = random
        self.observers = tuple(observers)
        self.core = Core(self._reference, observed=bool(self.observers))

    def turn(self, limit: int = bounds.BATCH) -> bool:
        """Step, commit and release one batch of at most `limit` messages. Return whether more is waiting."""
        core, clock, batch = self.core, self.clock, Batch()
        until = clock() + bounds.SLICE
        while core.ready and limit > 0 and batch.interrupt is None:
            limit -= core.step(batch, min(limit, bounds.TURN))
            if clock() >= until:
                break
        # Commit: a node in memory has nothing to do here; a journal will.
        self._release(batch)
        if core.events:
            self.tell()
        if batch.interrupt is not None:
            raise batch.interrupt
        return bool(core.ready)

    def tell(self) -> None:
        """Hand waiting events to the observers. One that raises is logged and harms nobody."""
        events, self.core.events = self.core.events, []
        for event in events:
            for observer in self.observers:
                try:
                    observer(event)
                except Exception:
                    logger.exception("an observer raised on %s", type(event).__name__)

    def prepare(self, application: Application, expected: str | None) -> Result[Prepared, Refusal]:
        """Compile and plan an upgrade; changes nothing, and may run in a thread beside the machines."""
        result: Result[Compiled, Refusal] = compiled(application)
        return result.bind(lambda new: self.core.prepare(new, expected))

    def change(self, name: str, prepared: Result[Prepared, Refusal]) -> Result[Upgraded, Refusal]:
        """Make a prepared change, or tell and log why not."""
        since = self.clock()
        result: Result[Upgraded, Refusal] = prepared.bind(self.core.swap)
        seconds = self.clock() - since
        match result:
            case Success(Upgraded() as done):
                result = Success(attrs.evolve(done, seconds=seconds))
                word = "rolled back" if done.back else "upgraded"
                logger.info("%s: %s from %s to %s in %.6f s", name, word, done.old, done.new, seconds)
            case Failure(refusal):
                self.core.refused(name, refusal)
                logger.info("%s: refused: %s", name, refusal)
        self.tell()
        return result

    def status(self) -> Status:
        """What runs."""
        return Status("memory", tuple(map(of_application, self.core.applications.values())))

    def machine(self, name: str) -> MachineStatus:
        """One machine; raises UnknownMachine."""
        hosted = self.core.machines.get(name)
        if hosted is None:
            raise self.core.absent(name)
        return of_machine(hosted)

    def _release(self, batch: Batch) -> None:
        for ticket, reply, failure in batch.outcomes:
            if failure is not None:
                self.log(failure)
            if ticket is None or ticket.done():
                continue
            if failure is None:
                ticket.set_result(reply)
            else:
                ticket.set_exception(failure)

    def log(self, failure: StepFailed) -> None:
        """Write what a step raised, with its reference."""
        what = (failure.machine, failure.reference)
        logger.error("%s: a step failed; reference %s", *what, exc_info=failure.error)

    def _reference(self) -> str:
        return f"{self.random.getrandbits(64):016x}"
