"""A node for tests: the same core, driven by hand. Nothing waits, nothing sleeps, nothing is random."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import Application
from runtime.host import Host
from runtime.hosted import Compiled, Encode, Running
from runtime.observe import Observer
from runtime.status import ApplicationStatus, MachineStatus, Status, of_application
from runtime.upgrade import Upgraded, compiled


class Pending:
    """A reply that may not be there yet."""

    def __init__(self) -> None:
        self._result: Any = None
        self._error: BaseException | None = None
        self._done = False

    def done(self) -> bool:
        """Whether there is an answer."""
        return self._done

    def set_result(self, result: Any, /) -> None:
        """Answer with a reply."""
        self._result, self._done = result, True

    def set_exception(self, exception: BaseException, /) -> None:
        """Answer with an error."""
        self._error, self._done = exception, True

    def result(self) -> Any:
        """The reply; raises the error that was answered, or LookupError where nothing was answered yet."""
        if not self._done:
            raise LookupError("the message was not stepped yet: call drain() first")
        if self._error is not None:
            raise self._error
        return self._result


class TestNode:
    """A node without a loop: messages wait until `step` or `drain`; `call` does both.

    `now` is its clock, in seconds; `seed` decides its references and trace ids.

    >>> from arrows import loop
    >>> total = loop(lambda by, total: (total + by, total + by), init=0, name="total")
    >>> node = TestNode()
    >>> started = node.start(Application("sum", version="1", machines={"total": total}))
    >>> node.call("total", 2), node.call("total", 3)
    (2, 5)
    """

    __test__ = False

    def __init__(self, *, seed: int = 0, observers: Sequence[Observer] = ()) -> None:
        self.now = 0.0
        self._host = Host(observers, lambda: self.now, random.Random(seed))  # noqa: S311 - to be repeated
        self._host.core.open = True

    # Messages

    def send(self, machine: str, message: Any, *, encode: Encode | None = None, trace: str = "") -> Pending:
        """Let a message wait at a machine; raises what `Node.call` raises before it waits."""
        pending = Pending()
        try:
            self._host.core.accept(machine, message, pending, encode, trace)
        finally:
            self._host.tell()
        return pending

    def call(self, machine: str, message: Any, *, encode: Encode | None = None, trace: str = "") -> Any:
        """Send a message, step all that waits, and return the reply or raise what `Node.call` raises."""
        pending = self.send(machine, message, encode=encode, trace=trace)
        self.drain()
        return pending.result()

    def cast(self, machine: str, message: Any, *, trace: str = "") -> None:
        """Let a message wait that nobody waits for."""
        try:
            self._host.core.accept(machine, message, None, None, trace)
        finally:
            self._host.tell()

    def step(self, limit: int = bounds.BATCH) -> bool:
        """Step one batch of at most `limit` messages; return whether more is waiting."""
        return self._host.turn(limit)

    def drain(self) -> None:
        """Step until nothing waits."""
        while self._host.turn():
            pass

    # Applications

    def start(self, application: Application) -> Result[ApplicationStatus, Refusal]:
        """As `Node.start`."""
        ready: Result[Compiled, Refusal] = compiled(application)
        result: Result[Running, Refusal] = ready.bind(self._host.core.start)
        self._host.tell()
        return result.map(of_application)

    def upgrade(self, application: Application, expected: str | None = None) -> Result[Upgraded, Refusal]:
        """As `Node.upgrade`; what waits keeps waiting."""
        return self._host.change(application.name, self._host.prepare(application, expected))

    def rollback(self, application: str) -> Result[Upgraded, Refusal]:
        """As `Node.rollback`."""
        return self._host.change(application, self._host.core.prepare_back(application))

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
        self._host.tell()
        return Success(last)

    # Looking

    def status(self) -> Status:
        """As `Node.status`."""
        return self._host.status()

    def machine(self, name: str) -> MachineStatus:
        """As `Node.machine`."""
        return self._host.machine(name)
