"""Dead letters: kept with the rollback that makes them, replayed or dropped once, and never lost between the two."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime import bounds
from runtime.dead_letters import read
from runtime.embedded import open_store
from runtime.history import rows
from runtime.journal import version_key
from runtime.node import Node
from runtime.pending import Pending
from runtime.replaying import LetterBusy, LetterFailed, LetterNotTaken, NoSuchLetter, drop, message, replay
from runtime.store import Rejected
from runtime.testing import TestNode
from tests.runtime.cashbox import Add, Later, Pay, Refund, Total, v1, v2, v3, v4, watchful
from tests.runtime.desk import To, archive, office
from tests.runtime.engines import Power, Simulated

ROOT = Path(__file__).parents[2]
Start = Callable[..., TestNode]


@pytest.fixture(params=["memory", "disk", "sqlite"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    def started() -> TestNode:
        store: Any = None
        if request.param == "disk":
            store = Simulated(Power(), automatic=True)
        elif request.param == "sqlite":
            (tmp_path / "data").mkdir()
            store = open_store(tmp_path / "data").unwrap()
            request.addfinalizer(store.close)
        node = TestNode(store=store)
        node.start(v1).unwrap()
        return node

    return started


def went_back(node: TestNode, *numbers: int) -> TestNode:
    """The node, behind a rollback to version 1 from one in which refunds waited."""
    node.upgrade(v2).unwrap()
    for number in numbers:
        node.cast("box", Refund(number))
    node.rollback("cash").unwrap()
    node.drain()
    return node


def on(power: Power) -> TestNode:
    return TestNode(store=Simulated(power, automatic=True))


def numbers(node: TestNode) -> list[int]:
    return [each.number for each in node.dead_letters()]


# What becomes one


def test_what_nobody_waits_for_becomes_one_with_where_it_came_from(start: Start) -> None:
    node = start()
    node.advance(5.0)
    node.upgrade(v2).unwrap()
    node.call("box", Later(1, 600.0))
    node.cast("clerk", Pay(2))
    node.step(limit=1)
    node.cast("box", Refund(3))
    node.cast("box", Add(100))
    node.rollback("cash").unwrap()
    assert node.call("box", Total()) == 100
    found = {each.source: each for each in node.dead_letters()}
    assert {source: (each.sender, each.machine) for source, each in found.items()} == {
        "cast": ("", "box"),
        "send": ("clerk", "box"),
        "timer": ("box", "box"),
    }
    assert found["timer"].due == 605_000
    assert {each.digest for each in found.values()} == {v2.digest}
    assert {(each.application, each.version, each.at) for each in found.values()} == {("cash", "2", 5000)}
    assert found["cast"].message == {"type": "Refund", "n": 3, "card": "***"}
    assert "expected" in found["cast"].why
    assert node.status().dead_letters == 3
    json.dumps([each.to_plain() for each in node.dead_letters()])
    assert "4711" not in str([each.to_plain() for each in node.dead_letters()]) + repr(node.dead_letters())


def test_it_is_so_where_the_node_goes_back_by_itself(start: Start) -> None:
    node = start()
    node.upgrade(watchful).unwrap()
    node.call("box", Later(1, 5.0))
    node.cast("box", Add(1000))
    node.cast("box", Refund(2))
    node.advance(60.0)
    assert node.call("box", Total()) == 1000
    assert [(each.source, each.message["n"]) for each in node.dead_letters()] == [("cast", 2), ("timer", 1)]


def test_a_send_that_no_machine_takes_is_one_too(caplog: pytest.LogCaptureFixture) -> None:
    power = Power()
    node = on(power)
    node.start(archive)
    node.start(office)
    with caplog.at_level(logging.ERROR):
        node.call("anna", To("nobody", 1))
    assert "dead letter 1: anna sent to nobody, which did not take it" in caplog.text
    again = on(power)
    again.start(archive)
    again.start(office)
    (letter,) = again.dead_letters()
    assert (letter.sender, letter.machine, letter.source, letter.version) == ("anna", "nobody", "send", "1")
    refused = again.replay(1).failure()
    assert isinstance(refused, LetterNotTaken)
    assert "no machine 'nobody'" in str(refused)


# What is done with one


def test_a_replay_is_refused_by_a_version_that_does_not_take_it(start: Start) -> None:
    node = went_back(start(), 7)
    refused = node.replay(1).failure()
    assert isinstance(refused, LetterNotTaken)
    assert "box does not take it" in str(refused)
    assert numbers(node) == [1]
    assert isinstance(node.replay(2).failure(), NoSuchLetter)


def test_it_is_stepped_once_by_a_version_that_takes_it(start: Start) -> None:
    node = went_back(start(), 7, 8)
    node.call("box", Add(100))
    node.upgrade(v2, probation=None).unwrap()
    assert node.replay(1).unwrap() == 93
    assert isinstance(node.replay(1).failure(), NoSuchLetter)
    assert numbers(node) == [2]
    node.upgrade(v3, probation=None).unwrap()  # its classes are the same, its code is not
    assert node.replay(2).unwrap() == 85
    assert node.status().dead_letters == 0
    assert node.call("box", Total()) == 85


def test_one_whose_step_raises_stays(start: Start) -> None:
    node = went_back(start(), 13, 1)
    node.upgrade(v2, probation=None).unwrap()
    refused = node.replay(1).failure()
    assert isinstance(refused, LetterFailed)
    assert "reference" in str(refused)
    assert numbers(node) == [1, 2]
    assert node.replay(2).unwrap() == -1
    node.upgrade(v3, probation=None).unwrap()
    assert node.replay(1).unwrap() == -14


def test_it_is_stepped_before_what_waits(start: Start) -> None:
    node = went_back(start(), 7)
    node.upgrade(v2, probation=None).unwrap()
    host = node._host
    content = message(host, node.dead_letters()[0]).unwrap()
    pending = [node.send("box", Add(1)) for _ in range(3)]
    ticket = Pending()
    replay(host, 1, content, ticket).unwrap()
    node.drain()
    assert ticket.result() == -7
    assert [each.result() for each in pending] == [-6, -5, -4]


def test_what_a_replayed_one_tells_is_told(start: Start) -> None:
    node = start()
    node.upgrade(v2).unwrap()
    node.cast("box", Later(5, 10.0))
    node.rollback("cash").unwrap()
    node.drain()
    node.upgrade(v2, probation=None).unwrap()
    node.replay(1).unwrap()
    node.advance(11.0)
    assert node.call("box", Total()) == -5


def test_a_dropped_one_is_gone(start: Start) -> None:
    node = went_back(start(), 7, 8)
    assert node.drop(1).unwrap().number == 1
    assert isinstance(node.drop(1).failure(), NoSuchLetter)
    assert numbers(node) == [2]
    assert node.status().dead_letters_lost == 0


# On disk


def test_they_are_kept_with_the_rollback_and_read_after_a_restart() -> None:
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    went_back(node, 7, 8)
    node.close()
    again = on(power)
    assert numbers(again) == [1, 2], "they are there before anything runs"
    again.start(v1).unwrap()
    assert isinstance(again.replay(1).failure(), LetterNotTaken)
    again.upgrade(v2, probation=None).unwrap()
    assert again.replay(1).unwrap() == -7
    last = on(power)
    last.start(v2).unwrap()
    assert numbers(last) == [2]
    assert last.replay(2).unwrap() == -15
    assert read(Simulated(power)) == []


def test_a_rollback_that_is_not_written_down_makes_none() -> None:
    power = Power()
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(v1).unwrap()
    node.upgrade(v2, probation=None).unwrap()
    store.automatic = False
    node.cast("box", Refund(7))
    node.rollback("cash").unwrap()
    assert numbers(node) == []
    store.advance(Rejected("full"))
    store.automatic = True
    node.drain()
    assert numbers(node) == []
    assert node.call("box", Total()) == -7, "it waited on, in version 2"
    assert read(store) == []


@pytest.mark.parametrize("what", ["replay", "drop"])
def test_where_the_commit_fails_it_stays_and_can_be_tried_again(what: str) -> None:
    power = Power()
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(v1).unwrap()
    went_back(node, 7).upgrade(v2, probation=None).unwrap()
    content = message(node._host, node.dead_letters()[0]).unwrap()
    store.automatic = False
    ticket = Pending()
    if what == "replay":
        replay(node._host, 1, content, ticket).unwrap()
    else:
        drop(node._host, 1, ticket).unwrap()
    assert isinstance(replay(node._host, 1, content, Pending()).failure(), LetterBusy)
    assert isinstance(drop(node._host, 1, Pending()).failure(), LetterBusy)
    store.advance(Rejected("full"))
    while node.hear():
        pass
    assert ticket.done()
    store.automatic = True
    assert numbers(node) == [1]
    assert node.call("box", Total()) == 0
    assert [row["what"] for row in rows(store) if "letters" in row] == []
    assert node.replay(1).unwrap() == -7
    assert read(store) == []
    (row,) = [row for row in rows(store) if "letters" in row]
    assert (row["what"], row["letters"]) == ("replayed", {"count": 1, "numbers": ["1"]})


def test_the_version_that_wrote_one_is_kept_for_as_long_as_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 0)
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    went_back(node, 7)
    kept = version_key(v2.edition)
    for _ in range(3):
        node.call("box", Add(1))
        node.close()
        assert kept in power.table
        node = on(power)
        node.start(v1).unwrap()
    assert message(node._host, node.dead_letters()[0]).unwrap().n == 7
    node.drop(1).unwrap()
    for _ in range(3):
        node.call("box", Add(1))
        node.close()
    assert kept not in power.table


def test_no_number_is_used_again() -> None:
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    went_back(node, 7, 8)
    node.drop(1).unwrap()
    node.drop(2).unwrap()
    again = on(power)
    again.start(v1).unwrap()
    assert numbers(went_back(again, 9)) == [3]


def test_the_oldest_are_dropped_where_there_are_too_many(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bounds, "DEAD", 3)
    node = went_back(start(), *range(1, 6))
    assert numbers(node) == [3, 4, 5]
    assert node.status().to_plain()["dead_letters_lost"] == 2
    node.drop(4).unwrap()
    assert numbers(went_back(node, 6, 7)) == [5, 6, 7]
    assert "dead letter 3, to box, of version 2, was dropped" in caplog.text
    keeper = node._host.keeper
    if keeper is not None:
        node.close()
        assert [each.number for each in read(keeper.store)] == [5, 6, 7]


def test_large_ones_are_bounded_by_their_bytes(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "DEAD_BYTES", 3000)
    node = start()
    node.upgrade(v2).unwrap()
    for number in range(4):
        node.cast("box", Refund(number, "x" * 1000))
    node.rollback("cash").unwrap()
    node.drain()
    assert numbers(node)[-1] == 4
    assert sum(len(each.written()) for each in node.dead_letters()) <= 3000


def test_the_history_tells_those_of_one_go_in_one_row() -> None:
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    went_back(node, *range(1, 9))
    for number in (1, 2, 3, 5):
        node.drop(number).unwrap()
    node.upgrade(v2, probation=None).unwrap()
    node.replay(6).unwrap()
    told = [(row["what"], row["letters"], row["who"]) for row in rows(Simulated(power)) if "letters" in row]
    assert told == [
        ("dropped", {"count": 4, "numbers": ["1-3", "5"]}, "in process"),
        ("replayed", {"count": 1, "numbers": ["6"]}, "in process"),
    ]


# On probation


def test_a_new_version_that_fails_on_one_goes_back_and_the_letter_stays(start: Start) -> None:
    node = went_back(start(), 13)
    node.upgrade(v3, probation=None).unwrap()
    node.settle("cash").unwrap()
    node.upgrade(v4).unwrap()
    waiting = node.send("box", Add(1))
    refused = node.replay(1).failure()
    assert isinstance(refused, LetterFailed)
    assert "goes back to the one before" in str(refused)
    assert waiting.result() == 1
    (application,) = node.status().applications
    assert application.version == "3"
    assert numbers(node) == [1]
    assert node.replay(1).unwrap() == -12


# Real processes, a real disk

SCRIPT = """
import asyncio, sys
from runtime.node import Node
from tests.runtime.cashbox import Later, v1, v2
async def main(data):
    async with Node(data) as node:
        (await node.start(v1)).unwrap()
        (await node.upgrade(v2, probation=None)).unwrap()
        await node.call_all("box", [Later(1, 600.0)] * 400)
        (await node.rollback("cash")).unwrap()
        assert len(node.dead_letters()) == 400, len(node.dead_letters())
        (await node.upgrade(v2, probation=None)).unwrap()
        async def each(numbers):
            for number in numbers:
                print(-(await node.replay(number)).unwrap(), flush=True)
        await asyncio.gather(*(each(range(1 + first, 401, 4)) for first in range(4)))
asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("after", [1, 40, 133])
def test_kill_9_among_replays_loses_none_and_steps_none_twice(after: int, tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, str(data)]
    told = 0
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        for line in node.stdout:
            told = max(told, int(line))
            if told == after:
                node.send_signal(signal.SIGKILL)
    assert after <= told < 400

    async def looked() -> tuple[int, int]:
        async with Node(data) as again:
            (await again.start(v2, initial=None)).unwrap()
            left = len(again.dead_letters())
            paid = -(await again.call("box", Total()))
            for letter in again.dead_letters():
                (await again.replay(letter.number)).unwrap()
            assert -(await again.call("box", Total())) == 400
            return left, paid

    left, paid = asyncio.run(looked())
    assert left + paid == 400
    assert paid >= told, "a replay that was told is gone"


def test_a_node_on_asyncio_in_memory() -> None:
    async def main() -> None:
        async with Node() as node:
            (await node.start(v1)).unwrap()
            (await node.upgrade(v2, probation=None)).unwrap()
            await node.call_all("box", [Later(7, 60.0), Later(13, 60.0)])
            (await node.rollback("cash")).unwrap()
            assert [each.number for each in node.dead_letters()] == [1, 2]
            assert isinstance((await node.replay(1)).failure(), LetterNotTaken)
            (await node.upgrade(v2, probation=None)).unwrap()
            first, second = await asyncio.gather(node.replay(1), node.replay(1))
            assert first.unwrap() == -7
            assert isinstance(second.failure(), NoSuchLetter | LetterBusy)
            assert isinstance((await node.replay(2)).failure(), LetterFailed)
            assert (await node.drop(2)).unwrap().number == 2
            assert node.status().dead_letters == 0

    asyncio.run(main())
