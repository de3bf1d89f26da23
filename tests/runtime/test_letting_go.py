"""What an upgrade of a large table leaves: nothing, and that goes without a pause."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from runtime import bounds
from runtime.collector import Collector
from runtime.hosted import Compiled
from runtime.loader import load
from runtime.node import Node
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated
from tests.runtime.test_sweep import ROWS, filled, table
from tests.runtime.wide import Put, v1, v2


@pytest.fixture(params=["memory", "disk"])
def node(request: pytest.FixtureRequest) -> TestNode:
    return filled(TestNode(store=Simulated(Power(), automatic=True) if request.param == "disk" else None))


def kept(rows: list[Any]) -> int:
    """How many of these rows somebody else has."""
    return sum(sys.getrefcount(row) > 3 for row in rows)


def some(rows: Any) -> list[Any]:
    return list(rows.values())[-2000:]


def let_go(node: TestNode, rows: list[Any]) -> None:
    """Work until these are gone, and see that they go a few at a time."""
    host, before = node._host, kept(rows)
    while host.sweep.has_work:
        host.turn()
        node.hear()
        now = kept(rows)
        assert before - now <= bounds.SWEPT, "that would be a pause"
        before = now
    assert before == 0


def test_the_rows_of_before_go_when_it_is_settled(node: TestNode) -> None:
    rows = some(table(node))
    node.upgrade(v2, probation=None).unwrap()
    node.drain()
    assert kept(rows) == len(rows), "they are for the way back"
    node.settle("book").unwrap()
    let_go(node, rows)
    assert len(table(node)) == ROWS


def test_the_rows_of_the_new_version_go_when_it_went_back(node: TestNode) -> None:
    node.upgrade(v2, probation=None).unwrap()
    node.drain()
    rows = some(table(node).done)
    node.rollback("book").unwrap()
    let_go(node, rows)
    assert len(table(node)) == ROWS


def test_those_of_two_versions_before_go_with_the_next_upgrade(node: TestNode) -> None:
    rows = some(table(node))
    node.upgrade(v2, probation=None).unwrap()
    node.drain()
    node.rollback("book").unwrap()
    node.upgrade(v2, probation=None).unwrap()
    node.drain()
    node.settle("book").unwrap()
    let_go(node, rows)


def test_a_snapshot_of_before_does_not_keep_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", 1)
    node = filled(TestNode(store=Simulated(Power(), automatic=True)))
    rows = some(table(node))
    node.upgrade(v2, probation=None, settle=True).unwrap()
    let_go(node, rows)
    node.call("rows", Put(1, 1))
    let_go(node, rows)


def test_an_idle_node_lets_go_when_it_is_settled_by_hand() -> None:
    async def main() -> None:
        async with Node() as node:
            (await node.start(v1)).unwrap()
            await node.call_all("rows", [Put(key, 1) for key in range(1000)])
            (await node.upgrade(v2, probation=None)).unwrap()
            (await node.settle("book")).unwrap()
            async with asyncio.timeout(30):
                while node._host.sweep.has_work:
                    await asyncio.sleep(0.001)

    asyncio.run(main())


VERSION = """
from midflight import Application, Migration, keyed, proc
import attrs

@attrs.frozen
class Add:
    key: int

@attrs.frozen
class Row{n}:
    count: int = 0

@attrs.frozen
class Row{m}:
    count: int = 0

@proc
def row(msg: Add, *, held: Row{n} = Row{n}()) -> int:
    held = Row{n}(held.count + 1)
    return held.count

@proc
def key(msg: Add) -> int:
    return msg.key

@proc
def up(held: Row{m}) -> Row{n}:
    return Row{n}(held.count)

app = Application(
    "rows",
    version="{n}",
    machines={{"rows": keyed(row, by=key, name="rows")}},
    migrations=[Migration("rows", old="{m}", new="{n}", up={{"rows/held": up}})],
)
"""


async def upgraded(folder: Path, times: int, then: Callable[[Node], Any]) -> None:
    """Upgrade a table again and again, and look at the node."""

    def version(n: int) -> Any:
        (folder / "app.py").write_text(VERSION.format(n=n, m=n - 1))
        return load(str(folder / "app.py")).unwrap()

    async with Node() as node:
        (await node.start(version(1))).unwrap()
        (add,) = node._host.core.machines["rows"].fits
        await node.call_all("rows", [add(key) for key in range(1000)])
        for n in range(2, times + 2):
            (await node.upgrade(version(n), probation=None, settle=True)).unwrap()
            async with asyncio.timeout(60):
                while node.status().applications[0].previous is not None:
                    await asyncio.sleep(0.001)
        await then(node)


def versions() -> int:
    """How many there are, for all that the collector of cycles does by itself."""
    gc.unfreeze()
    return sum(isinstance(each, Compiled) for each in gc.get_objects())


def test_what_was_hidden_from_the_collector_is_seen_when_the_node_is_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "IDLE", 0.05)
    gc.collect()
    before = versions()

    hidden: list[int] = []
    freeze = gc.freeze

    def seen() -> None:
        freeze()
        hidden.append(gc.get_freeze_count())

    monkeypatch.setattr(gc, "freeze", seen)

    async def then(node: Node) -> None:
        async with asyncio.timeout(60):
            while gc.get_freeze_count():
                await asyncio.sleep(0.01)
        assert versions() <= before + 2

    asyncio.run(upgraded(tmp_path, 5, then))
    assert max(hidden) > 0


def test_what_the_program_froze_itself_is_frozen_again() -> None:
    later = Later()
    collector = Collector(cast(Any, later))
    gc.freeze()
    try:
        collector.swept()
        later.waiting.pop()()
        later.waiting.pop()()
        assert not later.waiting
        assert gc.get_freeze_count() > 0
        collector.swept()
        collector.end()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


class Later:
    """A loop whose time goes by hand."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> object:
        self.waiting.append(callback)
        return self

    def cancel(self) -> None:
        self.waiting.clear()

    def go_on(self) -> bool:
        """Let a moment pass; return whether everything is seen."""
        self.waiting.pop()()
        return gc.get_freeze_count() == 0


def test_a_node_that_is_never_idle_does_it_after_some_upgrades() -> None:
    later, did, busy = Later(), itertools.count(), [False]
    collector = Collector(cast(Any, later), lambda: next(did), lambda: busy[0])
    for _ in range(bounds.HIDDEN - 1):
        collector.swept()
        assert not later.go_on()
    collector.swept()
    busy[0] = True
    assert not later.go_on(), "there are rows to be led"
    busy[0] = False
    assert later.go_on()
    assert not later.waiting
    collector.swept()
    assert not later.go_on(), "the next ones are counted anew"
    gc.unfreeze()


def test_a_node_that_ends_hides_nothing(tmp_path: Path) -> None:
    async def then(node: Node) -> None:
        assert gc.get_freeze_count() > 0

    asyncio.run(upgraded(tmp_path, 1, then))
    assert gc.get_freeze_count() == 0


def test_the_collector_is_left_alone_where_it_is_off(tmp_path: Path) -> None:
    async def then(node: Node) -> None:
        assert gc.get_freeze_count() == 0

    gc.collect()
    gc.disable()
    try:
        asyncio.run(upgraded(tmp_path, 1, then))
    finally:
        gc.enable()


def test_small_tables_go_at_once() -> None:
    node = TestNode()
    node.start(v1).unwrap()
    node.call_all("rows", [Put(key, 1) for key in range(100)])
    node.upgrade(v2, probation=None).unwrap()
    node.settle("book").unwrap()
    assert not node._host.sweep.has_work
