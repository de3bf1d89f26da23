"""Messages of a machine to itself, later: once, in order, over restarts and upgrades."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from arrows.build import arr, emit
from arrows.compile import compile
from arrows.plain import from_plain
from arrows.sending import After
from arrows.shape import Shape
from runtime import bounds
from runtime.application import Application
from runtime.errors import StepFailed
from runtime.loader import load
from runtime.outbox import NotTold
from runtime.store import Rejected
from runtime.testing import TestNode
from runtime.versions import brought_back, kept
from tests.runtime.desk import Drop, Named, Remind, Rings, Tick, reception, reception_2
from tests.runtime.engines import Power, Simulated


def fresh() -> TestNode:
    node = TestNode()
    assert isinstance(node.start(reception), Success)
    return node


def on(power: Power, *, at: float = 0.0, application: Application = reception) -> TestNode:
    node = TestNode(store=Simulated(power, automatic=True))
    node.now = at
    assert isinstance(node.start(application), Success)
    return node


def test_a_timer_fires_once_when_its_time_has_come() -> None:
    node = fresh()
    node.call("desk", Remind("tea", 5))
    node.advance(4.999)
    assert node.call("desk", Rings()) == ()
    assert node.machine("desk").timers == 1
    node.advance(0.001)
    assert node.call("desk", Rings()) == ("tea",)
    node.advance(100)
    assert node.call("desk", Rings()) == ("tea",)
    assert node.machine("desk").timers == 0
    assert "timers" not in node.machine("desk").to_plain()


def test_timers_fire_in_the_order_of_their_deadlines_and_then_of_their_steps() -> None:
    node = fresh()
    for what, seconds in (("c", 3), ("a", 1), ("b1", 2), ("b2", 2.0), ("now", 0)):
        node.call("desk", Remind(what, seconds))
    node.now += 100  # all are overdue at once
    assert node.call("desk", Rings()) == ("now",)
    assert node.call("desk", Rings()) == ("now", "a", "b1", "b2", "c")


def test_a_name_in_use_replaces_and_a_cancelled_timer_never_fires() -> None:
    node = fresh()
    node.call("desk", Named("meal", "lunch", 5))
    node.call("desk", Named("meal", "dinner", 9))
    node.call("desk", Named("sleep", "bed", 6))
    node.call("desk", Drop("sleep"))
    node.call("desk", Drop("nobody knows it"))
    assert node.machine("desk").timers == 1
    node.advance(20)
    assert node.call("desk", Rings()) == ("dinner",)
    node.call("desk", Named("meal", "breakfast", 1))
    node.advance(1)
    assert node.call("desk", Rings()) == ("dinner", "breakfast"), "a name is free when its timer has fired"


def test_a_timer_that_waits_to_be_stepped_can_still_be_cancelled() -> None:
    node = fresh()
    node.call("desk", Named("meal", "lunch", 5))
    cancelled = node.send("desk", Drop("meal"))
    node.now += 5
    node.step(limit=1)  # fires the timer, which waits behind the message
    assert cancelled.done()
    node.drain()
    assert node.call("desk", Rings()) == ()


def test_a_clock_ticks_at_each_of_its_deadlines() -> None:
    node = fresh()
    node.call("clock", Tick())
    node.advance(95)
    assert node.call("clock", Rings()) == 10
    assert node.machine("clock").timers == 1


@pytest.mark.parametrize("clean", [True, False])
def test_an_overdue_timer_fires_once_after_a_restart(clean: bool) -> None:
    power = Power()
    node = on(power)
    for what, seconds in (("late", 50), ("early", 5), ("never", 10_000)):
        node.call("desk", Remind(what, seconds))
    if clean:
        node.close()
    node = on(power, at=1000)
    node.drain()
    assert node.call("desk", Rings()) == ("early", "late")
    node = on(power, at=2000)
    node.drain()
    assert node.call("desk", Rings()) == ("early", "late")
    assert node.machine("desk").timers == 1


def test_time_never_goes_back() -> None:
    power = Power()
    node = on(power, at=1000)
    node.call("desk", Remind("tea", 5))
    node.now = 0  # the machine's clock is put back: a timer is not late by that
    node.call("desk", Remind("cake", 6))
    node.advance(5)
    assert node.call("desk", Rings()) == ("tea",)
    node.advance(1)
    assert node.call("desk", Rings()) == ("tea", "cake")
    node = on(power, at=3)
    node.call("desk", Remind("more", 1))
    node.advance(1)
    assert node.call("desk", Rings()) == ("tea", "cake", "more")
    times = [entry for _, entry in sorted(power.log.items())]
    found = [int(entry.split(b",")[1].rstrip(b"]")) for entry in times]
    assert found == sorted(found)
    assert found[0] >= 1_000_000


@pytest.mark.parametrize("clean", [True, False])
def test_an_upgrade_and_a_rollback_keep_timers(clean: bool) -> None:
    power = Power()
    node = on(power)
    node.call("desk", Named("a", "one", 5))
    node.call("desk", Named("b", "two", 15))
    node.call("desk", Named("c", "gone", 15))
    assert isinstance(node.upgrade(reception_2, probation=None), Success)
    node.call("desk", Drop("c"))
    node.advance(5)
    assert node.call("desk", Rings()) == ("second one",)
    if clean:
        node.close()
    node = on(power, at=6, application=reception_2)
    assert isinstance(node.rollback("reception"), Success)
    node.advance(20)
    assert node.call("desk", Rings()) == ("second one", "two")


def test_a_version_that_does_not_take_the_message_of_a_timer_is_refused() -> None:
    narrow = Application(
        "reception",
        version="3",
        machines={"desk": arr(_rings), "clock": reception.machines["clock"]},
    )
    node = fresh()
    node.call("desk", Remind("tea", 5))
    assert isinstance(node.upgrade(narrow, probation=None), Failure)
    node.advance(5)
    assert node.call("desk", Rings()) == ("tea",)


def _rings(asked: Rings) -> tuple[str, ...]:
    return ()


def test_what_is_kept_is_not_stepped_by_a_version_that_is_to_be_upgraded() -> None:
    power = Power()
    node = on(power)
    node.call("desk", Remind("tea", 5))
    node = on(power, at=100, application=reception_2)
    node.drain()
    assert node.call("desk", Rings()) == ("second tea",)


def test_a_stopped_application_keeps_its_timers_for_when_it_runs_again() -> None:
    power = Power()
    node = on(power)
    node.call("desk", Remind("tea", 5))
    node.stop("reception")
    node.advance(50)
    assert isinstance(node.start(reception), Success)
    node.drain()
    assert node.call("desk", Rings()) == ("tea",)


def test_a_commit_that_fails_brings_back_timers_and_takes_back_new_ones() -> None:
    power = Power()
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(reception)
    node.call("desk", Named("a", "kept", 5))
    store.automatic = False
    node.now = 6
    lost = node.send("desk", Named("b", "lost", 1))
    node.step()
    store.advance(Rejected("full"))
    store.automatic = True
    assert node.hear()
    assert isinstance(lost.done() and lost._error, Exception)
    assert node.machine("desk").timers == 1
    node.advance(100)
    assert node.call("desk", Rings()) == ("kept",)
    node = on(power, at=1000)
    assert node.call("desk", Rings()) == ("kept",)


def test_an_upgrade_that_could_not_be_written_down_leaves_timers_with_the_old_version() -> None:
    power = Power()
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(reception)
    node.call("desk", Named("a", "one", 5))
    store.automatic = False
    node.now = 6
    assert isinstance(node._host.change("reception", node._host.prepare(reception_2, None)), Success)
    node.step()  # the timer is due, and nothing is stepped before the upgrade is kept
    store.advance(Rejected("full"))
    store.automatic = True
    assert node.hear()
    node.drain()
    assert node.call("desk", Rings()) == ("one",)
    assert on(power, at=9).call("desk", Rings()) == ("one",)


OWN_CLASSES = """
import attrs
from midflight import After, Application, emit, proc

@attrs.frozen
class Ring:
    what: str

setattr(Ring, "seen", True)  # no other version may use this class

@attrs.frozen
class Set:
    what: str

@proc
def bell(msg: Set | Ring, *, rang: tuple[str, ...] = ()) -> tuple[str, ...]:
    match msg:
        case Set(what):
            emit(After(5.0, Ring(what)))
        case Ring(what):
            rang = (*rang, what)
    return rang

app = Application("bells", version="1", machines={"bell": bell})
"""


@pytest.mark.parametrize("clean", [True, False])
def test_a_recovered_timer_has_the_class_of_the_program_that_starts(tmp_path: Path, clean: bool) -> None:
    (tmp_path / "bells.py").write_text(OWN_CLASSES)
    power = Power()
    for at in range(2):
        app = load(str(tmp_path / "bells.py")).unwrap()
        node = on(power, at=at * 100, application=app)
        if at == 0:
            node.call("bell", from_plain({"type": "Set", "what": "tea"}, _takes(app)).unwrap())
            if clean:
                node.close()
    node.drain()
    assert node.machine("bell").failed == 0
    assert node.machine("bell").cells[0].value == ["tea"]


def _takes(app: Application) -> Shape:
    return compile(app.machines["bell"]).takes


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_timer_without_a_time_fails_the_step(seconds: float) -> None:
    node = fresh()
    with pytest.raises(StepFailed) as failed:
        node.call("desk", Remind("tea", seconds))
    assert isinstance(failed.value.error, NotTold)
    assert node.machine("desk").timers == 0


def test_a_timer_whose_message_the_machine_does_not_take_fails_the_step() -> None:
    node = TestNode()
    node.start(Application("odd", version="1", machines={"odd": arr(_odd) >> emit(After)}))
    with pytest.raises(StepFailed) as failed:
        node.call("odd", 1)
    assert "odd does not take its own After(1.0, ...)" in str(failed.value.error)


def _odd(n: int) -> After:
    return After(1.0, "a text")


def test_deadlines_of_replaced_timers_are_forgotten() -> None:
    node = fresh()
    for at in range(4 * bounds.GONE):
        node.call("desk", Named("session", str(at), 1800))
    assert len(node._host.core.outbox._timers) <= 2 * bounds.GONE + 2
    node.advance(1800)
    assert node.call("desk", Rings()) == (str(4 * bounds.GONE - 1),)


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


class Model:
    """What must ring: names to (deadline, place, what), and what rang."""

    def __init__(self) -> None:
        self.now = 0
        self.place = 0
        self.waiting: dict[str, tuple[int, int, str]] = {}
        self.rang: list[str] = []

    def set(self, name: str, what: str, seconds: int) -> None:
        self.place += 1
        self.waiting[name] = (self.now + seconds, self.place, what)

    def pass_by(self, seconds: int) -> None:
        self.now += seconds
        for name, (deadline, _, what) in sorted(self.waiting.items(), key=lambda each: each[1]):
            if deadline <= self.now:
                self.rang.append(what)
                del self.waiting[name]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("seed", range(30))
def test_random_timers_with_crashes_ring_as_the_model_says(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print("seed", seed)
    chance = random.Random(seed)
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", chance.choice([3, 10, 10_000]))
    power, model, versions = Power(), Model(), 0
    node = on(power)
    for at in range(150):
        match chance.randrange(8):
            case 0 | 1 | 2:
                name, seconds = chance.choice("abcdef"), chance.randrange(20)
                node.call("desk", Named(name, str(at), float(seconds)))
                model.set(name, str(at), seconds)
                model.pass_by(0)
            case 3:
                name = chance.choice("abcdef")
                node.call("desk", Drop(name))
                model.waiting.pop(name, None)
            case 4 | 5:
                seconds = chance.randrange(10)
                node.advance(seconds)
                model.pass_by(seconds)
            case 6:  # the power is cut, and comes back later
                seconds = chance.randrange(10)
                if chance.random() < 0.3:
                    node.close()
                now = node.now + seconds
                node = on(power, at=now, application=node_version(versions))
                model.pass_by(seconds)
            case _:
                if versions % 2 == 0:
                    assert isinstance(node.upgrade(reception_2, probation=None), Success)
                else:
                    assert isinstance(node.rollback("reception"), Success)
                versions += 1
        node.drain()
        rang = [each.removeprefix("second ") for each in node.call("desk", Rings())]
        assert rang == model.rang, (seed, at)
    assert len(model.rang) > 10


def node_version(versions: int) -> Application:
    return reception if versions % 2 == 0 else reception_2


PROGRAM = """\
    import asyncio, sys
    from midflight import Node
    from tests.runtime.desk import Remind, Rings, reception

    async def main():
        async with Node(sys.argv[1]) as node:
            await node.start(reception)
            async with node.subscribe("rang") as events:
                if sys.argv[2] == "set":
                    await node.call("desk", Remind("tea", 0.5))
                    print("set", flush=True)
                    await asyncio.sleep(60)
                elif sys.argv[2] == "hear":
                    if not await node.call("desk", Rings()):
                        async for event in events:
                            print(event.number, event.topic, event.message, flush=True)
                            break
                print(await node.call("desk", Rings()), node.machine("desk").timers, flush=True)

    asyncio.run(main())
"""


def test_a_killed_node_fires_its_timer_once_after_the_restart(tmp_path: Path) -> None:
    def started(what: str) -> subprocess.Popen[str]:
        code = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path / "data"), what]
        return subprocess.Popen(
            code, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
        )

    with started("set") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "set\n"
        first.send_signal(signal.SIGKILL)
    with started("hear") as second:
        told, _ = second.communicate(timeout=60)
        assert told.splitlines()[-1] == "('tea',) 0"
    with started("look") as third:
        told, _ = third.communicate(timeout=60)
        assert told == "('tea',) 0\n"
