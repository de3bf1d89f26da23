"""How long a swap keeps a busy caller waiting, beside `sys:change_code` of Erlang/OTP."""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from arrows.build import keyed
from arrows.notation import proc
from migrations import Migration
from runtime.application import Application
from runtime.bench import Bench, Measured, Say, Scale, Skip, in_turns
from runtime.node import Node

SECONDS: Final = 0.4
"""How long the caller calls, with a swap in the middle and without."""

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
    """Milliseconds that a swap adds to the longest gap between two replies, in turns with Erlang's."""
    erlang = shutil.which("escript")
    if erlang is None:
        raise Skip("there is no escript here: install Erlang/OTP (the package erlang-base)")
    logger = logging.getLogger("midflight")
    was, logger.disabled = logger.disabled, True
    try:
        return in_turns(lambda: asyncio.run(_pause(entries)), lambda: _of_erlang(erlang, entries), scale, say)
    finally:
        logger.disabled = was


async def _pause(entries: int) -> float:
    async with Node() as node:
        (await node.start(ONE)).unwrap()
        for number in range(entries):
            await node.call("numbers", Add(number))
        gc.collect()  # so that it comes neither into the one gap nor into the other
        gc.freeze()
        quiet = await _longest_gap(node)
        swap = asyncio.create_task(_later(node))
        swapped = await _longest_gap(node)
        await swap
        return max(swapped - quiet, LEAST)


async def _later(node: Node) -> None:
    await asyncio.sleep(SECONDS / 2)
    (await node.upgrade(TWO)).unwrap()


async def _longest_gap(node: Node) -> float:
    message, longest = Add(0), 0.0
    last = time.perf_counter()
    until = last + SECONDS
    while last < until:
        await node.call("numbers", message)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest * 1000


def _of_erlang(erlang: str, entries: int) -> float:
    done = subprocess.run(
        [erlang, str(SCRIPT), str(entries), str(round(SECONDS * 1000))],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Skip(f"the Erlang side failed: {(done.stdout + done.stderr).strip()[:200]}")
    return max(float(done.stdout), LEAST)


def _bench(entries: int, reach: float | None) -> Bench:
    return Bench(
        f"pause-{entries}",
        f"what a swap adds to the longest gap between two replies to one busy caller, {entries:,} entries",
        "Erlang/OTP, sys:change_code of a map of as many entries",
        "ms",
        partial(pause, entries),
        reach=reach,
        at_most=True,
    )


BENCHES = (_bench(1, 1.0), _bench(1000, None), _bench(100_000, None), _bench(1_000_000, 0.02))
