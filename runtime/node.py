"""The node on asyncio: calls become futures, waiting messages become a callback of the loop.

A message waits in its machine's inbox, and one callback of the loop works off a batch for everybody. To wait
has a price, mostly the future and the wake-up of the task behind it. Where nothing waits at the machine and
nothing must be written before the reply may be seen, the caller's own task steps it at once: a batch of one,
in the same order as if it had waited. That alone would let a task that calls in a row keep the loop to
itself, so such steps are on credit. After `bounds.TURN` of them the caller whose step was the last lets the
loop go round before it gets its reply; and once they have taken `bounds.SLICE` in one round, messages wait
until the next. A node with observers, and a reply that is encoded, always go through the inbox: such a node
gives no credit (`_turns`).

A call at once is little more than the step itself, so what stands around it is written for speed: the step is
made in `call` and not in a function of the core, and its options are not keyword-only, which would cost every
call 2 to 7 percent.
"""

from __future__ import annotations

import asyncio
import os
import random as random_module
import time
import types
from collections.abc import Callable, Generator, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from runtime import bounds, gateway
from runtime.alarm import Alarm
from runtime.budget import Budget, begin
from runtime.changes import Changes
from runtime.collector import Collector
from runtime.datadir import Claim
from runtime.durability import Disk
from runtime.errors import CallError, Unavailable
from runtime.host import Host, Ticket, logger
from runtime.hosted import Encode, Hosted
from runtime.looking import Looking
from runtime.observe import Observer
from runtime.replaying import Replaying
from runtime.store import Store
from runtime.together import Together

if TYPE_CHECKING:
    from starlette.applications import Starlette


@types.coroutine
def _round() -> Generator[None, None, None]:
    """Let the loop go round; `asyncio.sleep(0)` without its own coroutine."""
    yield


def _not_started() -> asyncio.Future[Any]:
    raise Unavailable("the node is not running")


def _wall() -> int:
    return time.time_ns() // 1_000_000


class Node(Changes, Looking, Replaying):
    """Hosts applications in the event loop that enters it, and answers their callers.

    `data` is the directory that keeps what the machines know: a reply is released only when its message is on
    disk, and the node goes on where it was when it is entered again. Without it everything is in memory. (`store`
    is an engine of your own instead.) A step that takes longer than `budget` seconds is interrupted; None lets
    each take its time. `clock` gives monotonic seconds; `random` is where references and trace
    ids come from. A node belongs to its loop: use it from there only.

        async with Node("data") as node:
            await node.start(application)
            await node.call("counter", Incr(2))
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | Claim | None = None,
        *,
        store: Store | None = None,
        budget: float | None = bounds.BUDGET,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.monotonic,
        random: random_module.Random | None = None,
    ) -> None:
        self._clock = clock
        chance = random or random_module.Random()  # noqa: S311 - references, no secrets
        self._disk = None if data is None and store is None else Disk(data, store)
        self._host = Host(observers, clock, chance, wall=_wall, durable=self._disk is not None)
        if budget is not None and not budget > 0:
            raise ValueError(
                f"a budget of {budget:g} s: give more than 0, or None for steps that take all they want"
            )
        self._seconds = budget
        self._budget: Budget | None = None
        self._accept = self._host.core.accept
        self._machines = self._host.core.machines
        self._turns = self._credit = 0
        self._until: float | None = None
        self._scheduled = False
        self._alarm = Alarm(self._ring)
        self._changing = asyncio.Lock()
        self._upgrading = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop
        self._future: Callable[[], asyncio.Future[Any]] = _not_started

    async def __aenter__(self) -> Self:
        """Take messages from now on. Raises NotOpened where the data cannot be had or recovered."""
        self._loop = asyncio.get_running_loop()
        self._future = self._loop.create_future
        if self._disk is not None:
            await self._disk.open(self._host, self._soon)
        else:
            logger.warning("this node keeps its state in memory: a restart starts from nothing")
        if self._seconds is not None:
            self._budget = begin(self._host, Node.call.__code__, self._seconds, self._disk)
        self._host.sweep.collector = Collector(self._loop, self._host.did, lambda: self._host.sweep.has_work)
        self._host.core.open = True
        self._turns = self._credit = 0 if self._host.observers or self._disk else bounds.TURN
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take no more messages, answer those that wait, stop every application, the last one first."""
        self._host.core.open = False
        self._credit = self._turns = 0
        try:
            async with self._changing:
                for running in reversed(list(self._host.core.applications.values())):
                    await self._stop(running)
                self._host.hub.close()
                if self._disk is not None:
                    await self._disk.close(self._host)
        finally:
            self._alarm.stop()
            self._host.sweep.collector.end()
            if self._budget is not None:
                self._budget.end()

    # Messages

    async def call(
        self, machine: str, message: Any, trace: str = "", encode: Encode | None = None, id: str | None = None
    ) -> Any:
        """Return a machine's reply to a message.

        A message with an `id` is stepped once, however often it is given; a repeat gets what the first one got,
        for as long as the machine remembers it (`bounds.REQUESTS`, `bounds.REQUEST_SECONDS`).
        Give `trace`, `encode` and `id` by name. `encode` is applied to the reply as a part of the step: where it
        raises, the step has failed. `trace` is the id that observers see. A message once accepted is stepped,
        also when its caller is cancelled.
        Raises StepFailed, Overloaded, Unavailable, UnknownMachine or BadMessage; with an id also IdReused or
        BadId.
        """
        credit = self._credit
        if credit and encode is id:  # type: ignore[comparison-overlap] # both are None, asked at the price of one
            try:
                hosted: Hosted | None = self._machines[machine]
            except KeyError:
                hosted = None
            if hosted is not None and not hosted.inbox and type(message) in hosted.accepted:
                self._credit = credit - 1
                try:
                    hosted.state, reply = hosted.step(hosted.state, message)
                except KeyboardInterrupt:
                    raise
                except BaseException as error:
                    failure = self._host.core.failed_now(hosted, message, error)
                    self._host.log(failure)
                    self._end_turn()
                    await _round()
                    raise failure from error
                hosted.stepped += 1
                if credit == 1:
                    self._end_turn()
                    await _round()
                return reply
        future = self._future()
        try:
            if id is None:
                self._accept(machine, message, future, encode, trace)
            else:
                self._host.ask(machine, message, future, encode, trace, id)
                if future.done():
                    await _round()  # a caller who repeats at once lets the loop work
        except CallError:
            self._host.tell()
            await asyncio.sleep(0)  # a caller who tries again at once lets the loop work
            raise
        if not self._scheduled:
            self._schedule()
        return await future

    async def call_all(
        self, machine: str, messages: Iterable[Any], *, trace: str = "", id: str | None = None
    ) -> list[Any]:
        """Return a machine's replies to several messages that are stepped one after the other, all or none.

        Where one step raises, the state is as it was before the first, and StepFailed is raised. A crash keeps all
        or none as well. Together they count as one message; at most `bounds.TOGETHER` are taken.
        An `id` is that of all of them, as in `call`. Raises what `call` raises.
        """
        ticket: asyncio.Future[Any] = self._future()
        try:
            self.ask(machine, Together(tuple(messages)), ticket, trace=trace, id=id)
            if ticket.done():
                await _round()
        except CallError:
            await asyncio.sleep(0)  # a caller who tries again at once lets the loop work
            raise
        return list(await ticket)

    def cast(self, machine: str, message: Any, *, trace: str = "") -> None:
        """Let a machine take a message and do not wait; what its step raises is only logged.

        Raises Overloaded, Unavailable, UnknownMachine or BadMessage.
        """
        self.ask(machine, message, None, trace=trace)

    def ask(
        self,
        machine: str,
        message: Any,
        ticket: Ticket | None,
        *,
        encode: Encode | None = None,
        trace: str = "",
        id: str | None = None,
    ) -> None:
        """Let a machine take a message and do not wait: `ticket` is told. Otherwise as `call`."""
        try:
            if id is None:
                self._accept(machine, message, ticket, encode, trace)
            else:
                self._host.ask(machine, message, ticket, encode, trace, id)
        except CallError:
            self._host.tell()
            raise
        if not self._scheduled:
            self._schedule()

    def _end_turn(self) -> None:
        """Say how many steps the next caller may make at once."""
        now = self._clock()
        if self._until is None:
            self._until = now + bounds.SLICE
            self._loop.call_soon(self._refill)
        self._credit = self._turns if now < self._until else 0

    def _refill(self) -> None:
        """Begin another round of the loop."""
        self._until = None
        self._credit = self._turns

    def _schedule(self) -> None:
        self._scheduled = True
        self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._until is None:
            self._credit = self._turns
        try:
            self._host.turn()
        finally:
            self._go_on()

    def _go_on(self) -> None:
        if not self._scheduled and self._host.is_busy():
            self._schedule()
        self._alarm.set(self._loop, self._host.deadline(), self._host.now)

    def _ring(self) -> None:
        if not self._scheduled:
            self._schedule()

    def _soon(self, told: Callable[[], None]) -> None:
        """Hear of a commit, in the loop."""
        self._loop.call_soon_threadsafe(self._hear, told)

    def _hear(self, told: Callable[[], None]) -> None:
        try:
            told()
        finally:
            self._go_on()

    def asgi(self) -> Starlette:
        """The node's machines as a web application, to serve or to mount in another one."""
        return gateway.application(self)
