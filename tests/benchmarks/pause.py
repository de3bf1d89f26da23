"""How long a whole upgrade keeps a busy caller waiting, beside `sys:change_code` of Erlang/OTP."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal

import attrs

from arrows.build import keyed
from arrows.notation import proc
from migrations import Migration
from runtime.application import Application
from runtime.bench import Bench, Measured, Say, Scale, Skip, in_turns
from runtime.node import Node

SECONDS: Final = 0.2
"""How long the caller calls around an upgrade. In Erlang it is all the time, as the upgrade is a part of that."""

TIMES: Final = 5
"""So many upgrades make up a sample, which is their median: what one adds is less than what a scheduler does."""

MANY: Final = 1_000_000
"""Entries of which one upgrade is a sample."""

LEAST: Final = 0.001
"""Milliseconds; a difference that is smaller, or below nothing, is noise."""

SCRIPT: Final = Path(__file__).with_name("pause.escript")


@attrs.frozen
class Add:
    """Adds to a key's number."""

    key: int


@proc
def old(msg: Add, *, count: int = 0) -> int:
    """A number for each key."""
    count += 1
    return count


@proc
def new(msg: Add, *, count: tuple[int, int] = (0, 0)) -> int:
    """Two of them."""
    count = (count[0], count[1] + 1)
    return count[1]


@proc
def key(msg: Add) -> int:
    """Where an addition goes."""
    return msg.key


@proc
def pair(count: int) -> tuple[int, int]:
    """Up."""
    return (count, count)


@proc
def last(count: tuple[int, int]) -> int:
    """Down."""
    return count[1]


ONE = Application("pause", version="1", machines={"numbers": keyed(old, key, "numbers")})
TWO = Application(
    "pause",
    version="2",
    machines={"numbers": keyed(new, key, "numbers")},
    migrations=[
        Migration("numbers", old="1", new="2", up={"numbers/count": pair}, down={"numbers/count": last})
    ],
)


def pause(entries: int, scale: Scale, say: Say) -> Measured:
    """Milliseconds that an upgrade adds to the longest gap between two replies, in turns with Erlang's."""
    erlang = shutil.which("escript")
    if erlang is None:
        raise Skip("there is no escript here: install Erlang/OTP (the package erlang-base)")
    count, times = scale.of(entries, least=1), scale.of(TIMES, least=1) if entries < MANY else 1
    with quietly():
        return in_turns(
            lambda: max(statistics.median(asyncio.run(_pause(count)) for _ in range(times)), LEAST),
            lambda: _of_erlang(erlang, count, times),
            scale,
            say,
        )


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Log nothing: of nodes in memory, and of upgrades."""
    logger = logging.getLogger("midflight")
    was, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = was


async def fill(node: Node, entries: int) -> None:
    """Let a node have so many rows of the old version."""
    (await node.start(ONE)).unwrap()
    gc.disable()  # it would look through all of them again and again
    for at in range(0, entries, 1000):
        await node.call_all("numbers", [Add(key) for key in range(at, min(entries, at + 1000))])
    gc.enable()
    gc.collect()


async def settled(node: Node) -> None:
    """Wait until an upgrade that settles by itself has come to its end, and what was before it is gone."""
    while node.status().applications[0].previous is not None or node._host.sweep.has_work:
        await asyncio.sleep(0.01)


async def _pause(entries: int) -> float:
    """The longest gap until an upgrade is at its end and the rows of before are gone, minus that of as long without."""
    async with Node() as node:
        await fill(node, entries)
        upgrading = asyncio.create_task(_upgraded(node))
        since = time.perf_counter()
        swapped = await _longest_gap(node, upgrading.done)
        until = 2 * time.perf_counter() - since
        await upgrading
        return swapped - await _longest_gap(node, lambda: time.perf_counter() >= until)


async def _upgraded(node: Node) -> None:
    await asyncio.sleep(SECONDS / 2)
    (await node.upgrade(TWO, settle=True)).unwrap()
    await settled(node)
    await asyncio.sleep(SECONDS / 2)


async def _longest_gap(node: Node, over: Callable[[], bool]) -> float:
    message, longest = Add(0), 0.0
    last = time.perf_counter()
    while not over():
        await node.call("numbers", message)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest * 1000


def _of_erlang(erlang: str, entries: int, times: int) -> float:
    done = subprocess.run(
        [erlang, str(SCRIPT), str(entries), str(round(SECONDS * 1000)), str(times)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Skip(f"the Erlang side failed: {(done.stdout + done.stderr).strip()[:200]}")
    return max(float(done.stdout), LEAST)


def _bench(entries: int, reach: float | None, judged: Literal["ratio", "value"] = "ratio") -> Bench:
    return Bench(
        f"pause-{entries}",
        f"what an upgrade adds to the longest gap between two replies to one busy caller, {entries:,} entries",
        "Erlang/OTP, sys:change_code of a map of as many entries",
        "ms",
        partial(pause, entries),
        judged=judged,
        reach=reach,
        at_most=True,
    )


BENCHES = (
    _bench(1, 1.0),
    _bench(1000, None),
    _bench(100_000, None),
    _bench(1_000_000, 10.0, "value"),
)
