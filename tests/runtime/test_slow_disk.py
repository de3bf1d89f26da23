"""A disk that takes its time: whoever waits for it waits, and the loop goes on with everything else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from runtime import bounds
from runtime.embedded import EmbeddedStore
from runtime.node import Node
from runtime.reading import open_reading
from runtime.store import Change
from tests.runtime.book import Add, All, v1, v2


class Held(EmbeddedStore):
    """The embedded store on a disk that, once held, finishes one change for each `go`."""

    def __init__(self, directory: Path) -> None:
        self.held = False
        self._may = threading.Semaphore(0)
        self.changes: list[Change] = []
        super().__init__(open_reading(directory).unwrap())

    def _commit(self, change: Change) -> Exception | None:
        self.changes.append(change)
        if self.held and not self._may.acquire(timeout=20):
            raise AssertionError("whoever should have let the disk go on stands still")
        return super()._commit(change)

    def go(self, count: int = 1) -> None:
        self._may.release(count)


async def goes_on(node: Node, others: Node) -> None:
    """The program's own work, another node, and what of the node itself needs no disk."""
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(await asyncio.gather(*(others.call("rows", Add(n)) for n in range(100)))) == 100
    transport = httpx.ASGITransport(node.asgi())
    async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
        assert (await client.get("/machines")).status_code == 200
    assert node.status().applications


def held(directory: Path, body: Callable[[Node, Node, Held], Awaitable[None]]) -> None:
    store = Held(directory)

    async def main() -> None:
        async with Node() as others:
            (await others.start(v1)).unwrap()
            async with Node(store=store) as node:
                (await node.start(v1)).unwrap()
                try:
                    await body(node, others, store)
                finally:
                    store.go(1000)

    asyncio.run(main())


async def reached(store: Held, count: int) -> None:
    """Wait until so many changes are with the disk."""
    while len(store.changes) < count:
        await asyncio.sleep(0)


def test_while_a_batch_is_written(tmp_path: Path) -> None:
    async def body(node: Node, others: Node, store: Held) -> None:
        count = len(store.changes)
        store.held = True
        first = asyncio.ensure_future(node.call("ledger", Add(1)))
        await reached(store, count + 1)
        later = [asyncio.ensure_future(node.call("ledger", Add(n))) for n in (2, 3)]
        await goes_on(node, others)
        assert not first.done()
        assert not any(each.done() for each in later)
        store.go(100)
        assert await asyncio.gather(first, *later) == [(1,), (2,), (3,)]

    held(tmp_path, body)


def test_while_a_version_takes_over(tmp_path: Path) -> None:
    async def body(node: Node, others: Node, store: Held) -> None:
        await node.call("ledger", Add(1))
        await node.call("ledger", Add(2))
        count = len(store.changes)
        store.held = True
        upgrading = asyncio.ensure_future(node.upgrade(v2))
        await reached(store, count + 1)
        await goes_on(node, others)
        assert not upgrading.done()
        assert len(store.changes) == count + 1
        store.go(100)
        (await upgrading).unwrap()
        assert await node.call("ledger", All()) == (2, 1)

    held(tmp_path, body)


def test_while_a_snapshot_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", 3)  # the start of the two machines is one of them

    async def body(node: Node, others: Node, store: Held) -> None:
        await node.call("ledger", Add(1))
        count = len(store.changes)
        store.held = True
        call = asyncio.ensure_future(node.call("ledger", Add(2)))
        store.go()
        assert await call == (2,)
        await reached(store, count + 2)
        assert any(key.startswith("snapshot") for key in store.changes[-1].puts)
        later = asyncio.ensure_future(node.call("ledger", Add(3)))
        await goes_on(node, others)
        assert not later.done()
        assert len(store.changes) == count + 2
        store.go(100)
        assert await later == (3,)

    held(tmp_path, body)


def test_while_the_node_is_left(tmp_path: Path) -> None:
    async def body(node: Node, others: Node, store: Held) -> None:
        count = len(store.changes)
        store.held = True
        leaving = asyncio.ensure_future(node.__aexit__(None, None, None))
        await reached(store, count + 1)
        for _ in range(100):
            await asyncio.sleep(0)
        await others.call("rows", Add(1))
        assert not leaving.done()
        store.go(100)
        await leaving

    store = Held(tmp_path)

    async def main() -> None:
        async with Node() as others:
            (await others.start(v1)).unwrap()
            node = await Node(store=store).__aenter__()
            (await node.start(v1)).unwrap()
            await body(node, others, store)

    asyncio.run(main())
