"""Benchmarks of the node and of what its state weighs."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from arrows.build import identity, keyed, loop
from arrows.compile import compile
from runtime.application import Application
from runtime.bench import Bench, Measured, Say, Scale, Skip, in_turns
from runtime.bench_language import Incr, by_hand, counter
from runtime.node import Node

CALLERS: Final = 64
CALLS: Final = 100_000
KEYS: Final = 1_000_000
GEN_SERVER: Final = 2689.0
"""Bytes of an idle gen_server of Erlang/OTP 25 on a 64-bit machine."""


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


def keys(scale: Scale, say: Say) -> Measured:
    """A fresh process for each sample, so that nothing else was ever allocated in it."""
    if not Path("/proc/self/statm").exists():
        raise Skip("resident memory is read from /proc, which this system does not have")
    count = scale.of(KEYS, least=1000)
    found = []
    for at in range(scale.samples):
        say(f"{at + 1}/{scale.samples}")
        found.append(_child(count))
    return Measured(
        tuple(found),
        (GEN_SERVER,),
        f"{count:,} keys, the key and its count included; the gen_server is a known number, not measured here",
    )


def _child(count: int) -> float:
    root = str(Path(__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from runtime.bench_node import weigh; weigh({count})"
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Skip(f"the measuring process failed: {done.stderr.strip().splitlines()[-1:]}")
    return float(json.loads(done.stdout))


def count_of(key: int, total: int) -> tuple[int, int]:
    """Count how often a key was seen, from far enough that each count is an object of its own."""
    return total + 1000, total + 1000 + key


def weigh(count: int) -> None:
    """Step a keyed counter once for each key, and print how many bytes each came to."""
    program = compile(keyed(loop(count_of, init=0, name="count"), by=identity(), name="by_key"))
    state, _ = program.step(program.initial(), -1)
    before = _resident()
    for key in range(count):
        state, _ = program.step(state, key)
    print(json.dumps((_resident() - before) / count))


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


BENCHES = (
    Bench(
        "call",
        "calls in process, 64 callers, no journal",
        "a bare asyncio actor (queue and future)",
        "calls/s",
        call,
        reach=4.0,
    ),
    Bench(
        "bytes-per-key",
        "resident bytes for each key of keyed(counter)",
        "an idle gen_server",
        "B",
        keys,
        judged="value",
        reach=400.0,
        at_most=True,
    ),
)
