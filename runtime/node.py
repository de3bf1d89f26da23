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
from collections.abc import Callable, Generator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from returns.result import Failure, Result, Success

from arrows.shape import Shape
from migrations.refusal import Refusal
from runtime import bounds, gateway
from runtime.application import Application
from runtime.durability import Disk
from runtime.errors import CallError, Unavailable
from runtime.host import Host, logger
from runtime.hosted import Compiled, Encode, Hosted, Running
from runtime.journal import version_key
from runtime.observe import Observer
from runtime.refusal import NotKept, NotRunning
from runtime.status import ApplicationStatus, MachineStatus, Status, of_application
from runtime.store import Store
from runtime.upgrade import Prepared, Upgraded, compiled
from runtime.versions import kept

if TYPE_CHECKING:
    from starlette.applications import Starlette


T = TypeVar("T")
P = ParamSpec("P")


async def _beside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run pure work in a thread while the loop goes on.

    A thread that waits for the interpreter can be overtaken for seconds by a loop that is never idle, for the
    loop lets go only for an instant. So the loop lets go for longer now and then.
    """
    working = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    while not working.done():
        time.sleep(bounds.LET_GO)
        await asyncio.wait([working], timeout=bounds.SLICE)
    return working.result()


@types.coroutine
def _round() -> Generator[None, None, None]:
    """Let the loop go round; `asyncio.sleep(0)` without its own coroutine."""
    yield


def _not_started() -> asyncio.Future[Any]:
    raise Unavailable("the node is not running")


class Node:
    """Hosts applications in the event loop that enters it, and answers their callers.

    `data` is the directory that keeps what the machines know: a reply is released only when its message is on
    disk, and the node goes on where it was when it is entered again. Without it everything is in memory. (`store`
    is an engine of your own instead.) `clock` gives monotonic seconds; `random` is where references and trace
    ids come from. A node belongs to its loop: use it from there only.

        async with Node("data") as node:
            await node.start(application)
            await node.call("counter", Incr(2))
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | None = None,
        *,
        store: Store | None = None,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.monotonic,
        random: random_module.Random | None = None,
    ) -> None:
        self._clock = clock
        chance = random or random_module.Random()  # noqa: S311 - references, no secrets
        self._disk = None if data is None and store is None else Disk(data, store)
        self._host = Host(observers, clock, chance, durable=self._disk is not None)
        self._accept = self._host.core.accept
        self._machines = self._host.core.machines
        self._turns = self._credit = 0
        self._until: float | None = None
        self._scheduled = False
        self._changing = asyncio.Lock()
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
        self._host.core.open = True
        self._turns = self._credit = 0 if self._host.observers or self._disk else bounds.TURN
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take no more messages, answer those that wait, stop every application, the last one first."""
        self._host.core.open = False
        self._credit = self._turns = 0
        async with self._changing:
            for running in reversed(list(self._host.core.applications.values())):
                await self._stop(running)
            if self._disk is not None:
                await self._disk.close(self._host)

    # Messages

    async def call(self, machine: str, message: Any, trace: str = "", encode: Encode | None = None) -> Any:
        """Return a machine's reply to a message.

        Give `trace` and `encode` by name. `encode` is applied to the reply as a part of the step: where it
        raises, the step has failed. `trace` is the id that observers see. A message once accepted is stepped,
        also when its caller is cancelled.
        Raises StepFailed, Overloaded, Unavailable, UnknownMachine or BadMessage.
        """
        credit = self._credit
        if credit and encode is None:
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
            self._accept(machine, message, future, encode, trace)
        except CallError:
            self._host.tell()
            await asyncio.sleep(0)  # a caller who tries again at once lets the loop work
            raise
        if not self._scheduled:
            self._schedule()
        return await future

    def cast(self, machine: str, message: Any, *, trace: str = "") -> None:
        """Let a machine take a message and do not wait; what its step raises is only logged.

        Raises Overloaded, Unavailable, UnknownMachine or BadMessage.
        """
        try:
            self._accept(machine, message, None, None, trace)
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
        keeper = self._host.keeper
        room = keeper is None or keeper.room(bounds.BATCH) > 0
        if self._host.core.ready and room and not self._scheduled:
            self._schedule()

    def _soon(self, told: Callable[[], None]) -> None:
        """Hear of a commit, in the loop."""
        self._loop.call_soon_threadsafe(self._hear, told)

    def _hear(self, told: Callable[[], None]) -> None:
        try:
            told()
        finally:
            self._go_on()

    # Applications

    async def start(self, application: Application) -> Result[ApplicationStatus, Refusal]:
        """Start an application's machines in their order, from their first state or from what was kept of them.

        Where another version of it was kept, that one is upgraded to this one. Returns Success(its status), or
        Failure(NotRunning | NameTaken | CannotCompile | NeedsEffects | CannotKeep | NotKept), or what `upgrade`
        refuses; then it does not run, and what was kept of it is as it was.
        """
        async with self._changing:
            ready = await self._ready(application)
            ticket = self._future()
            result: Result[Running, Refusal] = ready.bind(lambda new: self._host.start(new, ticket))
            self._host.tell()
            if isinstance(result, Failure):
                return Failure(result.failure())
            running = result.unwrap()
            wrong = await self._kept(application.name, ticket)
            if wrong is None and running.compiled.digest != application.digest:
                prepared = await _beside(self._host.prepare, application, None)
                changed = await self._change(application.name, prepared)
                wrong = changed.failure() if isinstance(changed, Failure) else None
                if wrong is not None:
                    await self._stop(running)
            return Success(of_application(running)) if wrong is None else Failure(wrong)

    async def upgrade(
        self, application: Application, expected: str | None = None
    ) -> Result[Upgraded, Refusal]:
        """Let another version of a running application take over, between two messages.

        `expected` is the digest that must be running. State follows the application's migrations; waiting
        messages stay. Returns Failure with the typed reason, and then nothing has changed.
        """
        async with self._changing:
            if not self._host.core.open:
                return Failure(NotRunning(application.name))
            prepared = await _beside(self._host.prepare, application, expected)
            if isinstance(prepared, Success):
                ready = await self._ready(application)
                if isinstance(ready, Failure):
                    prepared = Failure(ready.failure())
            return await self._change(application.name, prepared)

    async def rollback(self, application: str) -> Result[Upgraded, Refusal]:
        """Let the version before the last upgrade take over again, its state migrated through `down`.

        Returns Failure with the typed reason, and then nothing has changed; NothingToRollBack among them.
        """
        async with self._changing:
            prepared = await _beside(self._host.core.prepare_back, application)
            return await self._change(application, prepared)

    async def _ready(self, application: Application) -> Result[Compiled, Refusal]:
        """Compile a version, and keep it where the node keeps anything."""
        ready: Result[Compiled, Refusal] = await _beside(compiled, application)
        if isinstance(ready, Failure) or self._host.keeper is None:
            return ready
        saved: Result[bytes, Refusal] = await _beside(kept, application)
        if isinstance(saved, Failure):
            return Failure(saved.failure())
        ticket = self._future()
        self._host.keeper.put(version_key(application.digest), saved.unwrap(), ticket)
        wrong = await self._kept(application.name, ticket)
        return ready if wrong is None else Failure(wrong)

    async def _change(self, name: str, prepared: Result[Prepared, Refusal]) -> Result[Upgraded, Refusal]:
        ticket = self._future()
        result = self._host.change(name, prepared, ticket)
        wrong = await self._kept(name, ticket) if isinstance(result, Success) else None
        return result if wrong is None else Failure(wrong)

    async def _kept(self, name: str, ticket: asyncio.Future[None]) -> Refusal | None:
        """Wait until something is on disk; return why it is not."""
        if self._host.keeper is None:
            return None
        try:
            await ticket
        except Unavailable as problem:
            return NotKept(name, str(problem))
        return None

    async def stop(self, application: str) -> Result[ApplicationStatus, Refusal]:
        """Stop an application's machines in reverse order; each finishes what waits at it.

        Returns Success(its last status) or Failure(UnknownApplication).
        """
        async with self._changing:
            found = self._host.core.running(application)
            if isinstance(found, Failure):
                return Failure(found.failure())
            return Success(await self._stop(found.unwrap()))

    async def _stop(self, running: Running) -> ApplicationStatus:
        core = self._host.core
        core.close(running)
        while any(hosted.inbox for hosted in running.machines.values()):
            await asyncio.sleep(0)
        last = of_application(running)
        core.remove(running)
        self._host.park(running)
        self._host.tell()
        return last

    # Looking

    def status(self) -> Status:
        """What runs here."""
        return self._host.status()

    def machine(self, name: str) -> MachineStatus:
        """One machine; raises UnknownMachine."""
        return self._host.machine(name)

    def accepts(self, machine: str) -> Shape:
        """The shape of the messages that a machine takes; raises UnknownMachine or Unavailable."""
        return self._host.core.open_machine(machine).program.takes

    def asgi(self) -> Starlette:
        """The node's machines as a web application, to serve or to mount in another one."""
        return gateway.application(self)
