"""A node for tests: the same core, driven by hand. Nothing waits, nothing sleeps, nothing is random."""

from __future__ import annotations

import queue
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import Application
from runtime.differing import differing
from runtime.host import Host
from runtime.hosted import Compiled, Encode, Running
from runtime.initial import Beginning, Initial, begin
from runtime.instruction import Lead, Prepare, Probation, Swap, Tell, Terms
from runtime.keeper import NOTHING
from runtime.observe import Observer
from runtime.pending import Pending
from runtime.replaying import ReplayingByHand
from runtime.settling import settle
from runtime.status import ApplicationStatus, MachineStatus, Status, of_application
from runtime.store import Store
from runtime.subscriptions import Subscriber
from runtime.together import Together
from runtime.transaction import Transaction, instructions
from runtime.upgrade import Upgraded, compiled
from runtime.versions import kept


class NotOpened(Exception):
    """What a store holds cannot be recovered; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _abort(error: Exception) -> None:
    raise error


class TestNode(ReplayingByHand):
    """A node without a loop: messages wait until `step` or `drain`; `call` does both.

    `now` is its clock, in seconds; `seed` decides its references and trace ids; `versions` are as `recover` has them.

    >>> from arrows import loop
    >>> total = loop(lambda by, total: (total + by, total + by), init=0, name="total")
    >>> node = TestNode()
    >>> started = node.start(Application("sum", version="1", machines={"total": total}))
    >>> node.call("total", 2), node.call("total", 3)
    (2, 5)
    """

    __test__ = False

    def __init__(
        self,
        *,
        seed: int = 0,
        observers: Sequence[Observer] = (),
        store: Store | None = None,
        versions: dict[str, Compiled] | None = None,
    ) -> None:
        self.now = 0.0
        chance = random.Random(seed)  # noqa: S311 - to be repeated
        self._host = Host(
            observers,
            lambda: self.now,
            chance,
            wall=lambda: round(self.now * 1000),
            durable=store is not None,
        )
        self._told: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._host.core.open = True
        if store is not None:
            opened = self._host.open(store, self._told.put, _abort, versions)
            if isinstance(opened, Failure):
                raise NotOpened(opened.failure())

    # Messages

    def send(
        self,
        machine: str,
        message: Any,
        *,
        encode: Encode | None = None,
        trace: str = "",
        id: str | None = None,
    ) -> Pending:
        """Let a message wait at a machine; raises what `Node.call` raises before it waits."""
        pending = Pending()
        try:
            if id is None:
                self._host.core.accept(machine, message, pending, encode, trace)
            else:
                self._host.ask(machine, message, pending, encode, trace, id)
        finally:
            self._host.tell()
        return pending

    def call(
        self,
        machine: str,
        message: Any,
        *,
        encode: Encode | None = None,
        trace: str = "",
        id: str | None = None,
    ) -> Any:
        """Send a message, step all that waits, and return the reply or raise what `Node.call` raises."""
        pending = self.send(machine, message, encode=encode, trace=trace, id=id)
        self.drain()
        return pending.result()

    def send_all(self, machine: str, messages: Iterable[Any], *, id: str | None = None) -> Pending:
        """As `Node.call_all`, without waiting: the reply is a tuple."""
        return self.send(machine, Together(tuple(messages)), id=id)

    def call_all(self, machine: str, messages: Iterable[Any], *, id: str | None = None) -> list[Any]:
        """As `Node.call_all`."""
        pending = self.send_all(machine, messages, id=id)
        self.drain()
        return list(pending.result())

    def cast(self, machine: str, message: Any, *, trace: str = "") -> None:
        """Let a message wait that nobody waits for."""
        try:
            self._host.core.accept(machine, message, None, None, trace)
        finally:
            self._host.tell()

    def step(self, limit: int = bounds.BATCH) -> bool:
        """Step one batch of at most `limit` messages; return whether more is waiting."""
        return self._host.turn(limit)

    def hear(self) -> bool:
        """Take in one thing that the store told, if there is any; return whether there was."""
        try:
            told = self._told.get_nowait()
        except queue.Empty:
            return False
        told()
        return True

    def drain(self) -> None:
        """Step until nothing waits and no timer is due, and everything is committed."""
        while self._host.turn() or not self._settled() or self._due():
            pass

    def _due(self) -> bool:
        deadline = self._host.deadline()
        return deadline is not None and deadline <= self._host.now()

    def advance(self, seconds: float) -> None:
        """Let time pass: the clock stops at each deadline on the way, and what is due then is stepped."""
        until = self._host.now() + round(seconds * 1000)
        self.drain()
        while (deadline := self._host.deadline()) is not None and deadline <= until:
            self.now += max(0, deadline - self._host.now()) / 1000
            self.drain()
        self.now += max(0, until - self._host.now()) / 1000
        self.drain()

    def subscribe(self, topic: str) -> Subscriber:
        """As `Node.subscribe`, from now on: `take()` gives the events since the last time."""
        return self._host.hub.subscribe(topic)

    def _settled(self) -> bool:
        """Hear of commits; wait for the one that is under way."""
        keeper = self._host.keeper
        if keeper is None or keeper.idle():
            return True
        self._told.get(timeout=bounds.PATIENCE)()
        return False

    # Applications

    def start(
        self, application: Application, *, initial: Initial | None = None
    ) -> Result[ApplicationStatus, Refusal]:
        """As `Node.start`."""
        ready: Result[Compiled, Refusal] = compiled(application)
        puts = self._puts(application) if isinstance(ready, Success) else Success(NOTHING)
        keeping = self._host.keeper is not None
        begun: Result[Beginning | None, Refusal] = (
            Success(None) if initial is None else ready.bind(lambda new: begin(new, initial, keeping=keeping))
        )
        result: Result[Running, Refusal] = puts.bind(
            lambda kept: ready.bind(
                lambda new: begun.bind(lambda given: self._host.start(new, None, kept, given))
            )
        )
        self._host.tell()
        self.drain()
        running = result.value_or(None)
        if running is not None and application.digest not in (running.compiled.digest, running.undone):
            changed = self.upgrade(application)
            if isinstance(changed, Failure):
                self.stop(application.name)
                return Failure(changed.failure())
        return result.map(of_application)

    def upgrade(
        self,
        application: Application,
        expected: str | None = None,
        *,
        through: Sequence[Application] = (),
        probation: Probation | None = Probation(),  # noqa: B008 - a frozen value
        settle: bool = False,
        quarantine: bool = False,
        tell: Tell | None = None,
    ) -> Result[Upgraded, Refusal]:
        """As `Node.upgrade`; what waits keeps waiting. Where the upgrade before is watched, the clock goes on until
        it is no more.
        """
        puts = self._puts(application, *through)
        if isinstance(puts, Failure):
            return Failure(puts.failure())
        terms, name = Terms(probation, settle, quarantine), application.name
        given = instructions(name, application.version, tuple(application.machines), terms, expected=expected)
        alone = tuple(each for each in given if not isinstance(each, Lead))  # nothing runs beside it
        transaction = Transaction(name, application.version, alone, self._host.clock, tell)
        transaction.begin(Prepare)
        prepared = self._host.prepare(application, expected, through, terms)
        if isinstance(prepared, Success) and self._waited(name):
            prepared = self._host.prepare(application, expected, through, terms)
        if isinstance(prepared, Success):
            transaction.planned(prepared.unwrap().changed)
            transaction.changes = differing(prepared.unwrap())
            transaction.done(Prepare)
            transaction.begin(Swap)
        result = self._host.change(name, prepared, None, puts.unwrap(), transaction)
        while not self._settled():
            pass
        return result

    def _waited(self, name: str) -> bool:
        """Let the upgrade before be on probation no more; return whether it was."""
        running = self._host.core.applications.get(name)
        if running is None or running.watch is None:
            return False
        self.advance((running.watch.until - self._host.now()) / 1000)
        return True

    def _puts(self, *applications: Application) -> Result[Mapping[str, bytes], Refusal]:
        return Success(NOTHING) if self._host.keeper is None else kept(*applications)

    def rollback(self, application: str) -> Result[Upgraded, Refusal]:
        """As `Node.rollback`."""
        return self._host.change(application, self._host.core.prepare_back(application))

    def settle(self, application: str) -> Result[ApplicationStatus, Refusal]:
        """As `Node.settle`."""
        found = settle(self._host, application)
        self.drain()
        return found.map(of_application)

    def stop(self, application: str) -> Result[ApplicationStatus, Refusal]:
        """As `Node.stop`."""
        found = self._host.core.running(application)
        if isinstance(found, Failure):
            return Failure(found.failure())
        running = found.unwrap()
        self._host.core.close(running)
        self.drain()
        last = of_application(running)
        self._host.core.remove(running)
        self._host.park(running)
        self._host.tell()
        return Success(last)

    def close(self) -> None:
        """Step what waits and write a snapshot; the store is then the caller's to close."""
        self.drain()
        if self._host.keeper is not None:
            self._host.keeper.keep(self._host.keeper.history.stopped(self._host.now()))
            self._host.keeper.begin_snapshot()
            self._host.keeper.advance()
            self.drain()

    # Looking

    def status(self) -> Status:
        """As `Node.status`."""
        return self._host.status()

    def machine(self, name: str) -> MachineStatus:
        """As `Node.machine`."""
        return self._host.machine(name)
