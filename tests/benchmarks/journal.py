"""The durable node: what a call costs beside the writing alone, and how fast a journal is read back."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from arrows.compile import compile
from arrows.wire import classes_of
from runtime import bounds
from runtime.application import Application
from runtime.bench import Bench, Measured, Say, Scale, in_turns
from runtime.embedded import open_store
from runtime.node import Node
from runtime.reading import open_reading
from runtime.recovery import recover

from .counter import Incr, by_hand, counter

CALLS: Final = 40_000
RECORDS: Final = 200_000


@contextmanager
def quiet() -> Iterator[Path]:
    """A folder on the disk of the working directory; the node logs nothing, and takes no snapshot.

    What the program consists of is frozen, as `midflight run` does.
    """
    logger = logging.getLogger("midflight")
    was, often = logger.disabled, bounds.SNAPSHOT_AFTER
    logger.disabled, bounds.SNAPSHOT_AFTER = True, 10**9
    gc.collect()
    gc.freeze()
    try:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            yield Path(folder)
    finally:
        gc.unfreeze()
        logger.disabled, bounds.SNAPSHOT_AFTER = was, often


async def fill(folder: Path, callers: int, calls: int, copy: Path | None = None) -> tuple[float, list[bytes]]:
    """Calls per second of a node on a folder, and what its log held; `copy` is what a crash would leave."""
    application = Application("counter", version="1", machines={"counter": counter})
    async with Node(folder) as node:
        (await node.start(application)).unwrap()

        async def caller(count: int) -> None:
            message = Incr()
            for _ in range(count):
                await node.call("counter", message)

        each = calls // callers
        since = time.perf_counter()
        await asyncio.gather(*(caller(each) for _ in range(callers)))
        rate = each * callers / (time.perf_counter() - since)
        reading = open_reading(folder).unwrap()
        entries = [data for _, data in reading.entries(reading.trimmed)]
        reading.close()
        if copy is not None:
            shutil.copytree(folder, copy)
        return rate, entries


def journaled(callers: int, scale: Scale, say: Say) -> Measured:
    """A node that keeps its data, in turns with SQLite that writes the same records in groups of as many."""
    calls = scale.of(CALLS * (1 if callers < 1000 else 4), least=4 * callers)
    numbers = iter(range(10**6))
    with quiet() as folder:

        def node() -> float:
            return asyncio.run(fill(folder / f"node{next(numbers)}", callers, calls))[0]

        _, entries = asyncio.run(fill(folder / "first", callers, 4 * callers))
        events = [event for entry in entries for event in json.loads(entry) if event[0] == "step"]
        record = max(json.dumps(event, separators=(",", ":")).encode() for event in events)
        records = [record] * calls
        return in_turns(
            node,
            lambda: group_commit(folder / f"raw{next(numbers)}.db", records, callers),
            scale,
            say,
        )


def group_commit(file: Path, records: list[bytes], size: int) -> float:
    """Records per second that SQLite keeps, synced after every `size` of them."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full"):
        connection.execute(f"pragma {pragma}")
    connection.execute("create table log (number integer primary key, data blob not null)")
    since = time.perf_counter()
    for start in range(0, len(records), size):
        connection.execute("begin immediate")
        connection.executemany(
            "insert into log (data) values (?)", [(each,) for each in records[start : start + size]]
        )
        connection.execute("commit")
    rate = len(records) / (time.perf_counter() - since)
    connection.close()
    return rate


def recovery(scale: Scale, say: Say) -> Measured:
    """What a process left that was killed, read and stepped again, in turns with a loop by hand over the same."""
    count = scale.of(RECORDS, least=1024)
    classes = classes_of([compile(counter).term])
    with quiet() as folder:
        say("writing the journal")
        asyncio.run(fill(folder / "data", 1024, count, copy=folder / "left"))

        def ours() -> float:
            store = open_store(folder / "left").unwrap()
            since = time.perf_counter()
            steps = recover(store).unwrap().steps
            seconds = time.perf_counter() - since
            store.close()
            return steps / seconds

        def hand() -> float:
            store = open_store(folder / "left").unwrap()
            since = time.perf_counter()
            count = steps = 0
            for _, data in store.entries(0):
                for kind, _, *rest in json.loads(data):
                    if kind == "step":
                        place, fields = rest[0]["r"]
                        count, _ = by_hand(count, classes[place](*fields))
                        steps += 1
            seconds = time.perf_counter() - since
            store.close()
            return steps / seconds

        return in_turns(ours, hand, scale, say)


BENCHES = (
    Bench(
        "call-journaled-64",
        "calls in process, 64 callers, each on disk before it is answered",
        "SQLite that writes the same records, 64 in a synced transaction",
        "calls/s",
        partial(journaled, 64),
        reach=0.5,
    ),
    Bench(
        "call-journaled-1024",
        "calls in process, 1,024 callers, each on disk before it is answered",
        "SQLite that writes the same records, 1,024 in a synced transaction",
        "calls/s",
        partial(journaled, 1024),
        reach=0.5,
    ),
    Bench(
        "recovery",
        "records of the journal, read and stepped again",
        "a loop by hand that reads, decodes and steps the same records",
        "records/s",
        recovery,
        reach=0.5,
    ),
)
