"""A key whose row cannot be led is set aside alone, and the new version runs on for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from runtime.application import Application
from runtime.errors import KeySetAside
from runtime.instruction import Progress
from runtime.loader import load
from runtime.node import Node
from runtime.quarantine import KeysSetAside
from runtime.refusal import NothingToRollBack
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated
from tests.runtime.wide import PICKY, Get, Put, v1, v2

Stored = Callable[[], TestNode]


def filled(node: TestNode, rows: int) -> TestNode:
    node.start(v1).unwrap()
    for at in range(0, rows, 1000):
        node.call_all("rows", [Put(key, 1000 + key) for key in range(at, min(at + 1000, rows))])
    return node


def table(node: TestNode) -> Any:
    return node._host.core.machines["rows"].state[0]


def spoil(node: TestNode, *keys: int) -> None:
    for key in keys:
        node.call("rows", Put(key, 777 - 1000 - key))


@pytest.fixture(params=["memory", "disk", "crash", "stop"])
def place(request: pytest.FixtureRequest) -> tuple[Stored, Callable[[TestNode, Application], TestNode]]:
    """What makes a node, and what becomes of it in the middle: nothing, a crash or a stop, and it starts again."""
    power = Power()

    def store() -> TestNode:
        return TestNode(store=None if request.param == "memory" else Simulated(power, automatic=True))

    def again(node: TestNode, version: Application) -> TestNode:
        if request.param in ("memory", "disk"):
            return node
        if request.param == "stop":
            node.stop("book").unwrap()
            node.close()
        other = store()
        other.start(version).unwrap()
        return other

    return store, again


@pytest.mark.parametrize("rows", [10, 5000], ids=["led with the swap", "led lazily"])
def test_other_keys_go_on_and_a_rollback_brings_the_row_back(place: Any, rows: int) -> None:
    store, again = place
    node = filled(store(), rows)
    bad = list(table(node))[-1], next(iter(table(node)))
    spoil(node, *bad)
    node.upgrade(PICKY, quarantine=True, probation=None).unwrap()
    for _ in range(2):
        with pytest.raises(KeySetAside, match=f"rows: the row of {bad[0]} cannot be led"):
            node.call("rows", Put(bad[0], 1))
        good = next(key for key in range(rows) if key not in bad)
        was = node.call("rows", Get(good))
        assert node.call("rows", Put(good, 1)) == was + 1
        assert node.call("rows", Put(rows + 7, 5)) >= 5
        node.drain()
        node = again(node, PICKY)
    found = node.status().applications[0]
    assert found.version == "2"
    assert found.upgrade is not None
    assert {each.key for each in found.upgrade.aside} == set(bad)
    assert "no such row" in found.upgrade.to_plain()["aside"]["keys"][0]["why"]
    assert len(table(node)) == rows + 1
    for refused in (node.settle("book"), node.upgrade(attrs.evolve(v1, version="3"))):
        assert isinstance(refused.failure(), KeysSetAside), refused
        assert "2 keys are set aside" in str(refused.failure())
    node.rollback("book").unwrap()
    assert [node.call("rows", Get(each)) for each in (*bad, good, rows + 7)] == [777, 777, was + 1, 10]
    assert table(node)[bad[0]] == (777, "noted")
    node.upgrade(v2).unwrap()
    node.drain()
    assert node.call("rows", Put(bad[1], 1)) == 778
    assert node.settle("book").value_or(None) is not None


def test_it_neither_settles_by_itself_nor_goes_back() -> None:
    told: list[Progress] = []
    node = filled(TestNode(), 1000)
    late = list(table(node))[-1]
    spoil(node, late)
    node.upgrade(PICKY, quarantine=True, settle=True, tell=told.append).unwrap()
    node.advance(60)
    assert node.status().applications[0].previous == "1"
    swept = next(each for each in told if each.state == "done" and "set keys aside" in each.instruction)
    assert swept.note == "1 keys are set aside: see midflight status"
    node.rollback("book").unwrap()
    assert node.call("rows", Get(late)) == 777


def test_a_message_may_come_to_such_a_row_before_the_sweep() -> None:
    node = filled(TestNode(), 5000)
    late = list(table(node))[-1]
    spoil(node, late)
    node.upgrade(PICKY, quarantine=True).unwrap()
    pending = node.send("rows", Put(late, 1))
    node.step(1)
    with pytest.raises(KeySetAside):
        pending.result()
    assert node.status().applications[0].version == "2"


def test_a_stop_in_the_middle_of_the_sweep_loses_no_row(tmp_path: Path) -> None:
    async def main() -> None:
        async with Node(tmp_path) as node:
            (await node.start(v1)).unwrap()
            await node.call_all("rows", [Put(key, 1000 + key) for key in range(1000)])
            late = list(node._host.core.machines["rows"].state[0])[-1]
            await node.call("rows", Put(late, 777 - 1000 - late))
            (await node.upgrade(PICKY, quarantine=True, probation=None)).unwrap()
            stands = node.status().applications[0].upgrade
            assert stands is not None
            assert stands.rows > 0
        async with Node(tmp_path) as node:
            (await node.start(PICKY)).unwrap()
            with pytest.raises(KeySetAside):
                await node.call("rows", Get(late))
            (await node.rollback("book")).unwrap()
            assert await node.call("rows", Get(late)) == 777

    asyncio.run(main())


VERSION = """
import attrs
from midflight import Application, Migration, keyed, proc

@attrs.frozen
class Money:
    cents: int

@attrs.frozen
class Euro:
    cents: int
    currency: str = "EUR"

@attrs.frozen
class Add:
    key: int
    cents: int

@proc
def one(msg: Add, *, money: Money = Money(0)) -> int:
    money = Money(money.cents + msg.cents)
    return money.cents

@proc
def two(msg: Add, *, money: Euro = Euro(0)) -> int:
    money = Euro(money.cents + msg.cents)
    return money.cents

@proc
def key(msg: Add) -> int:
    return msg.key

@proc
def up(money: Money) -> Euro:
    return Euro(money.cents)

@proc
def down(money: Euro) -> Money:
    return Money(money.cents)

ways = Migration("purse", old="1", new="2", up={"purse/money": up}, down={"purse/money": down})
first = Application("bank", version="1", machines={"purse": keyed(one, key, "purse")})
second = Application("bank", version="2", machines={"purse": keyed(two, key, "purse")}, migrations=[ways])
"""


@pytest.mark.parametrize("crash", [True, False])
def test_a_version_that_is_loaded_once_more_still_goes_back(tmp_path: Path, crash: bool) -> None:
    file = tmp_path / "bank.py"
    file.write_text(VERSION)
    power = Power()

    def version(name: str) -> Application:
        return load(f"{file}:{name}").unwrap()

    def message(node: TestNode, key: int, cents: int) -> Any:
        (takes,) = node._host.core.machines["purse"].fits
        return node.call("purse", takes(key, cents))

    node = TestNode(store=Simulated(power, automatic=True))
    node.start(version("first")).unwrap()
    for key in range(600):
        message(node, key, 100 + key)
    node.upgrade(version("second"), probation=None).unwrap()
    if not crash:
        node.stop("bank").unwrap()
        node.close()
    again = TestNode(store=Simulated(power, automatic=True))
    again.start(version("second")).unwrap()
    assert message(again, 5, 1) == 106
    again.drain()
    again.rollback("bank").unwrap()
    assert [message(again, key, 0) for key in (5, 6, 599)] == [106, 106, 699]
    assert isinstance(again.rollback("bank").failure(), NothingToRollBack)
