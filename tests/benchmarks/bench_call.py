"""Calls per second in process, 64 callers, beside a bare asyncio actor. Prints; asserts nothing.

python tests/benchmarks/bench_call.py [calls]
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import time
from typing import Any

from arrows.build import loop
from runtime.application import Application
from runtime.node import Node

CALLERS = 64


def add(by: int, total: int) -> tuple[int, int]:
    """The machine of both sides."""
    return total + by, total + by


async def actor(calls: int) -> float:
    """A task that owns the state and reads a queue; each caller waits on a future."""
    queue: asyncio.Queue[tuple[int, asyncio.Future[int]]] = asyncio.Queue()
    here = asyncio.get_running_loop()

    async def own() -> None:
        total = 0
        while True:
            by, future = await queue.get()
            reply, total = add(by, total)
            future.set_result(reply)

    async def call(by: int) -> int:
        future: asyncio.Future[int] = here.create_future()
        await queue.put((by, future))
        return await future

    owner = asyncio.create_task(own())
    rate = await _rate(call, calls)
    owner.cancel()
    return rate


async def node(calls: int) -> float:
    """The same machine on a node in memory."""
    application = Application("sum", version="1", machines={"sum": loop(add, init=0, name="total")})
    async with Node() as running:
        (await running.start(application)).unwrap()
        call = running.call
        return await _rate(lambda by: call("sum", by), calls)


async def _rate(call: Any, calls: int) -> float:
    async def caller() -> None:
        for _ in range(calls // CALLERS):
            await call(1)

    since = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return calls / (time.perf_counter() - since)


if __name__ == "__main__":
    logging.disable()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    pairs = [(asyncio.run(actor(count)), asyncio.run(node(count))) for _ in range(5)]
    beside, ours = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"actor {beside:,.0f}/s   node {ours:,.0f}/s   ratio {ours / beside:.2f}")
