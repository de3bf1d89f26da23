"""A node for tests: the same core, driven by hand. Nothing waits, nothing sleeps, nothing is random."""

from __future__ import annotations

import queue
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from returns.result import Failure

from migrations.refusal import Refusal
from runtime import bounds
from runtime.changed_by_hand import ChangesByHand
from runtime.host import Host
from runtime.hosted import Compiled, Encode
from runtime.observe import Observer
from runtime.pending import Pending
from runtime.replaying import ReplayingByHand
from runtime.status import (
    MachineStatus,
    Status,
)
from runtime.store import Store
from runtime.subscriptions import Subscriber
from runtime.together import Together


class NotOpened(Exception):
    """What a store holds cannot be recovered; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _abort(error: Exception) -> None:
    raise error


class TestNode(ChangesByHand, ReplayingByHand):
    """A node without a loop: messages wait until `step` or `drain`; `call` does both.

    `now` is its clock, in seconds; `seed` decides its references and trace ids; `versions` are as `recover` has them.

    >>> from arrows import loop
    >>> from runtime.application import Application
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
