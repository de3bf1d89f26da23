"""The node: what a call costs beside an actor written by hand."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from runtime.application import Application
from runtime.bench import Bench, Measured, Say, Scale, in_turns
from runtime.node import Node

from .counter import Incr, by_hand, counter

CALLERS: Final = 64
CALLS: Final = 100_000


def call(scale: Scale, say: Say) -> Measured:
    """A node in memory, in turns with the actor."""
    calls = scale.of(CALLS, least=CALLERS)
    logger = logging.getLogger("midflight")
    was, logger.disabled = logger.disabled, True
    try:
        return in_turns(lambda: asyncio.run(_node(calls)), lambda: asyncio.run(_actor(calls)), scale, say)
    finally:
        logger.disabled = was


async def _actor(calls: int) -> float:
    """A task that owns the state and reads a queue; each caller waits on a future."""
    queue: asyncio.Queue[tuple[Incr, asyncio.Future[Any]]] = asyncio.Queue()
    here = asyncio.get_running_loop()

    async def own() -> None:
        count = 0
        while True:
            message, future = await queue.get()
            count, reply = by_hand(count, message)
            future.set_result(reply)

    async def ask(message: Incr) -> Any:
        future = here.create_future()
        await queue.put((message, future))
        return await future

    async def caller(count: int) -> None:
        message = Incr()
        for _ in range(count):
            await ask(message)

    owner = asyncio.create_task(own())
    rate = await _rate(caller, calls)
    owner.cancel()
    return rate


async def _node(calls: int) -> float:
    application = Application("counter", version="1", machines={"counter": counter})
    async with Node() as node:
        (await node.start(application)).unwrap()

        async def caller(count: int) -> None:
            message = Incr()
            for _ in range(count):
                await node.call("counter", message)

        return await _rate(caller, calls)


async def _rate(caller: Callable[[int], Awaitable[None]], calls: int) -> float:
    each = calls // CALLERS
    since = time.perf_counter()
    await asyncio.gather(*(caller(each) for _ in range(CALLERS)))
    return each * CALLERS / (time.perf_counter() - since)


BENCHES = (
    Bench(
        "call",
        "calls in process, 64 callers, no journal",
        "a bare asyncio actor (queue and future)",
        "calls/s",
        call,
        reach=4.0,
    ),
)
