"""Steps that take too long are interrupted, or end the process; and nothing else ever is."""

from __future__ import annotations

import asyncio
import gc
import http.client
import logging
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import attrs
import pytest

from arrows.compile import compile
from arrows.notation import proc
from runtime import bounds, budget, gate
from runtime.application import Application
from runtime.errors import OverBudget, StepFailed
from runtime.node import Node
from runtime.watchdog import NAME
from tests.runtime.crash_checker import wait_for
from tests.runtime.crash_story import ROOT, free_port, python
from tests.runtime.hanging import Do, app, busy, careful

FILE = ROOT / "tests" / "runtime" / "hanging.py"


@attrs.frozen
class Call:
    """What a step shall do; not data, and so for nodes in memory only."""

    what: Any


def made(call: Call) -> None:
    call.what()


@proc
def caller(msg: Call, *, calls: int = 0) -> int:
    made(msg)
    calls += 1
    return calls


CALLING = Application("calling", version="1", machines={"caller": caller})


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "midflight")


@pytest.fixture(params=["in the main thread", "in a thread"])
def everywhere(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    """Runs a coroutine in a loop there."""
    if request.param == "in the main thread":
        return lambda body: asyncio.run(of(body))

    def run(body: Awaitable[None]) -> None:
        raised: list[BaseException] = []

        def inner() -> None:
            try:
                asyncio.run(of(body))
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=inner)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]

    return run


async def of(body: Awaitable[None]) -> None:
    await body


async def over(call: Awaitable[Any]) -> OverBudget:
    with pytest.raises(StepFailed) as failed:
        await call
    error = failed.value.error
    assert isinstance(error, OverBudget), error
    assert type(error).__name__ == "OverBudget"
    return error


async def interrupted(what: str, **options: Any) -> None:
    """A step that never ends is one caller's error; the others are answered, and the state is as it was."""
    async with Node(budget=0.05, **options) as node:
        (await node.start(app)).unwrap()
        assert await node.call("doer", Do("")) == 1
        first, error, second = await asyncio.gather(
            node.call("doer", Do("")), over(node.call("doer", Do(what))), node.call("doer", Do(""))
        )
        assert (first, second) == (2, 3)
        assert error.machine == "doer"
        assert "budget of 0.05 s" in str(error)
        assert ".py:" in str(error)
        machine = node.machine("doer")
        assert (machine.stepped, machine.failed) == (3, 1)


@pytest.mark.parametrize("what", ["busy", "careful", "sleep", "regex", "power"])
@pytest.mark.parametrize("path", ["at once", "through the inbox", "on disk"])
def test_a_step_that_takes_too_long_is_its_callers_error(what: str, path: str, tmp_path: Path) -> None:
    options: dict[str, dict[str, Any]] = {
        "at once": {},
        "through the inbox": {"observers": [lambda event: None]},
        "on disk": {"data": tmp_path},
    }
    asyncio.run(interrupted(what, **options[path]))
    if path == "on disk":
        asyncio.run(recovered(tmp_path))


async def recovered(data: Path) -> None:
    async with Node(data) as node:
        (await node.start(app)).unwrap()
        assert node.machine("doer").failed == 1
        assert await node.call("doer", Do("")) == 4


@pytest.mark.parametrize("what", ["busy", "careful"])
@pytest.mark.parametrize("durable", [False, True])
def test_so_is_one_in_another_thread(
    what: str, durable: bool, tmp_path: Path, everywhere: Callable[[Awaitable[None]], None]
) -> None:
    everywhere(interrupted(what, **({"data": tmp_path} if durable else {})))


def test_one_that_stops_the_interruption_is_interrupted_again(
    everywhere: Callable[[Awaitable[None]], None],
) -> None:
    times: list[OverBudget] = []

    def patient() -> None:
        while len(times) < 3:
            try:
                careful()
            except OverBudget as error:
                times.append(error)
        busy()

    async def body() -> None:
        async with Node(budget=0.02) as node:
            (await node.start(CALLING)).unwrap()
            await over(node.call("caller", Call(patient)))
            assert len(times) == 3
            assert await node.call("caller", Call(int)) == 1

    everywhere(body())


def test_endless_recursion_is_an_error_as_any_other() -> None:
    async def body() -> None:
        async with Node(budget=5) as node:
            (await node.start(app)).unwrap()
            with pytest.raises(StepFailed) as failed:
                await node.call("doer", Do("deep"))
            assert isinstance(failed.value.error, RecursionError)
            assert await node.call("doer", Do("")) == 1

    asyncio.run(body())


def test_a_reply_that_takes_too_long_to_encode_is_the_step_s() -> None:
    async def body() -> None:
        async with Node(budget=0.02) as node:
            (await node.start(app)).unwrap()
            await over(node.call("doer", Do(""), encode=lambda reply: busy()))
            assert await node.call("doer", Do("")) == 1

    asyncio.run(body())


def test_messages_that_are_stepped_together_share_a_budget_and_its_end() -> None:
    async def body() -> None:
        async with Node(budget=0.05) as node:
            (await node.start(app)).unwrap()
            await over(node.call_all("doer", [Do(""), Do("busy"), Do("")]))
            assert await node.call("doer", Do("")) == 1

    asyncio.run(body())


class Clock:
    """What looks take for the time."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        patch.setattr("runtime.budget.time", self)

    def monotonic(self) -> float:
        return self.now

    def look(self, *times: float) -> None:
        for self.now in times:
            signal.raise_signal(signal.SIGALRM)


def test_a_step_is_left_alone_as_long_as_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget is so long that no look comes but ours."""
    clock = Clock(monkeypatch)

    async def body() -> None:
        async with Node(budget=1000) as node:
            (await node.start(CALLING)).unwrap()
            assert await node.call("caller", Call(lambda: clock.look(0, 500, 999.9))) == 1
            assert await node.call("caller", Call(lambda: clock.look(1000, 1999.9))) == 2, "another step"
            await over(node.call("caller", Call(lambda: clock.look(2000, 3000, 3001))))
            assert clock.now == 3000
            assert await node.call("caller", Call(lambda: clock.look(3002, 4001))) == 3

    asyncio.run(body())


def test_whatever_else_the_loop_does_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    program = compile(caller)

    async def body() -> None:
        async with Node(budget=1000) as node, Node(budget=None) as free:
            (await node.start(CALLING)).unwrap()
            (await free.start(CALLING)).unwrap()
            clock.look(0, 2000, 4000)
            assert program.step(program.initial(), Call(lambda: clock.look(5000, 9000)))[1] == 1
            assert await free.call("caller", Call(lambda: clock.look(10_000, 20_000))) == 1
            assert await node.call("caller", Call(int)) == 1

    asyncio.run(body())


def test_a_program_that_blocks_its_own_loop_is_left_alone(
    tmp_path: Path, everywhere: Callable[[Awaitable[None]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also longer than the watchdog waits, with or without the interpreter, and in the midst of calls."""
    monkeypatch.setattr(bounds, "GRACE", 0.1)
    blocks: tuple[Callable[[], object], ...] = (partial(time.sleep, 0.3), lambda: sum(range(3 * 10**7)))

    async def body() -> None:
        async with Node(tmp_path, budget=0.05) as node:
            (await node.start(app)).unwrap()
            for n, block in enumerate(blocks, 1):
                waiting = asyncio.ensure_future(node.call("doer", Do("")))
                while node.machine("doer").stepped < n:
                    await asyncio.sleep(0)
                block()
                assert await waiting == n

    everywhere(body())


def test_a_turn_may_take_longer_than_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many steps that hold the interpreter, one behind the other, are not one that hangs."""
    monkeypatch.setattr(bounds, "GRACE", 0.3)

    async def body() -> None:
        async with Node(tmp_path, budget=0.3) as node:
            (await node.start(app)).unwrap()
            calls = (node.call("doer", Do("some")) for _ in range(30))
            await asyncio.gather(*calls, return_exceptions=True)  # one may be interrupted on a busy machine

    asyncio.run(body())


def test_the_timer_lives_as_long_as_the_last_node(everywhere: Callable[[Awaitable[None]], None]) -> None:
    def timed() -> tuple[bool, bool]:
        handled = signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL
        looked = any(each.name == "midflight-budget" for each in threading.enumerate())
        return handled or looked, signal.getitimer(signal.ITIMER_REAL)[1] > 0 or looked

    async def body() -> None:
        async with Node(budget=None):
            assert timed() == (False, False)
        async with Node(budget=0.1) as node:
            (await node.start(CALLING)).unwrap()
            async with Node(budget=50):
                assert timed() == (True, True)
            assert timed() == (True, True)
            await over(node.call("caller", Call(busy)))
        assert timed() == (False, False)

    everywhere(body())


def test_a_program_s_own_timer_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "midflight")
    told: list[int] = []

    async def body() -> None:
        async with Node(budget=0.05) as node:
            assert "uses SIGALRM itself" in caplog.text
            (await node.start(CALLING)).unwrap()
            assert await node.call("caller", Call(lambda: signal.raise_signal(signal.SIGALRM))) == 1

    signal.signal(signal.SIGALRM, lambda number, frame: told.append(number))
    try:
        asyncio.run(body())
        assert told == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


@pytest.mark.parametrize("when", ["thrown", "about to be thrown"])
def test_an_interruption_that_comes_as_the_step_ends_is_not_late(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a thread; the step ends as soon as it was thrown, or between the last look and the throwing."""
    read, write = os.pipe()
    done = threading.Event()
    thrown: list[bool] = []
    place, throw = budget._place, gate._throw
    file = os.fdopen(read, "rb", buffering=0)

    def reading() -> object:
        for line in file:  # behind this call the interpreter looks for nothing before the step has ended
            return line
        raise AssertionError

    def placed(frame: FrameType | None) -> str:
        if when == "about to be thrown" and not done.is_set():
            os.write(write, b"\n")
            done.wait()
        return place(frame)

    def threw(thread: int, error: type[BaseException]) -> None:
        throw(thread, error)
        thrown.append(True)
        os.write(write, b"\n")

    monkeypatch.setattr(budget, "_place", placed)
    monkeypatch.setattr(gate, "_throw", threw)

    async def body() -> None:
        async with Node(budget=0.05) as node:
            (await node.start(CALLING)).unwrap()
            if when == "thrown":
                error = await over(node.call("caller", Call(reading)))
                assert traceback.extract_tb(error.__traceback__)[-1].name == "_land"
            else:
                assert await node.call("caller", Call(reading)) == 1
                done.set()
            for _ in range(1000):
                await node.call("caller", Call(int))

    thread_raised: list[BaseException] = []

    def inner() -> None:
        try:
            asyncio.run(body())
        except BaseException as error:
            thread_raised.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=inner)
    thread.start()
    thread.join()
    file.close()
    os.close(write)
    assert thread_raised == []
    assert thrown == ([True] if when == "thrown" else [])


def test_a_budget_is_more_than_nothing() -> None:
    for seconds in (0, -1, float("nan")):
        with pytest.raises(ValueError, match="give more than 0, or None"):
            Node(budget=seconds)


def stress(seed: int, seconds: float) -> Callable[[], Awaitable[None]]:
    """Steps of about the budget, so that interruptions come at every moment of a step, and at its end."""
    chance = random.Random(seed)
    limit = 0.002

    def spin(steps: int) -> int:
        total = 0
        for n in range(steps):
            total += helper(n)
        return total

    def helper(n: int) -> int:
        return n if n % 7 else len([n] * 3)

    since = time.perf_counter()
    spin(20_000)
    per = 20_000 / (time.perf_counter() - since)

    async def body() -> None:
        until = time.perf_counter() + seconds
        async with Node(budget=limit) as node:
            (await node.start(CALLING)).unwrap()
            good = bad = 0

            async def one(queued: bool) -> None:
                nonlocal good, bad
                encode = (lambda reply: reply) if queued else None
                while time.perf_counter() < until or min(good, bad) < 50:
                    steps = int(per * limit * chance.choice((0.01, 0.9, 1.0, 1.1, 1.25, 1.5, 3.0)))
                    try:
                        await node.call("caller", Call(partial(spin, steps)), encode=encode)
                    except StepFailed as failed:
                        if not isinstance(failed.error, OverBudget):
                            raise
                        bad += 1
                    else:
                        good += 1
                    spin(chance.randrange(200))

            await asyncio.gather(*(one(bool(n % 2)) for n in range(6)))
            print("good", good, "bad", bad)
            assert await node.call("caller", Call(int)) == good + 1
            machine = node.machine("caller")
            assert (machine.stepped, machine.failed) == (good + 1, bad)

    return body


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads take turns often, so that the looking one comes in time.

    What other tests have left is not to be finalized in a step: Python only reports what interrupts a finalizer.
    """
    was = sys.getswitchinterval()
    gc.collect()
    gc.disable()
    sys.setswitchinterval(0.0001)
    yield
    sys.setswitchinterval(was)
    gc.enable()


@pytest.mark.usefixtures("switching")
def test_an_interruption_is_never_late(everywhere: Callable[[Awaitable[None]], None]) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    everywhere(stress(seed, 2)())


@pytest.mark.long
@pytest.mark.usefixtures("switching")
def test_an_interruption_is_never_late_for_long(everywhere: Callable[[Awaitable[None]], None]) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    everywhere(stress(seed, 120)())


def test_what_was_interrupted_is_not_there_after_a_restart(tmp_path: Path) -> None:
    """Steps of about the budget, some of which are interrupted, on disk; nobody's answer is wrong afterwards."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)

    async def body() -> tuple[int, int]:
        good = bad = 0

        async def one() -> None:
            nonlocal good, bad
            while min(good, bad) < 20:
                try:
                    await node.call("doer", Do(str(int(10 ** chance.uniform(2, 6)))))
                except StepFailed as failed:
                    if not isinstance(failed.error, OverBudget):
                        raise
                    bad += 1
                else:
                    good += 1

        async with Node(tmp_path, budget=0.005) as node:
            (await node.start(app)).unwrap()
            await asyncio.gather(*(one() for _ in range(5)))
        return good, bad

    async def again(good: int, bad: int) -> None:
        async with Node(tmp_path) as node:
            (await node.start(app)).unwrap()
            machine = node.machine("doer")
            assert (machine.stepped, machine.failed) == (good, bad)
            assert await node.call("doer", Do("")) == good + 1

    asyncio.run(again(*asyncio.run(body())))


# Processes

COMMAND = "from runtime import bounds; bounds.GRACE = 0.5\nfrom runtime.cli import main; main()"


def post(port: int, what: str) -> tuple[int, Any] | None:
    """The status and the body; None where the connection broke."""
    import json

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/machines/doer", json.dumps({"type": "Do", "what": what}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def start(port: int, data: Path) -> Any:
    node = python(
        "-c", COMMAND, "run", str(FILE), "--listen", f"http://127.0.0.1:{port}", "--data", str(data),
        "--budget", "0.2",
    )  # fmt: skip
    if not wait_for(port):
        node.kill()
        raise AssertionError(node.communicate()[1].decode())
    return node


def test_over_http_it_is_an_answer(tmp_path: Path) -> None:
    port = free_port()
    node = start(port, tmp_path)
    try:
        assert post(port, "") == (200, 1)
        for what in ("busy", "regex"):
            status, body = post(port, what) or (0, {})
            assert (status, body["error"]) == (500, "StepFailed")
        assert post(port, "") == (200, 2)
    finally:
        node.terminate()
        said = node.communicate()[1].decode()
    assert node.returncode == 0
    assert "OverBudget: a step of doer took longer than its budget of 0.2 s" in said


@pytest.mark.skipif(sys.platform != "linux", reason="a timer of a thread is there on Linux only")
@pytest.mark.parametrize(
    ("what", "line"), [("hold", "in do"), ("stubborn", "in stubborn"), ("wait", "in locked")]
)
def test_what_cannot_be_interrupted_ends_the_process_and_the_node_goes_on_without_it(
    what: str, line: str, tmp_path: Path
) -> None:
    port = free_port()
    node = start(port, tmp_path)
    try:
        said = [post(port, "") for _ in range(5)]
        assert said == [(200, n) for n in range(1, 6)]
        assert post(port, what) is None
        log = node.communicate(timeout=60)[1].decode()
        assert node.returncode == -signal.SIGVTALRM, log
        for told in (True, False):
            node = start(port, tmp_path)
            assert post(port, "") == (200, 6 if told else 7), "what was acknowledged, and only that"
            node.terminate()
            log = node.communicate(timeout=60)[1].decode()
            assert node.returncode == 0
            assert ("a step of doer could not be interrupted" in log) is told
            assert (line in log) is told
        assert line in (tmp_path / f"{NAME}.last").read_text()
    finally:
        node.kill()
        node.communicate()
