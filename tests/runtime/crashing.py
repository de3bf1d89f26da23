"""`midflight` for the crash test, with snapshots so often that crashes meet them, on one of several disks.

python -m tests.runtime.crashing DISK run v1.py --listen ... --data ...

`real` is the disk there is. `cached` has a cache in front of it, which a crash loses: what is written stays there for
some milliseconds, and is told to be durable when it is out of it. `unsynced` is the same without anybody waiting for
that, and `early` is `cached` under a node that answers before it commits: what the checker must find. So it must under
a node with one of the `FAULTS`, on the disk there is.
"""

from __future__ import annotations

import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
from returns.result import Result

from migrations.lazy import LazyTable
from migrations.refusal import Refusal
from runtime import bounds, durability, upgrade
from runtime.aftermath import Aftermath
from runtime.batch import Batch
from runtime.cli import main
from runtime.dead_letters import Letters
from runtime.embedded import EmbeddedStore, open_store
from runtime.keeper import Keeper
from runtime.probation import Failing
from runtime.store import Change, Done
from runtime.sweep import Sweep
from runtime.waits import Waits

SLOW = 0.02
"""Seconds that a change stays in the cache, at most."""


class Cached:
    """A store behind a cache."""

    def __init__(self, store: EmbeddedStore, *, synced: bool) -> None:
        self._store = store
        self._synced = synced
        self._cache: queue.SimpleQueue[tuple[Change, Done] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def commit(self, change: Change, done: Done) -> None:
        self._cache.put((change, done if self._synced else lambda _: None))
        if not self._synced:
            done(None)

    def _write(self) -> None:
        while (taken := self._cache.get()) is not None:
            time.sleep(random.random() * SLOW)
            self._store.commit(*taken)

    def entries(self, after: int) -> Iterator[tuple[int, bytes]]:
        return self._store.entries(after)

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        return self._store.items(prefix)

    def close(self) -> None:
        self._cache.put(None)
        self._thread.join()
        self._store.close()


def put_on(disk: str) -> None:
    """Let nodes of this process keep their data so."""

    def opened(directory: Path) -> Result[Cached, Refusal]:
        return open_store(directory).map(lambda store: Cached(store, synced=disk != "unsynced"))

    if disk in FAULTS:
        mock.patch.object(*FAULTS[disk]).start()
    elif disk != "real":
        mock.patch.object(durability, "open_store", opened).start()
    if disk == "early":
        go = Keeper.go

        def early(keeper: Keeper) -> None:
            keeper._release(keeper.batch)
            keeper.batch.outcomes.clear()
            go(keeper)

        mock.patch.object(Keeper, "go", early).start()


def _unswept(table: LazyTable, keys: Iterable[Any]) -> LazyTable:
    """Forget every tenth row."""
    some = list(keys)
    led = _swept(table, some)
    gone = [key for key in some[::10] if key in led.done and key not in led.written]
    done = led.done.mutate()
    for key in gone:
        del done[key]
    absent = led.absent.mutate()
    absent.update((key, None) for key in gone)
    return attrs.evolve(led, done=done.finish(), absent=absent.finish())


def _unlettered(letters: Letters, batch: Batch, now: int) -> None:
    """Forget what nobody takes."""
    batch.dead = []
    _write(letters, batch, now)


def _stays(aftermath: Aftermath, keeper: Keeper) -> None:
    """Go on with a version on probation behind a crash."""


def _twice(aftermath: Aftermath, failing: Failing) -> None:
    """Step the message that made a version go back once more."""
    _back(aftermath, failing)
    if failing.hosted is not None and failing.waiting is not None:
        message, _, encode, trace = failing.waiting
        failing.hosted.inbox.append((message, None, encode, trace))


_swept, _write, _back = LazyTable.swept, Letters.write, Aftermath._back

FAULTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "rows that are not led": (LazyTable, "swept", _unswept),
    "what was thrown away is not restored": (upgrade, "_thrown", lambda way, state: {}),
    "dead letters that are lost": (Letters, "write", _unlettered),
    "a version that stays behind a crash": (Aftermath, "opened", _stays),
    "a message that is stepped twice": (Aftermath, "_back", _twice),
    "sends that are lost at a change": (Waits, "with_messages", lambda waits, messages: Waits()),
}


def sweep_slowly() -> None:
    """Let crashes meet the sweep."""
    bounds.SWEPT = bounds.SWEPT_AT_ONCE = 4
    go_on = Sweep.go_on

    def slowly(sweep: Sweep, *, busy: bool) -> None:
        time.sleep(0.001)
        go_on(sweep, busy=busy)

    mock.patch.object(Sweep, "go_on", slowly).start()


if __name__ == "__main__":
    bounds.SNAPSHOT_AFTER, bounds.PART = 150, 20
    sweep_slowly()
    put_on(sys.argv.pop(1))
    main()
