"""The latest inputs in both versions, in a process of its own, before anything is changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from runtime import bounds
from runtime.instruction import Progress
from runtime.node import Node
from runtime.rehearsing import RehearsalDiffers, RehearsalFailed
from tests.runtime.trial_shop import (
    BREAKS,
    DOUBLES,
    ENDLESS,
    FINE,
    FORGETS,
    HUNGRY,
    TELLS,
    Sell,
    Sold,
    v1,
)

Asked = Callable[[Node], Awaitable[Any]]


def on(data: Path, asked: Asked, inputs: int = 20) -> Any:
    """What is asked of a node on which that many inputs were stepped."""

    async def run() -> Any:
        async with Node(data) as node:
            (await node.start(v1)).unwrap()
            for n in range(inputs):
                await node.call("till", Sell(n % 4))
            return await asked(node)

    return asyncio.run(run())


def test_what_answers_alike_takes_over(tmp_path: Path) -> None:
    told: list[Progress] = []

    async def asked(node: Node) -> None:
        (await node.upgrade(FINE, rehearse=1000, tell=told.append)).unwrap()
        assert await node.call("till", Sold()) == 30

    on(tmp_path, asked)
    (done,) = (each for each in told if each.state == "done" and each.instruction.startswith("rehearse"))
    assert done.note == "20 inputs"


def test_a_new_version_that_raises_is_refused_with_the_input(tmp_path: Path) -> None:
    async def asked(node: Node) -> RehearsalDiffers:
        before = node.status()
        refused = (await node.upgrade(BREAKS, rehearse=1000)).failure()
        assert node.status().applications == before.applications
        assert isinstance(refused, RehearsalDiffers)
        return refused

    refused = on(tmp_path, asked)
    first = refused.differing[0]
    assert (first.machine, first.what, first.input) == ("till", "the reply", "Sell(n=0)")
    assert "KeyError" in first.new
    assert refused.inputs == 20


def test_a_reply_that_differs_is_refused_unless_it_is_expected(tmp_path: Path) -> None:
    expect = tmp_path / "expected.py"
    expect.write_text(
        "from midflight import arr\n"
        "def doubled(replies: tuple[int, int]) -> bool:\n"
        "    return replies[1] == 2 * replies[0]\n"
        "expected = {'till': arr(doubled)}\n"
    )

    async def asked(node: Node) -> None:
        refused = (await node.upgrade(DOUBLES, rehearse=5)).failure()
        assert isinstance(refused, RehearsalDiffers)
        assert str(refused.differing[0]) == "till on Sell(n=3): the reply was 24 and is 48"
        told: list[Progress] = []
        (await node.upgrade(DOUBLES, rehearse=5, expect=str(expect), tell=told.append)).unwrap()
        assert "5 inputs, 5 differ as expected" in [each.note for each in told]

    on(tmp_path / "data", asked)


def test_a_state_that_differs_names_the_input_that_parted_them(tmp_path: Path) -> None:
    async def asked(node: Node) -> None:
        await node.call("till", Sell(7))
        await node.call("till", Sell(1))
        refused = (await node.upgrade(FORGETS, rehearse=9)).failure()
        assert isinstance(refused, RehearsalDiffers)
        (found,) = (each for each in refused.differing if each.what.startswith("the cell"))
        assert (found.input, found.refuses) == ("Sell(n=7)", False)

    on(tmp_path, asked)


def test_what_it_tells_is_compared(tmp_path: Path) -> None:
    async def asked(node: Node) -> None:
        refused = (await node.upgrade(TELLS, rehearse=3)).failure()
        assert isinstance(refused, RehearsalDiffers)
        assert refused.differing[0].what == "what it tells"
        assert refused.differing[0].old == "nothing"

    on(tmp_path, asked)


def test_a_step_that_never_ends_is_refused_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "REHEARSAL", 4.0)

    async def asked(node: Node) -> None:
        refused = (await node.upgrade(ENDLESS, rehearse=3)).failure()
        assert isinstance(refused, RehearsalFailed)
        assert "longer than 4 s, and was at 0 of 3, till: Sell(n=1)" in refused.problem
        assert await node.call("till", Sell(1)) == 31

    on(tmp_path, asked)


def test_one_that_eats_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "REHEARSAL_MEMORY", 400 << 20)

    async def asked(node: Node) -> None:
        refused = (await node.upgrade(HUNGRY, rehearse=3)).failure()
        assert isinstance(refused, RehearsalFailed | RehearsalDiffers)
        assert "emory" in str(refused)
        assert await node.call("till", Sell(1)) == 31

    on(tmp_path, asked)


def test_in_memory_there_is_nothing_to_rehearse_on() -> None:
    async def run() -> None:
        async with Node() as node:
            (await node.start(v1)).unwrap()
            assert isinstance((await node.upgrade(FINE, rehearse=1)).failure(), RehearsalFailed)

    asyncio.run(run())


def test_behind_a_snapshot_it_goes_back_to_inputs_of_before(tmp_path: Path) -> None:
    async def nothing(node: Node) -> None:
        return None

    on(tmp_path, nothing)
    told: list[Progress] = []

    async def again() -> None:
        async with Node(tmp_path) as node:
            (await node.start(v1)).unwrap()
            await node.call("till", Sell(1))
            (await node.upgrade(FINE, rehearse=10, tell=told.append)).unwrap()

    asyncio.run(again())
    assert "10 inputs" in [each.note for each in told]


def test_the_data_is_only_read(tmp_path: Path) -> None:
    def image() -> dict[str, str]:
        return {
            each.name: hashlib.sha256(each.read_bytes()).hexdigest()
            for each in tmp_path.iterdir()
            if each.name == "journal.db"
        }

    seen: list[dict[str, str]] = []

    async def asked(node: Node) -> None:
        await asyncio.sleep(0.2)

        def tell(progress: Progress) -> None:
            if progress.instruction.startswith("rehearse"):
                seen.append(image())

        (await node.upgrade(BREAKS, rehearse=20, tell=tell)).failure()

    on(tmp_path, asked)
    assert len(seen) >= 2
    assert all(each == seen[0] for each in seen)


def test_a_rehearsal_ends_with_its_node(tmp_path: Path) -> None:
    script = tmp_path / "host.py"
    script.write_text(
        "import asyncio\n"
        "from pathlib import Path\n"
        "from runtime.node import Node\n"
        "from tests.runtime.trial_shop import ENDLESS, Sell, v1\n"
        "async def main():\n"
        f"    async with Node({str(tmp_path / 'data')!r}) as node:\n"
        "        (await node.start(v1)).unwrap()\n"
        "        await node.call('till', Sell(1))\n"
        "        await node.upgrade(ENDLESS, rehearse=3, tell=lambda p: print(p.state, p.note, flush=True))\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parent.parent.parent
    host = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert host.stdout is not None
    for line in host.stdout:
        if "Sell" in line:
            break
    children = [int(each) for each in Path(f"/proc/{host.pid}/task/{host.pid}/children").read_text().split()]
    assert len(children) == 1
    host.send_signal(signal.SIGKILL)
    host.communicate()
    until = time.monotonic() + 20
    while Path(f"/proc/{children[0]}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{children[0]}").exists()
