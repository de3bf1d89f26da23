"""Several messages in one call: all of them or none, whatever raises, crashes or changes in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Success

from runtime import bounds
from runtime.application import Application
from runtime.errors import BadMessage, Overloaded, StepFailed, Unavailable, UnknownMachine
from runtime.node import Node
from runtime.pending import Pending
from runtime.store import Rejected
from runtime.testing import TestNode
from tests.long import LONG
from tests.runtime.book import Add, All, by_key, v1, v2
from tests.runtime.engines import Power, Simulated

KEYS = 7


def node_on(power: Power) -> tuple[TestNode, Simulated]:
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    assert isinstance(node.start(by_key), Success)
    return node, store


def rows(node: TestNode) -> dict[int, tuple[int, ...]]:
    """What each key has seen."""
    table = node._host.core.machines["by"].state[0]
    return {row[0][0] % KEYS: row[0] for row in table.values()}


def expected(calls: list[list[int]]) -> dict[int, tuple[int, ...]]:
    """The model: a dict of lists, and a call with a negative number does nothing."""
    kept: dict[int, tuple[int, ...]] = {}
    for call in calls:
        if min(call, default=0) >= 0:
            for n in call:
                kept[n % KEYS] = (*kept.get(n % KEYS, ()), n)
    return kept


def hear(node: TestNode) -> None:
    while node.hear():
        pass


CALL = st.lists(st.sampled_from([-1, *range(8)]), max_size=5)
DO = st.one_of(CALL, st.sampled_from(["step", "kept", "rejected"]))


@settings(max_examples=1_000 if LONG else 35, deadline=None)
@given(st.lists(DO, max_size=25), st.booleans())
def test_all_or_none_over_failed_steps_failed_commits_and_a_crash(deeds: list[Any], told: bool) -> None:
    power = Power()
    node, store = node_on(power)
    store.automatic = False
    sent: list[tuple[list[int], Pending]] = []
    for deed in deeds:
        if isinstance(deed, list):
            sent.append((deed, node.send_all("by", [Add(n) for n in deed])))
        elif deed == "step":
            node.step(2)
        else:
            store.advance(Rejected("full") if deed == "rejected" else None)
            hear(node)
    store.advance(told=told)
    hear(node)

    answered: list[list[int]] = []
    open_: list[list[int]] = []
    for call, pending in sent:
        if not pending.done():
            open_.append(call)
            continue
        try:
            assert pending.result() == tuple((n,) for n in call)
            answered.append(call)
            assert min(call, default=0) >= 0
        except StepFailed:
            assert min(call) < 0
        except Unavailable:
            pass
    again, _ = node_on(power)
    found = rows(again)
    # what nobody was told of is there as well or not, but whole, and in its order
    possible = [expected(answered + open_[:count]) for count in range(len(open_) + 1)]
    assert found in possible
    if told:
        assert sum(m.stepped for m in again.status().applications[0].machines) >= len(answered)


def test_replies_come_in_the_order_of_the_messages() -> None:
    node, _ = node_on(Power())
    assert node.call_all("by", [Add(1), Add(8), All(), Add(2)]) == [(1,), (8,), (), (2,)]
    assert node.call_all("by", []) == []
    with pytest.raises(StepFailed):
        node.call_all("by", [Add(1), Add(-1), Add(2)])
    assert rows(node) == {1: (1, 8), 2: (2,)}
    assert node.machine("by").stepped == 2
    assert node.machine("by").failed == 1


def test_one_that_does_not_fit_keeps_all_out() -> None:
    node, _ = node_on(Power())
    with pytest.raises(BadMessage) as wrong:
        node.call_all("by", [Add(1), "two"])
    assert wrong.value.misfit.path == "[1]"
    with pytest.raises(BadMessage, match="1024"):
        node.call_all("by", [All()] * (bounds.TOGETHER + 1))
    with pytest.raises(UnknownMachine):
        node.call_all("nobody", [])
    assert rows(node) == {}


def test_they_wait_for_their_turn_over_an_upgrade() -> None:
    node = TestNode()
    assert isinstance(node.start(v1), Success)
    waiting = node.send_all("ledger", [Add(1), Add(2), All()])
    assert isinstance(node.upgrade(v2), Success)
    node.drain()
    assert waiting.result() == ((1,), (2,), (2, 1))


def test_a_class_of_another_version_is_adopted_one_by_one() -> None:
    @attrs.frozen
    class Add:
        n: int

    node, _ = node_on(Power())
    assert node.call_all("by", [Add(4), All()]) == [(4,), ()]


@pytest.mark.parametrize("durable", [False, True])
def test_on_asyncio(durable: bool, tmp_path: Path) -> None:
    small = Application("s", version="1", machines={"ledger": v1.machines["ledger"]}, inbox=2)

    async def talk() -> None:
        async with Node(tmp_path / "data" if durable else None) as node:
            (await node.start(v1)).unwrap()
            assert await node.call_all("ledger", (Add(n) for n in (1, 2))) == [(1,), (2,)]
            with pytest.raises(StepFailed):
                await node.call_all("ledger", [Add(3), Add(-1)])
            both = [node.call_all("ledger", [Add(n), Add(n)]) for n in range(10, 20)]
            await asyncio.gather(*both)
            seen = await node.call("ledger", All())
            assert seen[:2] == (1, 2)
            assert [seen[at] for at in range(2, 22, 2)] == [seen[at] for at in range(3, 23, 2)]
        if not durable:
            async with Node() as node:
                (await node.start(small)).unwrap()
                calls = [node.call_all("ledger", [Add(1)]) for _ in range(3)]
                found = await asyncio.gather(*calls, return_exceptions=True)
                assert [type(each) for each in found] == [list, list, Overloaded]
            return
        async with Node(tmp_path / "data") as node:
            (await node.start(v1)).unwrap()
            assert await node.call("ledger", All()) == seen

    asyncio.run(talk())
