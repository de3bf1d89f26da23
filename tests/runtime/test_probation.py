"""A new version is watched, and the node goes back by itself where it fails what the version before answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from arrows import arr, loop, proc
from migrations import lens
from migrations.migration import Migration
from migrations.refusal import MigrationRaised, UndeclaredLoss
from runtime import observe
from runtime.aftermath import TakenBack
from runtime.application import Application
from runtime.errors import RolledBack, StepFailed, Unavailable
from runtime.history import rows
from runtime.instruction import Probation, Progress
from runtime.node import Node
from runtime.probation import EndedUncleanly, NewVersionRaised, Unhealthy
from runtime.store import Rejected
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated
from tests.runtime.trial_shop import (
    BREAKS,
    ENDLESS,
    FINE,
    ODD,
    STUCK,
    UNWELL,
    WELL,
    Refund,
    Sell,
    Sold,
    v1,
)

Start = Callable[..., TestNode]


@pytest.fixture(params=["memory", "disk"])
def start(request: pytest.FixtureRequest) -> Start:
    def started(**more: Any) -> TestNode:
        store = Simulated(Power(), automatic=True) if request.param == "disk" else None
        node = TestNode(store=store, **more)
        node.start(v1).unwrap()
        return node

    return started


def version(node: TestNode) -> str:
    (application,) = node.status().applications
    return application.version


def test_a_step_that_the_version_before_answers_goes_back_and_is_answered(start: Start) -> None:
    seen: list[observe.Event] = []
    node = start(observers=[seen.append])
    assert node.call("till", Sell(3)) == 3
    node.upgrade(BREAKS).unwrap()
    assert [node.call("till", Sell(4)), node.call("till", Sell(4))] == [7, 11]
    assert version(node) == "2"
    assert node.call("till", Sell(1)) == 12  # the new version raises on it, and the one before answers
    assert version(node) == "1"
    (back,) = (event for event in seen if isinstance(event, observe.RolledBack))
    assert back.why == NewVersionRaised("till", "Sell(n=1)", "KeyError: 'ten'")
    assert node.call("till", Sold()) == 12


def test_what_waits_behind_it_is_answered_in_order(start: Start) -> None:
    node = start()
    node.upgrade(BREAKS).unwrap()
    pending = [node.send("till", Sell(4)) for _ in range(8)]
    node.drain()
    assert [each.result() for each in pending] == [4, 8, 12, 16, 20, 24, 28, 32]
    assert version(node) == "1"


def test_what_raises_in_both_is_an_ordinary_error(start: Start) -> None:
    node = start()
    node.upgrade(BREAKS).unwrap()
    with pytest.raises(StepFailed):
        node.call("till", Sell(-1))
    assert version(node) == "2"


def test_what_only_the_new_version_has_is_an_ordinary_error_too(start: Start) -> None:
    node = start()
    node.upgrade(FINE).unwrap()
    with pytest.raises(StepFailed):
        node.call("till", Refund(2000))
    assert version(node) == "2"


def test_a_reply_that_cannot_be_encoded_goes_back(start: Start) -> None:
    def encode(reply: Any) -> str:
        if type(reply) is object:
            raise TypeError("no JSON")
        return str(reply)

    node = start()
    node.upgrade(ODD).unwrap()
    pending = node.send("till", Sell(2), encode=encode)
    node.drain()
    assert pending.result() == "2"
    assert version(node) == "1"


def test_so_it_does_for_a_message_that_the_version_before_does_not_have(start: Start) -> None:
    def encode(reply: Any) -> str:
        raise TypeError("no JSON")

    node = start()
    node.upgrade(FINE).unwrap()
    pending = node.send("till", Refund(2), encode=encode)
    node.drain()
    with pytest.raises(RolledBack):
        pending.result()
    assert version(node) == "1"


def test_probation_is_over_after_so_many_messages(start: Start) -> None:
    seen: list[observe.Event] = []
    node = start(observers=[seen.append])
    node.upgrade(BREAKS, probation=Probation(3, 100.0)).unwrap()
    assert [node.call("till", Sell(4)) for _ in range(3)] == [4, 8, 12]
    assert [event.messages for event in seen if isinstance(event, observe.Passed)] == [3]
    with pytest.raises(StepFailed):
        node.call("till", Sell(1))
    assert version(node) == "2"
    node.rollback("shop").unwrap()  # by hand still, until it is settled
    assert node.call("till", Sell(1)) == 13


def test_probation_is_over_after_so_much_time(start: Start) -> None:
    seen: list[observe.Event] = []
    node = start(observers=[seen.append])
    node.upgrade(BREAKS, probation=Probation(1000, 5.0)).unwrap()
    node.call("till", Sell(11))
    node.advance(4.9)
    assert not any(isinstance(event, observe.Passed) for event in seen)
    node.advance(0.2)
    assert any(isinstance(event, observe.Passed) for event in seen)
    with pytest.raises(StepFailed):
        node.call("till", Sell(1))


def test_it_settles_by_itself_once_it_passed(start: Start) -> None:
    node = start()
    node.upgrade(FINE, probation=Probation(2, 100.0), settle=True).unwrap()
    node.call("till", Sell(1))
    assert node.status().applications[0].previous == "1"
    node.call("till", Sell(1))
    node.drain()
    assert node.status().applications[0].previous is None
    assert type(node.rollback("shop").failure()).__name__ == "NothingToRollBack"


def test_without_a_probation_nothing_goes_back(start: Start) -> None:
    node = start()
    node.upgrade(BREAKS, probation=None).unwrap()
    node.call("till", Sell(11))
    with pytest.raises(StepFailed):
        node.call("till", Sell(1))
    assert version(node) == "2"


def test_the_application_says_what_is_healthy(start: Start) -> None:
    node = start()
    node.upgrade(WELL).unwrap()
    assert node.call("till", Sell(4)) == 4
    assert node.call("till", Sell(4)) == 8  # of the version before
    assert version(node) == "1"


def test_what_is_healthy_is_asked_of_the_reply_and_not_of_its_encoding(start: Start) -> None:
    node = start()
    node.upgrade(WELL).unwrap()
    pending = node.send("till", Sell(4), encode=str)
    node.drain()
    assert pending.result() == "4"
    assert version(node) == "2"


def test_why_it_is_not_healthy_is_told() -> None:
    seen: list[observe.Event] = []
    node = TestNode(observers=[seen.append])
    node.start(v1).unwrap()
    node.upgrade(UNWELL).unwrap()
    node.call("till", Sell(4))
    (back,) = (event for event in seen if isinstance(event, observe.RolledBack))
    assert isinstance(back.why, Unhealthy)
    assert "ZeroDivisionError" in str(back.why)


def test_callers_of_what_only_the_new_version_has_are_told(start: Start) -> None:
    node = start()
    node.upgrade(FINE).unwrap()
    node.call("till", Sell(11))
    pending, kept = node.send("till", Refund(1)), node.send("till", Sell(1))
    node.cast("till", Refund(2))
    made = node.rollback("shop").unwrap()
    node.drain()
    assert len(made.turned) == 2
    with pytest.raises(RolledBack) as told:
        pending.result()
    assert isinstance(told.value, Unavailable)
    assert kept.result() == 12
    assert node.status().dead_letters == 1


def test_stuck_where_the_way_down_fails(start: Start) -> None:
    seen: list[observe.Event] = []
    node = start(observers=[seen.append])
    node.upgrade(STUCK).unwrap()
    node.call("till", Sell(11))
    with pytest.raises(StepFailed):
        node.call("till", Sell(1))
    assert version(node) == "2"
    (stuck,) = (event for event in seen if isinstance(event, observe.Stuck))
    assert isinstance(stuck.why, NewVersionRaised)
    assert "the way down is broken" in str(stuck.refusal)
    assert "the way down is broken" in node.status().applications[0].to_plain()["upgrade"]["stuck"]
    with pytest.raises(StepFailed):
        node.call("till", Sell(1))


def test_the_next_upgrade_waits_for_the_probation(start: Start) -> None:
    node = start()
    node.upgrade(FINE, probation=Probation(1000, 5.0)).unwrap()
    third = attrs.evolve(FINE, version="3", inbox=7, migrations=())
    node.upgrade(third, probation=None).unwrap()
    assert node.now >= 5.0
    assert version(node) == "3"


def restarted(power: Power) -> TestNode:
    return TestNode(store=Simulated(power, automatic=True))


def _no_way(sold: tuple[int, str]) -> int:
    raise ValueError("no way")


def test_one_that_is_refused_settles_nothing() -> None:
    gone = [lens.drop("Refund")]
    way = Migration("till", old="2", new="3", up={"sold": arr(_no_way)}, inputs=gone)
    third = attrs.evolve(v1, version="3", migrations=[way])

    async def main() -> None:
        async with Node() as node:
            (await node.start(v1)).unwrap()
            (await node.upgrade(FINE)).unwrap()
            refused = await node.upgrade(third, settle_before=True)
            assert isinstance(refused.failure(), MigrationRaised)
            assert node.status().applications[0].upgrade is not None, "it is on probation still"
            assert (await node.rollback(v1.name)).unwrap().back

    asyncio.run(main())


@proc
def _counted(msg: Sell | Sold, *, sold: int = 0, times: int = 0) -> int:
    match msg:
        case Sell(n):
            times += 1
            sold += n // (n - 7)
            return sold
        case Sold():
            return sold


@proc
def _raises_too(msg: Sell | Sold, *, sold: int = 0, times: int = 0) -> int:
    match msg:
        case Sell(n):
            if n < 0:
                raise ValueError("negative")
            times += 1
            sold += n
            return sold
        case Sold():
            return sold


COUNTED = Application("shop", version="2", machines={"till": _counted})
"""A cell more, of which nobody says what becomes of it on the way back."""


def test_what_nobody_said_of_the_way_back_keeps_no_version_from_going_back(start: Start) -> None:
    """By itself, that is: who rolls back is asked whether what only the new version knows may be lost."""
    node = start()
    node.call("till", Sell(3))
    node.upgrade(COUNTED).unwrap()
    assert node.call("till", Sell(8)) == 11
    assert isinstance(node.rollback("shop").failure(), UndeclaredLoss)
    assert node.call("till", Sell(7)) == 18
    assert version(node) == "1"
    assert "times" not in str(node.status().applications[0].machines[0].cells)


def test_one_that_is_not_to_blame_stays_whatever_was_said_of_the_way_back(start: Start) -> None:
    node = start()
    node.upgrade(attrs.evolve(COUNTED, machines={"till": _raises_too})).unwrap()
    with pytest.raises(StepFailed):
        node.call("till", Sell(-1))
    assert version(node) == "2"
    upgrade = node.status().applications[0].upgrade
    assert upgrade is not None
    assert not upgrade.stuck


def test_such_a_way_back_is_found_again() -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(v1).unwrap()
    node.upgrade(COUNTED).unwrap()
    assert node.call("till", Sell(8)) == 8
    assert node.call("till", Sell(7)) == 15
    again = TestNode(store=Simulated(power, automatic=True))
    again.start(v1).unwrap()
    assert (version(again), again.call("till", Sold())) == ("1", 15)


def test_an_unclean_end_on_probation_goes_back_at_the_next_start() -> None:
    power = Power()
    node = restarted(power)
    node.start(v1).unwrap()
    node.call("till", Sell(3))
    node.upgrade(FINE).unwrap()
    node.call("till", Sell(4))
    again = restarted(power)
    assert again.start(FINE).unwrap().version == "1"
    assert again.call("till", Sold()) == 7
    why = [row["why"]["reason"] for row in rows(Simulated(power)) if row["what"] == "rolled back"]
    assert why == [EndedUncleanly.__name__]
    once_more = restarted(power)
    assert once_more.start(v1).unwrap().version == "1"
    assert once_more.call("till", Sell(1)) == 8


def test_a_clean_end_on_probation_goes_on_with_it() -> None:
    power = Power()
    node = restarted(power)
    node.start(v1).unwrap()
    node.upgrade(BREAKS, probation=Probation(1000, 60.0)).unwrap()
    node.call("till", Sell(11))
    node.stop("shop").unwrap()
    node.close()
    again = restarted(power)
    again.now = node.now
    assert again.start(BREAKS).unwrap().version == "2"
    assert again.call("till", Sell(1)) == 12
    assert version(again) == "1"


def test_an_unclean_end_behind_it_changes_nothing() -> None:
    power = Power()
    node = restarted(power)
    node.start(v1).unwrap()
    node.upgrade(FINE, probation=Probation(1, 60.0)).unwrap()
    node.call("till", Sell(11))
    again = restarted(power)
    assert again.start(FINE).unwrap().version == "2"


def test_stuck_is_kept() -> None:
    power = Power()
    node = restarted(power)
    node.start(v1).unwrap()
    node.upgrade(STUCK).unwrap()
    node.call("till", Sell(11))
    with pytest.raises(StepFailed):
        node.call("till", Sell(1))
    for _ in range(2):
        node = restarted(power)
        node.start(STUCK).unwrap()
        assert "stuck" in node.status().to_plain()["applications"][0]["upgrade"]
    assert [row["what"] for row in rows(Simulated(power))].count("stuck") == 1


def test_a_way_back_that_cannot_be_written_down_turns_its_message_away() -> None:
    store = Simulated(Power(), automatic=True)
    node = TestNode(store=store)
    node.start(v1).unwrap()
    node.upgrade(BREAKS).unwrap()
    assert node.call("till", Sell(11)) == 11
    store.automatic = False
    raising, behind = node.send("till", Sell(1)), node.send("till", Sold())
    node.step()
    assert version(node) == "1"
    store.advance(Rejected("no room"))
    while node.hear():
        pass
    assert version(node) == "2"
    with pytest.raises(Unavailable):
        raising.result()
    store.automatic = True
    node.drain()
    assert behind.result() == 11
    assert version(node) == "2"
    assert node.call("till", Sell(1)) == 12
    assert version(node) == "1"


def test_each_instruction_is_told(start: Start) -> None:
    told: list[Progress] = []
    node = start()
    node.upgrade(FINE, probation=Probation(1, 10.0), settle=True, tell=told.append).unwrap()
    node.call("till", Sell(1))
    node.drain()
    done = [each.instruction.split()[0] for each in told if each.state == "done"]
    assert done[:2] + sorted(done[2:4]) + done[4:] == ["prepare", "swap", "lead", "watch", "settle"]
    assert {each.state for each in told} == {"begun", "done"}
    assert {each.of for each in told} == {6}


def test_a_node_waits_until_it_has_passed() -> None:
    async def run() -> None:
        async with Node() as node:
            (await node.start(v1)).unwrap()
            (await node.upgrade(FINE, probation=Probation(2, 60.0))).unwrap()
            waiting = asyncio.ensure_future(node.passed("shop"))
            await node.call("till", Sell(1))
            assert not waiting.done()
            await node.call("till", Sell(1))
            assert (await waiting).unwrap().version == "2"

    asyncio.run(run())


def test_one_who_waits_is_told_that_another_one_took_it_back() -> None:
    async def run() -> None:
        async with Node() as node:
            (await node.start(v1)).unwrap()
            (await node.upgrade(FINE, probation=Probation(1000, 60.0))).unwrap()
            waiting = asyncio.ensure_future(node.passed("shop"))
            await asyncio.sleep(0)
            (await node.rollback("shop")).unwrap()
            assert (await waiting).failure() == TakenBack("shop", "2")

    asyncio.run(run())


def test_it_is_told_to_have_passed_once_that_is_on_disk() -> None:
    async def run() -> None:
        store = Simulated(Power(), automatic=True)
        async with Node(store=store) as node:
            (await node.start(v1)).unwrap()
            (await node.upgrade(FINE, probation=Probation(1, 60.0))).unwrap()
            waiting = asyncio.ensure_future(node.passed("shop"))
            store.automatic = False
            called = asyncio.ensure_future(node.call("till", Sell(1)))
            await asyncio.sleep(0.1)
            over, told = node._host.core.applications["shop"].watch is None, waiting.done()
            store.automatic = True
            store.advance()
            await called
            assert (await waiting).unwrap().version == "2"
            assert (over, told) == (True, False)

    asyncio.run(run())


def test_a_node_tells_why_it_went_back() -> None:
    async def run() -> None:
        async with Node() as node:
            (await node.start(v1)).unwrap()
            (await node.upgrade(BREAKS)).unwrap()
            waiting = asyncio.ensure_future(node.passed("shop"))
            assert [await node.call("till", Sell(6)) for _ in range(3)] == [6, 12, 18]
            assert isinstance((await waiting).failure(), NewVersionRaised)

    asyncio.run(run())


def test_a_machine_that_has_not_changed_undoes_no_upgrade() -> None:
    def slow(n: int, total: int) -> tuple[int, int]:
        while n == 9:
            pass
        return total + n, total + n

    def quick(n: int, total: int) -> tuple[int, int]:
        return total + n, total + n

    def quicker(n: int, total: int) -> tuple[int, int]:
        return total + n + 1, total + n

    def version_of(number: str, step: Any) -> Application:
        machines = {"slow": loop(slow, init=0, name="total"), "quick": loop(step, init=0, name="total")}
        return Application("two", version=number, machines=machines)

    async def main() -> None:
        async with Node(budget=0.2) as node:
            (await node.start(version_of("1", quick))).unwrap()
            (await node.upgrade(version_of("2", quicker))).unwrap()
            with pytest.raises(StepFailed):
                await node.call("slow", 9)
            (application,) = node.status().applications
            assert application.version == "2"

    asyncio.run(main())


def test_a_step_over_its_budget_goes_back() -> None:
    async def run() -> None:
        async with Node(budget=0.2) as node:
            (await node.start(v1)).unwrap()
            (await node.upgrade(ENDLESS)).unwrap()
            assert await node.call("till", Sell(6)) == 6
            assert node.status().applications[0].version == "1"

    asyncio.run(run())
