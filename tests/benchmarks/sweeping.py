"""What it costs to lead a large table row by row."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from immutables import Map

import arrows
from arrows.compile import Program, compile
from migrations.ahead import Ahead
from migrations.plan import plan
from runtime.bench import Bench, Measured, Say, Scale, Skip, in_turns
from runtime.node import Node

from .memory import resident
from .pause import ONE, TWO, Add, fill, pair, quietly, settled

ROWS: Final = 200_000
TOUCHED: Final = 20_000
WEIGH: Final = """
import asyncio, sys
from runtime import bench
bench.known()
from runtime.benchmarks.sweeping import weigh
asyncio.run(weigh(int(sys.argv[1])))
"""


def rate(scale: Scale, say: Say) -> Measured:
    """Rows a second of a node that nobody calls, and of a loop that applies the same arrow to a dict."""
    count = scale.of(ROWS, least=1000)
    rows = {key: (key,) for key in range(count)}
    program = compile(pair)
    first = program.initial()

    def by_loop() -> float:
        led, since = {}, time.perf_counter()
        for key, (number,) in rows.items():
            led[key] = (program.step(first, number)[1],)
        return count / (time.perf_counter() - since)

    with quietly():
        return in_turns(lambda: asyncio.run(_swept(count)), by_loop, scale, say)


async def _swept(count: int) -> float:
    async with Node() as node:
        await fill(node, count)
        (await node.upgrade(TWO, probation=None)).unwrap()
        since = time.perf_counter()
        while node._host.sweep.has_work:
            await asyncio.sleep(0)
        return count / (time.perf_counter() - since)


def latency(scale: Scale, say: Say) -> Measured:
    """Microseconds in which 99 of 100 calls of a busy caller are answered, while rows are led and when all are."""
    found = []
    with quietly():
        for at in range(scale.samples):
            say(f"{at + 1}/{scale.samples}")
            found.append(asyncio.run(_latencies(scale.of(ROWS, least=1000))))
    during, without = zip(*found, strict=True)
    return Measured(during, without)


async def _latencies(count: int) -> tuple[float, float]:
    async with Node() as node:
        await fill(node, count)
        (await node.upgrade(TWO, probation=None)).unwrap()
        since = time.perf_counter()
        during = await _p99(node, count, lambda: not node._host.sweep.has_work)
        until = 2 * time.perf_counter() - since
        return during, await _p99(node, count, lambda: time.perf_counter() >= until)


async def _p99(node: Node, count: int, over: Callable[[], bool]) -> float:
    draw = random.Random(count)
    taken: list[float] = []
    while not over() or len(taken) < 2:
        message = Add(draw.randrange(count))
        since = time.perf_counter()
        await node.call("numbers", message)
        taken.append(time.perf_counter() - since)
    return statistics.quantiles(taken, n=100)[98] * 1e6


def touch(scale: Scale, say: Say) -> Measured:
    """Microseconds of a step on a row that no message has touched yet, and of one on a row that was led."""
    old, new = compile(ONE.machines["numbers"]), compile(TWO.machines["numbers"])
    way = plan(old, new, TWO.migrations[0]).unwrap()
    count = scale.of(ROWS, least=1000)
    state = (Map((key, (key + 1,)) for key in range(count)),)
    held: list[Any] = []

    def first() -> float:
        held[:] = [way.apply(state, ahead=Ahead()).unwrap()]
        return _touched(new, held, count)

    return in_turns(first, lambda: _touched(new, held, count), scale, say)


def _touched(program: Program[Any, Any], held: list[Any], count: int) -> float:
    state, step = held[0], program.step
    messages = [Add(key) for key in random.Random(count).sample(range(count), min(count, TOUCHED))]
    gc.collect()
    gc.disable()
    since = time.perf_counter()
    for message in messages:
        state, _ = step(state, message)
    taken = time.perf_counter() - since
    gc.enable()
    held[0] = state
    return taken / len(messages) * 1e6


def memory(when: str, scale: Scale, say: Say) -> Measured:
    """Resident bytes for each row after an upgrade, and before; a fresh process for each sample."""
    if not Path("/proc/self/statm").exists():
        raise Skip("resident memory is read from /proc, which this system does not have")
    found = []
    for at in range(scale.samples):
        say(f"{at + 1}/{scale.samples}")
        found.append(_child(scale.of(ROWS, least=2000)))
    return Measured(tuple(each[when] for each in found), tuple(each["before"] for each in found))


def _child(count: int) -> dict[str, float]:
    paths = [str(Path(arrows.__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-P", "-c", WEIGH, str(count)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Skip(f"the measuring process failed: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


async def weigh(count: int) -> None:
    """Print how many bytes each row came to before an upgrade, when it was swept, and when it was settled."""
    found = {}
    logging.disable()
    async with Node() as node:
        (await node.start(ONE)).unwrap()
        await node.call("numbers", Add(-1))
        empty = resident()

        def look() -> float:
            return max(1.0, (resident() - empty) / count)

        for at in range(0, count, 1000):
            await node.call_all("numbers", [Add(key) for key in range(at, min(count, at + 1000))])
        found["before"] = look()
        (await node.upgrade(TWO, probation=None)).unwrap()
        while node._host.sweep.has_work:
            await asyncio.sleep(0)
        found["swept"] = look()
        (await node.settle("pause")).unwrap()
        await settled(node)
        found["settled"] = look()
    print(json.dumps(found))


BENCHES = (
    Bench(
        "sweep",
        "rows a second that are led to a new version while nobody calls",
        "the same arrow in a loop over a dict of them",
        "rows/s",
        rate,
    ),
    Bench(
        "sweep-p99",
        "99 of 100 calls of one busy caller to rows at random are answered within, while rows are led",
        "the same when all are led",
        "us",
        latency,
    ),
    Bench("first-touch", "a step on a row that was not led yet", "a step on a row that was", "us", touch),
    Bench(
        "swap-memory",
        "resident bytes for each row when all are led and the way back is kept",
        "before the upgrade",
        "B",
        partial(memory, "swept"),
    ),
    Bench(
        "settled-memory",
        "resident bytes for each row when the upgrade is settled",
        "before the upgrade",
        "B",
        partial(memory, "settled"),
    ),
)
