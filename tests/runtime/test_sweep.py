"""Large tables are led to a new version row by row, while messages are answered."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from migrations.lazy import LazyTable
from runtime import bounds, observe
from runtime.instruction import Probation
from runtime.node import Node
from runtime.probation import Failing
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated
from tests.runtime.wide import PICKY, STUBBORN, Get, Put, v1, v2

ROWS = 5000
ROOT = Path(__file__).parent.parent.parent
Start = Callable[..., TestNode]


@pytest.fixture(params=["memory", "disk"])
def start(request: pytest.FixtureRequest) -> Start:
    def started(**more: Any) -> TestNode:
        store = Simulated(Power(), automatic=True) if request.param == "disk" else None
        return filled(TestNode(store=store, **more))

    return started


def filled(node: TestNode) -> TestNode:
    node.start(v1).unwrap()
    for at in range(0, ROWS, 1000):
        node.call_all("rows", [Put(key, 1000 + key) for key in range(at, at + 1000)])
    return node


def table(node: TestNode | Node) -> Any:
    return node._host.core.machines["rows"].state[0]


def spoilt(node: TestNode) -> int:
    """Write a row that cannot be led, and that the swap does not lead yet; return its key."""
    late: int = list(table(node))[-1]
    node.call("rows", Put(late, 777 - 1000 - late))
    return late


def rest(node: TestNode) -> int:
    upgrade = node.status().applications[0].upgrade
    return 0 if upgrade is None else upgrade.rows


def test_rows_are_led_when_they_are_touched_and_by_the_sweep() -> None:
    node = filled(TestNode())
    node.upgrade(v2).unwrap()
    assert rest(node) == ROWS - 256
    pending = node.send("rows", Put(4999, 1))
    node.step()
    assert pending.result() == 1000 + 4999 + 1
    assert 0 < rest(node) < ROWS - 256
    node.drain()
    assert rest(node) == 0
    assert [node.call("rows", Get(key)) for key in (0, 1, 4999)] == [1000, 1001, 6000]


def test_a_rollback_gives_untouched_rows_as_they_were(start: Start) -> None:
    node = start()
    before = table(node)
    node.upgrade(v2).unwrap()
    node.call("rows", Put(3, 5))
    node.drain()
    node.rollback("book").unwrap()
    after = table(node)
    assert all(after[key] is row for key, row in before.items() if key != 3)
    assert after[3] == (
        1008,
        "noted",
    )  # the field that was dropped is there again, and what was written stays


def test_ten_thousand_writes_are_kept_and_every_dropped_field_is_restored(start: Start) -> None:
    node = start()
    node.upgrade(v2).unwrap()
    for at in range(0, 10_000, 1000):
        node.call_all("rows", [Put(key % 6000, 1) for key in range(at, at + 1000)])
    node.rollback("book").unwrap()
    after = table(node)
    for key in range(6000):
        n = (1000 + key if key < ROWS else 0) + 1 + (key < 4000)
        assert after[key] == (n, "noted" if key < ROWS else "")


def test_a_row_that_cannot_be_led_goes_back(start: Start) -> None:
    seen: list[observe.Event] = []
    node = start(observers=[seen.append])
    late = spoilt(node)
    node.upgrade(PICKY).unwrap()
    node.drain()
    assert node.status().applications[0].version == "1"
    (back,) = (event for event in seen if isinstance(event, observe.RolledBack))
    assert "no such row" in str(back.why)
    assert node.call("rows", Get(late)) == 777


def test_a_message_that_touches_such_a_row_is_answered_by_the_version_before(start: Start) -> None:
    node = start()
    late = spoilt(node)
    node.upgrade(PICKY, probation=None).unwrap()
    assert node.call("rows", Put(late, 1)) == 778
    assert node.status().applications[0].version == "1"


def test_it_settles_when_every_row_was_led() -> None:
    node = filled(TestNode())
    node.upgrade(v2, probation=None, settle=True).unwrap()
    assert type(node.settle("book").failure()).__name__ == "StillSweeping" or rest(node) == 0
    node.drain()
    assert node.status().applications[0].previous is None
    assert not isinstance(table(node), LazyTable)


def test_the_state_is_that_of_an_eager_migration_over_crashes() -> None:
    power = Power()
    node = filled(TestNode(store=Simulated(power, automatic=True)))
    node.upgrade(v2, probation=None).unwrap()
    node.call("rows", Put(7, 7))
    for _ in range(3):
        node = TestNode(store=Simulated(power, automatic=True))
        node.start(v2).unwrap()
        pending = node.send("rows", Put(8, 1))
        node.step(1)
        assert rest(node) >= 0
        node.drain()
        pending.result()
    found = {key: node.call("rows", Get(key)) for key in range(ROWS)}
    assert found == {key: 1000 + key + (7 if key == 7 else 3 if key == 8 else 0) for key in range(ROWS)}
    node.rollback("book").unwrap()
    assert [node.call("rows", Get(key)) for key in (6, 7, 8)] == [1006, 1014, 1011]


def test_a_snapshot_in_the_middle_holds_all_of_it() -> None:
    power = Power()
    node = filled(TestNode(store=Simulated(power, automatic=True)))
    node.upgrade(v2, probation=None).unwrap()
    node.call("rows", Put(7, 7))
    node.stop("book").unwrap()
    node.close()
    again = TestNode(store=Simulated(power, automatic=True))
    again.start(v2).unwrap()
    assert [again.call("rows", Get(key)) for key in (6, 7, 4999)] == [1006, 1014, 5999]
    again.rollback("book").unwrap()
    assert table(again)[7] == (1014, "noted")
    assert table(again)[6] == (1006, "noted")


def test_the_same_failing_twice_goes_back_once() -> None:
    node = filled(TestNode())
    node.upgrade(v2).unwrap()
    node.rollback("book").unwrap()
    node._host.core.failing.append(Failing("book", node.rollback("book").failure()))
    node.drain()
    assert node.status().applications[0].version == "1"


def test_messages_have_as_much_time_as_the_sweep() -> None:
    node = filled(TestNode())
    node.upgrade(v2, probation=None).unwrap()
    sweep, now = node._host.sweep, [node._host.sweep._clock() + 1]

    def clock() -> float:
        now[0] += bounds.SWEEP / 4
        return now[0]

    def led(*, busy: bool) -> int:
        before = rest(node)
        sweep.go_on(busy=busy)
        return before - rest(node)

    assert led(busy=False) > 0  # what comes first was led with the swap
    sweep._clock = clock
    assert 0 < led(busy=True) < bounds.SWEPT
    assert led(busy=True) == 0, "messages are stepped, and the sweep had its time"
    assert led(busy=False) > 0, "nothing else is to do"
    now[0] += bounds.SWEEP * 2
    assert led(busy=True) > 0


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_an_idle_node_passes_and_sweeps_by_itself(seconds: float) -> None:
    async def main() -> None:
        async with Node() as node:
            (await node.start(v1)).unwrap()
            for at in range(0, ROWS, 1000):
                await node.call_all("rows", [Put(key, 1000 + key) for key in range(at, at + 1000)])
            probation = Probation(1000, seconds) if seconds else None
            (await node.upgrade(v2, probation=probation, settle=True)).unwrap()
            async with asyncio.timeout(30):
                while node.status().applications[0].previous is not None:
                    await asyncio.sleep(0.001)

    asyncio.run(main())


def test_the_sweep_waits_while_a_commit_is_made() -> None:
    store = Simulated(Power(), automatic=True)
    node = filled(TestNode(store=store))
    node.upgrade(v2, probation=None).unwrap()
    store.automatic = False
    pending = node.send("rows", Get(4999))
    assert not node._host.turn(), "a loop that is never idle keeps the store's thread from the interpreter"
    before = rest(node)
    node._host.turn()
    assert 0 < rest(node) == before
    store.automatic = True
    store.advance()
    node.drain()
    assert (pending.result(), rest(node)) == (5999, 0)


@pytest.mark.parametrize("touched", [False, True], ids=["swept", "touched"])
@pytest.mark.parametrize("in_main", [True, False], ids=["main thread", "other thread"])
def test_a_row_whose_migration_never_ends_goes_back(in_main: bool, touched: bool) -> None:
    done: list[int] = []

    async def main() -> None:
        events: list[observe.Event] = []
        async with Node(budget=0.2, observers=[events.append]) as node:
            (await node.start(v1)).unwrap()
            await node.call_all("rows", [Put(key, 1000 + key) for key in range(1000)])
            late = list(table(node))[-1]
            await node.call("rows", Put(late, 777 - 1000 - late))
            (await node.upgrade(STUBBORN)).unwrap()
            if touched:
                assert await node.call("rows", Get(late)) == 777
            async with asyncio.timeout(20):
                while node.status().applications[0].version == "2":
                    await asyncio.sleep(0.01)
            assert await node.call("rows", Get(late)) == 777
            (back,) = (each for each in events if isinstance(each, observe.RolledBack))
            assert "budget of 0.2 s and was interrupted at" in str(back.why)
            done.append(1)

    if in_main:
        asyncio.run(main())
    else:
        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        thread.join()
    assert done


SCRIPT = """
import asyncio, sys
from runtime.node import Node
from tests.runtime.wide import Get, Put, v1, v2
async def main(data):
    async with Node(data) as node:
        (await node.start(v1)).unwrap()
        for at in range(0, 200_000, 1000):
            await node.call_all("rows", [Put(key, 1000 + key) for key in range(at, at + 1000)])
        (await node.upgrade(v2, probation=None)).unwrap()
        for key in range(50):
            await node.call("rows", Put(key, 1))
            left = node.status().applications[0].upgrade.rows
            print(key, left, flush=True)
        await asyncio.sleep(60)
asyncio.run(main(sys.argv[1]))
"""


def test_kill_9_in_the_middle_of_a_sweep(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    node = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(data)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert node.stdout is not None
    done = 0
    for line in node.stdout:
        key, left = map(int, line.split())
        done = key + 1
        if done == 1:
            assert left > 0, "the sweep was through before the kill"
            node.send_signal(signal.SIGKILL)
    node.communicate()
    looked = subprocess.run(
        [sys.executable, "-c", LOOK, str(data)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = list(map(int, looked.stdout.split()))
    written = sum(each - 1000 - key for key, each in enumerate(found[:60]))
    assert done <= written <= done + 1
    assert found[60:] == [1000 + key for key in range(60, 200_000, 1997)]


LOOK = """
import asyncio, sys
from runtime.node import Node
from tests.runtime.wide import Get, v2
async def main(data):
    async with Node(data) as node:
        (await node.start(v2)).unwrap()
        for key in [*range(60), *range(60, 200_000, 1997)]:
            print(await node.call("rows", Get(key)))
asyncio.run(main(sys.argv[1]))
"""
