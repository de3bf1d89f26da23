"""`midflight` for the crash test, with snapshots so often that crashes meet them, on one of several disks.

python -m tests.runtime.crashing DISK run v1.py --listen ... --data ...

`real` is the disk there is. `cached` has a cache in front of it, which a crash loses: what is written stays there for
some milliseconds, and is told to be durable when it is out of it. `unsynced` is the same without anybody waiting for
that, and `early` is `cached` under a node that answers before it commits: what the checker must find.
"""

from __future__ import annotations

import queue
import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from returns.result import Result

from migrations.refusal import Refusal
from runtime import bounds, durability
from runtime.cli import main
from runtime.embedded import EmbeddedStore, open_store
from runtime.keeper import Keeper
from runtime.store import Change, Done

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

    if disk != "real":
        mock.patch.object(durability, "open_store", opened).start()
    if disk == "early":
        go = Keeper.go

        def early(keeper: Keeper) -> None:
            keeper._release(keeper.batch)
            go(keeper)

        mock.patch.object(Keeper, "go", early).start()


if __name__ == "__main__":
    bounds.SNAPSHOT_AFTER, bounds.PART = 150, 2
    put_on(sys.argv.pop(1))
    main()
