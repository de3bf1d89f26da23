"""Snapshots in layers: what did not change is not written again, and what is kept is in proportion to what there is."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest

from runtime import bounds
from runtime.errors import Unavailable
from runtime.pending import Pending
from runtime.store import Change, Done, Rejected
from runtime.testing import TestNode
from tests.long import LONG
from tests.runtime import cashbox
from tests.runtime.engines import Power, Scattered, Simulated
from tests.runtime.shelves import Look, Set, v1, v2


class Counting(Simulated):
    """Counts the bytes of snapshots that it is given."""

    written = 0

    def commit(self, change: Change, done: Done) -> None:
        self.written += sum(len(data) for key, data in change.puts.items() if key.startswith("snapshot/"))
        super().commit(change, done)


def held(power: Power) -> int:
    return sum(len(data) for key, data in power.table.items() if key.startswith("snapshot/"))


def layers(power: Power) -> list[list[int]]:
    found: list[list[int]] = json.loads(power.table["snapshot"])["layers"]
    return found


def snapshot(node: TestNode) -> None:
    keeper = node._host.keeper
    assert keeper
    keeper.begin_snapshot()
    keeper.advance()
    node.drain()


def test_only_what_changed_is_written_again() -> None:
    power = Power()
    store = Counting(power, automatic=True)
    node = TestNode(store=store)
    node.start(v1).unwrap()
    for n in range(5000):
        node.send("shelf", Set(n, n))
        node.drain() if n % 200 == 0 else None
    node.drain()
    snapshot(node)
    whole, sizes = held(power), []
    for turn in range(40):
        store.written = 0
        for n in range(10):
            node.call("shelf", Set(turn * 100 + n, -turn - 1))
        node.call("shelf", Set(turn * 100 + 50, 0))  # which is a row's first value: it goes
        snapshot(node)
        sizes.append(store.written)
        assert held(power) < 2.5 * whole
    small = [size for size in sizes if size < whole / 20]
    assert len(small) >= 30
    assert sum(sizes) < 10 * whole
    again = TestNode(store=Simulated(power))
    again.start(v1).unwrap()
    (rows,) = again._host.core.machines["shelf"].state
    assert rows == node._host.core.machines["shelf"].state[0]
    assert 150 not in rows
    assert len(rows) == 5000 - 40  # the first row, of key 0, is no longer as at first


def test_a_restart_goes_on_with_the_layers_there_are() -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(v1).unwrap()
    for n in range(2000):
        node.call("shelf", Set(n, n + 1))
    node.close()
    whole = held(power)
    for turn in range(3):
        store = Counting(power, automatic=True)
        node = TestNode(store=store)
        node.start(v1).unwrap()
        node.call("shelf", Set(turn, -1))
        node.close()
        assert store.written < whole / 20
        assert len(layers(power)) == turn + 2


def test_another_version_writes_all_of_it() -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(v1).unwrap()
    for n in range(50):
        node.call("shelf", Set(n, n + 1))
    snapshot(node)
    node.call("shelf", Set(1, 1))
    snapshot(node)
    assert len(layers(power)) == 2
    node.upgrade(v2).unwrap()
    snapshot(node)
    assert len(layers(power)) == 1
    again = TestNode(store=Simulated(power, automatic=True))
    again.start(v2).unwrap()
    assert again.call("shelf", Look(7)) == 8


@pytest.mark.parametrize("engine", [Simulated, Scattered])
@pytest.mark.parametrize("_", range(80 if LONG else 3))
def test_random_changes_and_crashes_at_every_point(
    engine: type[Simulated], _: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered is there after each crash, wherever in a snapshot it hit."""
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", 7)
    monkeypatch.setattr(bounds, "PART", 2)
    monkeypatch.setattr(bounds, "LOOKED", 3)
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 400)
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, power = random.Random(seed), Power()
    known: dict[int, int] = {}
    most = 0

    def fresh() -> tuple[TestNode, Simulated]:
        store = engine(power, automatic=True)
        node = TestNode(store=store)
        keeper = node._host.keeper
        parked = keeper.parked.get("shelves") if keeper else None
        node.start(v2 if parked and parked.compiled.digest == v2.digest else v1).unwrap()
        store.automatic = False
        return node, store

    def look() -> None:
        for pending, key, value in list(flying):
            if pending.done():
                flying.remove((pending, key, value))
                with contextlib.suppress(Unavailable):
                    pending.result()
                    known[key] = value

    flying: list[tuple[Pending, int, int]] = []
    node, store = fresh()
    for number in range(1, 400):
        match chance.randrange(24):
            case 0:  # the power goes, and with it what was not written
                look()
                maybe = {(key, value) for _, key, value in flying}
                flying.clear()
                node, store = fresh()
                (rows,) = node._host.core.machines["shelf"].state
                now = {key: row[0] for key, row in rows.items()}
                for key in {*known, *now}:
                    value = now.get(key, 0)
                    assert value == known.get(key, 0) or (key, value) in maybe, key
                known = now
            case 1:
                store.advance(Rejected("full"))
            case 2 if not flying:
                store.automatic = True
                while store.advance():
                    pass
                node.drain()
                node.upgrade(v2) if chance.random() < 0.5 else node.rollback("shelves")
                look()
                store.automatic = False
            case 3 | 4 | 5 | 6 | 7 | 8:
                key, value = chance.randrange(12), chance.choice([0, number])
                if not any(each[1] == key for each in flying):
                    flying.append((node.send("shelf", Set(key, value)), key, value))
            case 9 | 10 | 11:
                node.step(3)
            case 12 | 13 | 14 | 15 | 16 | 17:
                store.advance()
            case _:
                node.hear()
        look()
        most = max(most, sum(not key.startswith("history/") for key in power.table))
    assert most < 60


def test_parts_of_a_snapshot_that_was_given_up_are_taken_away() -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(v1).unwrap()
    store: Any = node._host.keeper and node._host.keeper.store
    for n in range(1200):
        node.call("shelf", Set(n, n + 1))
    keeper = node._host.keeper
    assert keeper
    store.automatic = False
    keeper.begin_snapshot()
    keeper.advance()
    store.advance()
    node.hear()
    store.advance(Rejected("full"))
    node.hear()
    assert sum(key.startswith("snapshot/") for key in power.table) == 1
    store.automatic = True
    snapshot(node)
    assert sum(key.startswith("snapshot/") for key in power.table) == layers(power)[0][1]


def test_a_version_that_was_gone_back_from_between_two_snapshots_leaves_nothing_to_read() -> None:
    """The version is the same in both, and only the one before is not."""
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(cashbox.v1).unwrap()
    node.call("box", cashbox.Add(1))
    node.upgrade(cashbox.v2, probation=None).unwrap()
    snapshot(node)
    node.upgrade(cashbox.v3, probation=None).unwrap()
    node.call("box", cashbox.Add(2))
    node.rollback("cash").unwrap()
    snapshot(node)
    again = TestNode(store=Simulated(power, automatic=True))
    again.start(cashbox.v2).unwrap()
    assert again.status().applications[0].previous is None
    assert again.call("box", cashbox.Total()) == 3
