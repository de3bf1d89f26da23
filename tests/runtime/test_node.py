"""The node on asyncio: callers, order, and work that goes on beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from arrows.build import arr
from arrows.notation import proc
from migrations.migration import Migration
from runtime import bounds, observe
from runtime.application import Application
from runtime.errors import BadMessage, Overloaded, StepFailed, Unavailable, UnknownMachine
from runtime.node import Node
from runtime.refusal import NotRunning, UnexpectedVersion, UnknownApplication


@attrs.frozen
class Add:
    by: int


@proc
def total(msg: Add, *, sum: int = 0) -> int:
    if msg.by < 0:
        raise ValueError(msg.by)
    sum += msg.by
    return sum


@proc
def paired(msg: Add, *, sum: tuple[int, int] = (0, 0)) -> int:
    sum = (sum[0], sum[1] + msg.by)
    return sum[1]


def _pair(n: int) -> tuple[int, int]:
    return (n, n)


def _second(pair: tuple[int, int]) -> int:
    return pair[1]


WAY = Migration("sum", old="1", new="2", up={"sum": arr(_pair)}, down={"sum": arr(_second)})
V1 = Application("app", version="1", machines={"sum": total})
V2 = Application("app", version="2", machines={"sum": paired}, migrations=[WAY])


def run(body: Callable[[Node], Awaitable[None]], application: Application = V1, **options: Any) -> None:
    async def main() -> None:
        async with Node(**options) as node:
            (await node.start(application)).unwrap()
            await body(node)

    asyncio.run(main())


@pytest.fixture(params=["at once", "through the inbox"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A call is stepped at once unless somebody observes; both ways must be the same."""
    return {} if request.param == "at once" else {"observers": [lambda event: None]}


def test_every_caller_gets_its_own_reply(options: dict[str, Any]) -> None:
    async def body(node: Node) -> None:
        async def caller() -> list[int]:
            return [await node.call("sum", Add(1)) for _ in range(200)]

        replies = await asyncio.gather(*(caller() for _ in range(32)))
        assert sorted(each for some in replies for each in some) == list(range(1, 6401))
        assert all(some == sorted(some) for some in replies)
        assert node.machine("sum").stepped == 6400

    run(body, **options)


def test_no_call_is_lost_over_upgrades_and_rollbacks_under_load(options: dict[str, Any]) -> None:
    async def body(node: Node) -> None:
        done = asyncio.Event()

        async def caller() -> list[int]:
            replies = []
            while not done.is_set():
                replies.append(await node.call("sum", Add(1)))
            return replies

        callers = [asyncio.create_task(caller()) for _ in range(8)]
        for _ in range(5):
            (await node.upgrade(V2, expected=V1.digest)).unwrap()
            refusal = (await node.upgrade(V2, expected=V1.digest)).failure()
            assert isinstance(refusal, UnexpectedVersion)
            back = (await node.rollback("app")).unwrap()
            assert back.seconds > 0
        done.set()
        replies = sorted(each for some in await asyncio.gather(*callers) for each in some)
        assert replies == list(range(1, len(replies) + 1))

    run(body, **options)


def test_a_raising_step_answers_its_caller_alone(
    options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def body(node: Node) -> None:
        calls = [node.call("sum", Add(by)) for by in (1, -1, 2)]
        one, failed, three = await asyncio.gather(*calls, return_exceptions=True)
        assert (one, three) == (1, 3)
        assert isinstance(failed, StepFailed)
        assert isinstance(failed.__cause__, ValueError)
        assert caplog.text.count(failed.reference) == 1

    run(body, **options)


def leaves(msg: Add) -> int:
    if msg.by < 0:
        raise SystemExit(msg.by)
    return msg.by


def test_a_step_that_exits_ends_only_itself(
    options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def body(node: Node) -> None:
        with pytest.raises(StepFailed) as failed:
            await node.call("leaves", Add(-1))
        assert isinstance(failed.value.__cause__, SystemExit)
        assert await node.call("leaves", Add(1)) == 1
        assert (node.machine("leaves").stepped, node.machine("leaves").failed) == (1, 1)

    run(body, Application("app", version="1", machines={"leaves": arr(leaves)}), **options)


def test_a_call_can_be_a_task_be_gathered_and_be_given_a_time(options: dict[str, Any]) -> None:
    async def body(node: Node) -> None:
        assert await asyncio.create_task(node.call("sum", Add(1))) == 1
        second, third = await asyncio.gather(node.call("sum", Add(1)), node.call("sum", Add(1)))
        assert (second, third) == (2, 3)
        assert await asyncio.wait_for(node.call("sum", Add(1)), timeout=60) == 4
        unawaited = node.call("sum", Add(1))
        assert node.machine("sum").stepped == 4, "a call that nobody awaits is no message yet"
        assert await unawaited == 5

    run(body, **options)


def test_a_call_waits_its_turn_behind_a_cast() -> None:
    async def body(node: Node) -> None:
        node.cast("sum", Add(5))
        node.cast("sum", Add(-1))
        assert await node.call("sum", Add(1)) == 6

    run(body)


@pytest.mark.parametrize("by", [1, -1])
def test_callers_in_a_row_let_the_loop_go_round(
    by: int, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "midflight")

    async def body(node: Node) -> None:
        rounds = 0

        async def other() -> None:
            nonlocal rounds
            while True:
                rounds += 1
                await asyncio.sleep(0)

        watcher = asyncio.create_task(other())
        for _ in range(bounds.TURN * 50):
            with contextlib.suppress(StepFailed):
                await node.call("sum", Add(by))
        watcher.cancel()
        assert rounds >= 49

    run(body, **options)


def test_a_slow_machine_lets_the_loop_go_round_by_the_clock() -> None:
    """The clock stands for steps that take 0.1 ms each; nothing here waits."""
    now = 0.0
    longest = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.0001
        return now

    async def body(node: Node) -> None:
        async def other() -> None:
            nonlocal longest
            while True:
                before = now
                await asyncio.sleep(0)
                longest = max(longest, now - before)

        watcher = asyncio.create_task(other())
        await asyncio.sleep(0)
        await asyncio.gather(*(node.call("sum", Add(1)) for _ in range(2000)))
        watcher.cancel()

    run(body, clock=clock)
    assert longest < 4 * bounds.SLICE


def test_a_full_inbox_refuses_and_one_who_tries_again_gets_in() -> None:
    small = attrs.evolve(V1, inbox=2)

    async def body(node: Node) -> None:
        node.cast("sum", Add(1))
        node.cast("sum", Add(1))
        with pytest.raises(Overloaded):
            node.cast("sum", Add(1))
        for _ in range(3):
            try:
                assert await node.call("sum", Add(1)) == 3
                break
            except Overloaded:
                continue
        assert node.machine("sum").stepped == 3

    run(body, small)


def test_a_cancelled_caller_disturbs_nobody() -> None:
    async def body(node: Node) -> None:
        calls = [asyncio.create_task(node.call("sum", Add(1))) for _ in range(3)]
        await asyncio.sleep(0)
        calls[1].cancel()
        first, second, third = await asyncio.gather(*calls, return_exceptions=True)
        assert (first, third) == (1, 3)
        assert isinstance(second, asyncio.CancelledError)

    run(body, observers=[lambda event: None])


def test_stopping_answers_what_waits_and_then_knows_nothing() -> None:
    async def body(node: Node) -> None:
        calls = [asyncio.create_task(node.call("sum", Add(1))) for _ in range(300)]
        await asyncio.sleep(0)
        last = (await node.stop("app")).unwrap()
        assert await asyncio.gather(*calls) == list(range(1, 301))
        assert last.machines[0].stepped == 300
        with pytest.raises(UnknownMachine):
            await node.call("sum", Add(1))
        assert (await node.stop("app")).failure() == UnknownApplication("app", ())
        (await node.start(V1)).unwrap()
        assert await node.call("sum", Add(1)) == 1

    run(body, observers=[lambda event: None])


def test_a_node_that_is_not_running_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    node = Node()

    async def unavailable() -> None:
        with pytest.raises(Unavailable):
            await node.call("sum", Add(1))
        with pytest.raises(Unavailable):
            node.cast("sum", Add(1))
        with pytest.raises(Unavailable):
            node.machine("sum")
        assert isinstance((await node.start(V1)).failure(), NotRunning)
        assert isinstance((await node.upgrade(V2)).failure(), NotRunning)
        assert node.status().applications == ()

    async def main() -> None:
        await unavailable()
        async with node:
            (await node.start(V1)).unwrap()
            waiting = [asyncio.create_task(node.call("sum", Add(1))) for _ in range(40)]
            node.cast("sum", Add(1))
            await asyncio.sleep(0)
        assert sorted(await asyncio.gather(*waiting)) == list(range(2, 42))
        await unavailable()

    asyncio.run(main())
    assert "in memory" in caplog.text


def test_a_bad_message_is_refused_before_the_machine() -> None:
    async def body(node: Node) -> None:
        with pytest.raises(BadMessage):
            await node.call("sum", 1)
        assert node.machine("sum").to_plain()["accepts"] == ['{"type": "Add", "by": int}']
        assert node.machine("sum").stepped + node.machine("sum").failed == 0

    run(body)


def test_observers_of_a_node_hear_of_calls_and_swaps() -> None:
    events: list[observe.Event] = []

    async def body(node: Node) -> None:
        await node.call("sum", Add(1), trace="mine")
        (await node.upgrade(V2)).unwrap()
        (await node.rollback("app")).unwrap()

    run(body, observers=[events.append], random=random.Random(1))
    names = [type(each).__name__ for each in events]
    assert names == ["Started", "Accepted", "Stepped", "Swapped", "RolledBack", "Stopped"]
    assert [each.trace for each in events][1:3] == ["mine", "mine"]
    assert [each.digest for each in events] == [V1.digest] * 3 + [V2.digest, V1.digest, V1.digest]
