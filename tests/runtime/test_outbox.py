"""What machines tell one another and the world: once, in order, with the step that told it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from arrows.build import arr, constant, emit
from arrows.effect import Effect
from arrows.sending import Publish, Send
from runtime import bounds, observe, report
from runtime.application import Application
from runtime.core import Core
from runtime.errors import Overloaded, StepFailed, Unavailable
from runtime.node import Node
from runtime.outbox import Outbox, Published
from runtime.pending import Pending
from runtime.refusal import NeedsEffects
from runtime.store import Rejected
from runtime.subscriptions import Lagged
from runtime.testing import TestNode
from runtime.versions import brought_back, kept
from tests.runtime.desk import Do, Kept, Note, Pass, Remind, To, archive, archive_2, deaf, office, reception
from tests.runtime.engines import Power, Simulated


def node_on(power: Power, *, automatic: bool = True) -> tuple[TestNode, Simulated]:
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    assert isinstance(node.start(archive), Success)
    assert isinstance(node.start(office), Success)
    node.drain()
    store.automatic = automatic
    return node, store


def in_memory(**options: Any) -> TestNode:
    node = TestNode(**options)
    node.start(archive)
    node.start(office)
    return node


# Sends


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_sent_arrives_once_and_in_order(durable: bool) -> None:
    node = node_on(Power())[0] if durable else in_memory()
    for n in range(100):
        node.cast("anna", Do(n))
        node.cast("bert", Do(n + 1))
    node.drain()
    notes = node.call("audit", Kept())
    assert [n for sender, n in notes if sender == "anna"] == list(range(100))
    assert [n for sender, n in notes if sender == "bert"] == [m for n in range(1, 101) for m in (n, -n)]
    assert node.machine("audit").sends == 0
    assert node.machine("audit").stepped == 301


def test_a_step_that_raises_has_sent_nothing() -> None:
    node, _ = node_on(Power())
    heard = node.subscribe("done")
    with pytest.raises(StepFailed):
        node.call("anna", Do(-1))
    with pytest.raises(StepFailed):
        node.call_all("anna", [Do(1), Do(2), Do(-1)])
    assert node.call_all("anna", [Do(3), Do(4)]) == [1, 2]
    assert node.call("audit", Kept()) == (("anna", 3), ("anna", 4))
    assert [(event.number, event.message) for event in heard.take()] == [(1, 3), (2, 4)]


def test_a_send_whose_receiver_raises_is_not_sent_again_by_recovery() -> None:
    power = Power()
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(deaf)
    node.start(office)
    node.call("anna", Do(1))
    assert node.machine("audit").failed == 1
    assert node.machine("audit").sends == 0
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(deaf)
    node.start(office)
    node.drain()
    assert node.machine("audit").failed == 1
    assert node.machine("audit").sends == 0


def test_sends_are_not_refused_for_room_and_callers_are() -> None:
    small = Application("archive", version="1", machines=archive.machines, inbox=2)
    node = TestNode()
    node.start(small)
    node.start(office)
    for n in range(20):
        node.cast("anna", Do(n))
    node.step(limit=20)
    assert node.machine("audit").waiting == 20
    with pytest.raises(Overloaded):
        node.call("audit", Kept())
    node.drain()
    assert len(node.call("audit", Kept())) == 20


def test_what_no_machine_takes_is_a_dead_letter(caplog: pytest.LogCaptureFixture) -> None:
    events: list[observe.Event] = []
    power = Power()
    store = Simulated(power, automatic=True)
    node = TestNode(store=store, observers=[events.append])
    node.start(archive)
    node.start(office)
    with caplog.at_level(logging.ERROR):
        assert node.call("anna", To("nobody", 1)) == 1
        assert node.call("anna", Pass("a text")) == 2
    dead = [each for each in events if isinstance(each, observe.DeadLetter)]
    assert [(each.machine, each.to) for each in dead] == [("anna", "nobody"), ("anna", "audit")]
    assert "no machine 'nobody' is on this node" in caplog.text
    assert "anna sent to audit, which did not take it" in caplog.text
    assert node.status().dead_letters == 2
    assert node.status().to_plain()["dead_letters"] == 2
    node, _ = node_on(power)
    assert node.call("audit", Kept()) == ()
    assert node.call("anna", Do(1)) == 3


def test_what_is_sent_to_an_application_that_rests_waits_for_it() -> None:
    power = Power()
    node, _ = node_on(power)
    node.stop("archive")
    node.call("anna", Do(1))
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(office)
    node.call("anna", Do(2))
    assert node.status().dead_letters == 0
    node.start(archive)
    node.call("anna", Do(3))
    assert node.call("audit", Kept()) == (("anna", 1), ("anna", 2), ("anna", 3))


def test_a_machine_that_sends_to_itself_is_stepped_again() -> None:
    node = TestNode()
    node.start(Application("self", version="1", machines={"self": arr(_to_self) >> emit(Send)}))
    node.start(archive)
    node.call("self", 3)
    assert node.machine("self").stepped == 4
    assert node.call("audit", Kept()) == (("self", 0),)


def _to_self(n: int) -> Send:
    return Send("self", n - 1) if n else Send("audit", Note("self", 0))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load each kept version once: the schedules restart often."""
    loaded = cache(brought_back)
    saved: dict[int, Any] = {}

    def saved_once(application: Application) -> Any:
        if id(application) not in saved:
            saved[id(application)] = kept(application)
        return saved[id(application)]

    monkeypatch.setattr("runtime.recovery.brought_back", loaded)
    monkeypatch.setattr("runtime.changed_by_hand.kept", saved_once)


# Commits


def test_a_commit_that_fails_takes_back_what_was_sent_and_brings_back_what_was_taken() -> None:
    power = Power()
    node, store = node_on(power, automatic=False)
    first = node.send("anna", Do(1))
    node.step(limit=1)  # the send waits behind this commit
    second = node.send("anna", Do(2))
    node.step()  # the receiver steps, and anna again
    assert node.machine("audit").stepped == 2
    store.advance()
    while node.hear():
        pass
    assert first.result() == 1
    store.advance(Rejected("full"))
    while node.hear():
        pass
    with pytest.raises(Unavailable):
        second.result()
    assert node.machine("audit").sends == 1
    store.automatic = True
    assert node.call("anna", Do(3)) == 2
    assert node.call("audit", Kept()) == (("anna", 1), ("anna", 3))
    node, _ = node_on(power)
    assert node.call("audit", Kept()) == (("anna", 1), ("anna", 3))


@pytest.mark.parametrize("clean", [True, False])
def test_a_crash_between_the_two_commits_loses_nothing(clean: bool) -> None:
    power = Power()
    node, store = node_on(power, automatic=False)
    node.send("anna", Do(1))
    node.step(limit=1)
    store.advance()
    node.step()  # the receiver's step is not durable when the power is cut
    again, _ = node_on(power)
    if clean:
        again.close()
        again, _ = node_on(power)
    assert again.call("audit", Kept()) == (("anna", 1),)


# A model, random schedules


def told(notes: tuple[tuple[str, int], ...]) -> dict[str, list[int]]:
    """What arrived, by sender, in its order."""
    found: dict[str, list[int]] = {"anna": [], "bert": []}
    for sender, n in notes:
        found[sender].append(n)
    return found


def wrong(acknowledged: dict[str, list[int]], flying: dict[str, list[int]], notes: Any) -> str:
    """What is wrong with what arrived: what a caller was answered is there, once, in order; the rest may be."""
    for sender, arrived in told(notes).items():
        twice = [n for n, times in Counter(arrived).items() if times > 1]
        if twice:
            return f"{sender}: {twice} arrived twice"
        missing = [n for n in acknowledged[sender] if n not in set(arrived)]
        if missing:
            return f"{sender}: {missing} are lost"
        if [abs(n) for n in arrived] != sorted(abs(n) for n in arrived):
            return f"{sender}: {arrived} are out of order"
        unknown = set(map(abs, arrived)) - set(map(abs, acknowledged[sender] + flying[sender]))
        if unknown:
            return f"{sender}: nobody sent {unknown}"
    return ""


def schedule(seed: int) -> str:
    """Send at random through failed commits, snapshots and power cuts; return what is wrong at the end."""
    chance = random.Random(seed)
    power = Power()
    node, store = node_on(power, automatic=False)
    acknowledged: dict[str, list[int]] = {"anna": [], "bert": []}
    flying: dict[str, list[int]] = {"anna": [], "bert": []}
    open_: list[tuple[str, int, Pending]] = []
    n = 0

    def look() -> None:
        while node.hear():
            pass
        for each in list(open_):
            name, number, pending = each
            if pending.done():
                open_.remove(each)
                if pending._error is None:
                    acknowledged[name] += [number] if name == "anna" else [number, -number]
                    flying[name].remove(number)

    for _ in range(200):
        match chance.randrange(10):
            case 0 | 1 | 2 | 3:
                n += 1
                name = chance.choice(["anna", "bert"])
                flying[name].append(n)
                open_.append((name, n, node.send(name, Do(n))))
            case 4 | 5 | 6:
                node.step(limit=chance.choice([1, 2, 5, 256]))
            case 7 | 8:
                store.advance(Rejected("full") if chance.random() < 0.15 else None)
            case _ if chance.random() < 0.5:
                if chance.random() < 0.5 and not store.waiting:
                    store.automatic = True
                    node.drain()
                    look()
                    node.close()
                elif chance.random() < 0.5:
                    store.advance(told=False)
                look()
                open_.clear()
                node, store = node_on(power, automatic=False)
            case _:
                pass
        look()
    store.automatic = True
    while store.advance():
        pass
    node.drain()
    look()
    return wrong(acknowledged, flying, node.call("audit", Kept()))


SEEDS = range(40)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", SEEDS)
def test_random_schedules_lose_nothing_and_send_nothing_twice(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print("seed", seed)
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", random.Random(seed).choice([2, 7, 10_000]))
    assert schedule(seed) == ""


def _red(seeds: range) -> bool:
    """Whether the checker sees anything, or the node itself stops."""
    for seed in seeds:
        try:
            if schedule(seed):
                return True
        except Exception:
            return True
    return False


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("broken", ["take", "undo", "snapshot"])
def test_the_checker_sees_a_broken_outbox(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", 5)
    if broken == "take":
        monkeypatch.setattr("runtime.recovery.Recovery.took", lambda self, hosted, *due: None)
    elif broken == "undo":
        monkeypatch.setattr(Outbox, "undo", lambda self, *batches: None)
    else:
        monkeypatch.setattr("runtime.filling.Filling.waits", lambda self, *at: _none())
    assert _red(SEEDS)


def _none() -> Any:
    from runtime.waits import Waits

    return Waits()


PROGRAM = """
import asyncio, sys
from midflight import Node
from tests.runtime.desk import Do, Kept, archive, office

async def main():
    async with Node(sys.argv[1]) as node:
        await node.start(archive)
        await node.start(office)
        notes = await node.call("audit", Kept())
        print([n for _, n in notes], flush=True)
        first = int(sys.argv[2])
        for n in range(first, first + int(sys.argv[3])):
            await node.call("anna", Do(n))
            print(n, flush=True)

asyncio.run(main())
"""


def test_a_killed_node_has_delivered_what_was_acknowledged_once(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, last, sure = random.Random(seed), 0, list[int]()
    for rounds in range(4):
        words = [sys.executable, "-c", PROGRAM, str(tmp_path / "data"), str(last + 1)]
        with subprocess.Popen(
            [*words, "0" if rounds == 3 else "1000000"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "."},
        ) as node:
            assert node.stdout is not None
            arrived = json.loads(node.stdout.readline())
            assert arrived == sorted(set(arrived)), "twice, or out of order"
            assert set(sure) <= set(arrived), "an acknowledged one is lost"
            assert len(arrived) - len(sure) <= rounds, "one may be under way at each kill"
            if rounds < 3:
                until = last + chance.randint(1, 400)
                for line in node.stdout:
                    last = int(line)
                    sure.append(last)
                    if last >= until:
                        break
                node.kill()
                rest = [int(line) for line in node.stdout.read().splitlines() if line.strip().isdigit()]
                sure += rest
                last = max([last, *rest]) + 1  # that one may be under way
    assert len(sure) > 2


# Upgrades


def test_an_upgrade_of_the_receiver_keeps_what_waits_for_it() -> None:
    power = Power()
    node, store = node_on(power, automatic=False)
    for n in range(5):
        node.cast("anna", Do(n))
    node.step(limit=5)
    store.automatic = True
    store.advance()
    while node.hear():
        pass
    assert node.machine("audit").sends == 5
    assert isinstance(node.upgrade(archive_2, probation=None), Success)
    assert node.call("audit", Kept()) == tuple(("anna", n) for n in range(5))
    again = TestNode(store=Simulated(power, automatic=True))
    assert again.start(archive_2).unwrap().version == "2"
    assert again.call("audit", Kept()) == tuple(("anna", n) for n in range(5))


# Effects a node does not do


def test_machines_that_perform_or_emit_something_else_are_refused() -> None:
    node = TestNode()
    from tests.runtime.test_core import Ask

    app = Application("app", version="1", machines={"tells": constant(Ask(1)) >> emit(Ask)})
    refused = node.start(app)
    assert isinstance(refused, Failure)
    assert refused.failure() == NeedsEffects("app", "tells", ("Ask",))
    assert "a node emits Send, Publish, After and Cancel" in str(refused.failure())
    assert issubclass(Ask, Effect)


# Events


def test_events_are_told_after_the_commit_and_not_of_one_that_failed() -> None:
    node, store = node_on(Power(), automatic=False)
    heard, others = node.subscribe("done"), node.subscribe("elsewhere")
    node.cast("anna", Do(1))
    node.step()
    assert heard.take() == []
    store.advance()
    node.hear()
    assert heard.take() == [Published(1, "done", 1)]
    node.cast("anna", Do(2))
    node.step()
    while store.advance(Rejected("full")):
        pass
    while node.hear():
        pass
    assert heard.take() == []
    store.automatic = True
    node.call("anna", Do(3))
    assert heard.take() == [Published(2, "done", 3)]
    assert others.take() == []
    heard.close()
    node.call("anna", Do(4))
    assert heard.take() == []


@pytest.mark.parametrize("clean", [True, False])
def test_the_numbers_of_events_go_on_after_a_restart(clean: bool) -> None:
    power = Power()
    node, _ = node_on(power)
    node.call("anna", Do(1))
    if clean:
        node.close()
    node, _ = node_on(power)
    heard = node.subscribe("done")
    node.call("anna", Do(2))
    assert heard.take() == [Published(2, "done", 2)]


def test_a_subscriber_that_does_not_keep_up_is_dropped_and_told_so() -> None:
    node = in_memory()
    slow, quick = node.subscribe("done"), node.subscribe("done")
    count = 0
    for n in range(bounds.EVENTS + 1):
        node.call("anna", Do(n))
        count += len(quick.take())
    assert count == bounds.EVENTS + 1
    assert len(slow.take()) == bounds.EVENTS
    assert slow.closed
    with pytest.raises(Lagged, match="did not keep up"):
        slow.take()


async def _iterated() -> None:
    async with Node() as node:
        await node.start(archive)
        await node.start(office)
        heard: list[tuple[int, str, int]] = []

        async def hear() -> None:
            async with node.subscribe("done") as events:
                async for event in events:
                    heard.append((event.number, event.topic, event.message))

        task = asyncio.create_task(hear())
        await asyncio.sleep(0)
        for n in range(3):
            await node.call("anna", Do(n))
        assert await node.call("audit", Kept()) == (("anna", 0), ("anna", 1), ("anna", 2))
        async with node.subscribe("done") as slow:
            for n in range(bounds.EVENTS + 1):
                await node.call("anna", Do(n))
            with pytest.raises(Lagged):
                async for _ in slow:
                    pass
    await task  # ends with the node
    assert heard[:3] == [(1, "done", 0), (2, "done", 1), (3, "done", 2)]
    assert len(heard) == bounds.EVENTS + 4


async def _not_entered() -> None:
    async with Node() as node:
        with pytest.raises(RuntimeError, match="enter a subscription first"):
            await anext(node.subscribe("done"))


def test_a_loop_iterates_over_events() -> None:
    asyncio.run(_iterated())


def test_a_subscription_is_entered_first() -> None:
    asyncio.run(_not_entered())


def test_a_machine_that_only_publishes_is_stepped_as_any() -> None:
    node = TestNode()
    node.start(Application("app", version="1", machines={"bell": arr(_ring) >> emit(Publish)}))
    heard = node.subscribe("bell")
    node.call_all("bell", ["a", "b"])
    assert [event.message for event in heard.take()] == ["a", "b"]


def _ring(text: str) -> Publish:
    return Publish("bell", text)


def test_a_status_tells_what_is_to_come_where_there_is_any(capsys: pytest.CaptureFixture[str]) -> None:
    node = in_memory()
    node.start(reception)
    about = {"process": 1, "data": "data", "urls": []}
    report.status({**node.status().to_plain(), **about})
    assert "to come" not in capsys.readouterr().out
    node.call("desk", Remind("tea", 5))
    node.cast("anna", Do(1))
    node.step(limit=1)
    node.call("anna", To("nobody", 1))
    node.cast("anna", Do(1))
    node.step(limit=1)
    report.status({**node.status().to_plain(), **about})
    said = capsys.readouterr().out
    assert "desk: timers to come: 1" in said
    assert "audit: sends to come: 1" in said
    assert "dead letters: 1" in said


def test_a_core_without_a_driver_has_an_outbox() -> None:
    core = Core(lambda: "", observed=False)
    assert core.outbox.deadline() is None
