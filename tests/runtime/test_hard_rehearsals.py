"""Rehearsals of versions that are sly, and of processes that end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from runtime.application import Application
from runtime.loader import load
from runtime.node import Node
from runtime.rehearsing import RehearsalDiffers, RehearsalFailed
from tests.runtime import sly_shop as shop

ROOT = Path(__file__).parent.parent.parent


async def stepped(node: Node, old: Application, numbers: range) -> None:
    (await node.start(old)).unwrap()
    for n in numbers:
        await asyncio.gather(node.call("till", shop.Sell(n)), return_exceptions=True)


def rehearsed(data: Path, old: Application, new: Application, rehearse: int = 5) -> Any:
    """What comes of an upgrade behind five inputs."""

    async def run() -> Any:
        async with Node(data) as node:
            await stepped(node, old, range(5))
            return await asyncio.wait_for(node.upgrade(new, rehearse=rehearse), 25)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("old", "new", "was", "now"),
    [
        (shop.LONG_REPLY, shop.LONGER_REPLY, "998, 999, 0]", "998, 999, 1]"),
        (shop.LONG_EVENT, shop.LONGER_EVENT, "998, 999, 0])", "998, 999, 1])"),
    ],
    ids=["reply", "event"],
)
def test_what_differs_far_behind_is_found_and_shown(
    tmp_path: Path, old: Application, new: Application, was: str, now: str
) -> None:
    refused = rehearsed(tmp_path, old, new).failure()
    assert isinstance(refused, RehearsalDiffers)
    assert refused.differing[0].old.endswith(was)
    assert refused.differing[0].new.endswith(now)


def test_another_secret_differs_and_is_not_shown(tmp_path: Path) -> None:
    refused = rehearsed(tmp_path, shop.ONE_CARD, shop.ANOTHER_CARD).failure()
    assert isinstance(refused, RehearsalDiffers)
    assert "(another secret)" in refused.message
    assert not any(number in str(refused.to_plain()) for number in ("1111", "2222"))


def test_a_step_that_exits_is_one_that_raises(tmp_path: Path) -> None:
    refused = rehearsed(tmp_path, shop.PLAIN, shop.EXITS).failure()
    assert isinstance(refused, RehearsalDiffers)
    assert str(refused.differing[0]) == "till on Sell(n=0): the reply was 0 and is an error: SystemExit: 3"


def test_processes_that_a_step_begins_do_not_hold_the_upgrade_up(tmp_path: Path) -> None:
    assert isinstance(rehearsed(tmp_path, shop.PLAIN, shop.BEGINS, rehearse=2), Success)


def test_an_input_over_the_budget_is_left_out(tmp_path: Path) -> None:
    assert isinstance(rehearsed(tmp_path, shop.ENDLESS_AT_THREE, shop.MENDED), Success)


def test_the_latest_inputs_are_taken_also_from_before_the_snapshot(tmp_path: Path) -> None:
    async def run() -> RehearsalDiffers:
        async with Node(tmp_path) as node:
            await stepped(node, shop.PLAIN, range(20))
        async with Node(tmp_path) as node:
            await stepped(node, shop.PLAIN, range(100, 102))
            refused = (await node.upgrade(shop.DIFFERS, rehearse=4)).failure()
            assert isinstance(refused, RehearsalDiffers)
            return refused

    inputs = [each.input for each in asyncio.run(run()).differing]
    assert inputs == ["Sell(n=100)", "Sell(n=101)", "Sell(n=18)", "Sell(n=19)"]


def test_no_process_can_be_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    result = rehearsed(tmp_path / "data", shop.PLAIN, shop.DIFFERS)
    assert isinstance(result, Failure)
    assert isinstance(result.failure(), RehearsalFailed)
    assert "it could not be begun" in result.failure().message


def test_a_version_is_found_where_the_node_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "site" / "a_shop_library"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("def once(n: int) -> int:\n    return n\n")
    monkeypatch.syspath_prepend(str(library.parent))
    source = (
        "from a_shop_library import once\n"
        "from midflight import Application, proc\n"
        "@proc\n"
        "def till(n: int, *, sold: int = 0) -> int:\n"
        "    sold += once(n) * 1\n"
        "    return sold\n"
        "app = Application('shop', version='VERSION', machines={'till': till})\n"
    )
    files = [tmp_path / "v1" / "shop.py", tmp_path / "v2" / "shop.py"]
    for number, file in enumerate(files, 1):
        file.parent.mkdir()
        file.write_text(source.replace("VERSION", str(number)).replace("* 1", f"* {number} // {number}"))
    old, new = (load(str(each)).unwrap() for each in files)

    async def run() -> Any:
        async with Node(tmp_path / "data") as node:
            (await node.start(old)).unwrap()
            await node.call("till", 1)
            return await node.upgrade(new, rehearse=3)

    (asyncio.run(run())).unwrap()


class Host:
    """A process with a node that rehearses a version which never lets another thread run."""

    def __init__(self, folder: Path) -> None:
        script = folder / "host.py"
        script.write_text(
            "import asyncio\n"
            "from runtime.node import Node\n"
            "from tests.runtime.sly_shop import KEEPS_THE_LOCK, PLAIN, Sell\n"
            "async def main():\n"
            f"    async with Node({str(folder / 'data')!r}) as node:\n"
            "        (await node.start(PLAIN)).unwrap()\n"
            "        await node.call('till', Sell(1))\n"
            "        print((await node.upgrade(KEEPS_THE_LOCK, rehearse=3)).failure().message, flush=True)\n"
            "        print(await node.call('till', Sell(2)), flush=True)\n"
            "asyncio.run(main())\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.child = self._busy()

    def _busy(self) -> int:
        """The rehearsal, once it has worked for longer than it takes to begin."""
        pid = self.process.pid
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                if int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[11]) > 200:
                    return int(each)
            time.sleep(0.05)
        raise AssertionError("no rehearsal was seen")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_rehearsal_that_is_killed_refuses_the_upgrade(tmp_path: Path) -> None:
    host = Host(tmp_path)
    os.kill(host.child, signal.SIGKILL)
    told, _ = host.process.communicate(timeout=60)
    assert "it ended with -9" in told
    assert told.splitlines()[-1] == "3"


def test_a_rehearsal_that_lets_no_thread_run_ends_with_its_node(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.process.kill()
    host.process.communicate()
    until = time.monotonic() + 10
    while is_running(host.child) and time.monotonic() < until:
        time.sleep(0.05)
    gone = not is_running(host.child)
    if not gone:
        os.kill(host.child, signal.SIGKILL)
    assert gone
