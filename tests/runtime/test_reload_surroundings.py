"""Saves where more happens than a save: links that lead elsewhere, other hands, loads without an end, long waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime import bounds
from runtime.loader import load
from tests.runtime.test_reload import SHOP, developing, tried

TWICE = SHOP.replace("+= msg.n", "+= msg.n * 2")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "PATIENCE", 0.05)


# Links


def test_a_main_file_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(SHOP)
    (tmp_path / "two.py").write_text(TWICE)
    (tmp_path / "app.py").symlink_to("one.py")

    async def work() -> None:
        async with developing(tmp_path) as developer:
            (tmp_path / "link").symlink_to("two.py")
            (tmp_path / "link").replace(tmp_path / "app.py")
            assert "+ total += msg.n * 2\n" in await developer.takes()
            assert await developer.call() == 2
            developer.edit("* 2", "* 3", name="two.py")
            await developer.takes(r"two\.py")
            (tmp_path / "app.py").unlink()
            await developer.sees("there is no such file.*runs on")
            (tmp_path / "app.py").symlink_to("one.py")
            await developer.takes()
            assert await developer.call() == 3

    tried(work)


def test_a_folder_on_the_way_that_is_a_link(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / f"release{number}"
        folder.mkdir()
        (folder / "words.py").write_text(f"RATE = {number}\n")
        (folder / "app.py").write_text(
            SHOP.replace("@proc", "from words import RATE\n\n@proc").replace("+= msg.n", "+= msg.n * RATE")
        )
    (tmp_path / "current").symlink_to("release1")

    async def work() -> None:
        async with developing(tmp_path / "current") as developer:
            assert await developer.call() == 1
            (tmp_path / "link").symlink_to("release2")
            (tmp_path / "link").replace(tmp_path / "current")
            shown = await developer.takes()
            assert "1 - RATE = 1\n" in shown
            assert "1 + RATE = 2\n" in shown
            assert await developer.call() == 3

    tried(work)


def test_what_nobody_tells_of_is_seen_while_others_are_told_of(tmp_path: Path) -> None:
    """A helper is a link to elsewhere, and something beside it is written all the time."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (elsewhere / "words.py").write_text("RATE = 1\n")
    (project / "words.py").symlink_to(elsewhere / "words.py")
    text = SHOP.replace("@proc", "from words import RATE\n\n@proc").replace("+= msg.n", "+= msg.n * RATE")

    async def work() -> None:
        async with developing(project, app=text) as developer:

            async def writing() -> None:
                for number in range(1_000_000):
                    (project / "log.txt").write_text(f"{number}\n")
                    await asyncio.sleep(0.01)

            developer.edit("+= msg.n", "+= 1 + msg.n")
            await developer.takes()
            noise = asyncio.ensure_future(writing())
            (elsewhere / "words.py").write_text("RATE = 2\n")
            await developer.takes(r"words\.py")
            noise.cancel()
            assert await developer.call() == 3

    tried(work)


# Other hands


def test_a_version_that_somebody_else_brings_or_takes_back(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            developer.edit("msg.n\n", "msg.n * 2\n")
            await developer.takes()
            for _ in range(1001):
                await developer.call(n=0)
            while any("_watched" in repr(each) for each in asyncio.all_tasks()):
                await asyncio.sleep(0.005)  # it has passed
            (await developer.node.rollback("shop")).unwrap()
            shown = await developer.sees(r"by another hand\n  version 1 \(\w+\) runs now\n")
            assert "on probation" not in shown
            developer.edit("msg.n * 2", "msg.n * 3")
            shown = await developer.takes()
            assert "- total += msg.n\n" in shown, "it is compared with what runs"

    tried(work)


def test_a_version_of_somebody_else_is_looked_after(tmp_path: Path) -> None:
    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            (tmp_path / "other.py").write_text(SHOP.replace("+= msg.n", "+= msg.n // 0"))
            (await developer.node.upgrade(load(str(tmp_path / "other.py")).unwrap())).unwrap()
            await developer.sees("by another hand")
            assert await developer.call() == 1
            await developer.sees("on probation.*ZeroDivisionError.*has answered")
            developer.edit("msg.n\n", "msg.n * 2\n")
            assert "- total += msg.n\n" in await developer.takes()

    tried(work)


# What takes long


def test_a_load_without_an_end_is_dropped_when_it_is_mended(tmp_path: Path, impatient: None) -> None:
    async def work() -> None:
        async with developing(tmp_path, app=SHOP) as developer:
            developer.save(f"while True:\n    pass\n{SHOP}")
            await developer.sees(r"waits for app\.py to be loaded\n")
            assert await developer.call() == 1
            developer.save(TWICE)
            await developer.sees("swapped", seconds=bounds.LOADING / 2)
            assert await developer.call() == 3
            assert not [each for each in threading.enumerate() if each.name == "midflight-beside"]

    tried(work)


@asynccontextmanager
async def held(lock: asyncio.Lock) -> AsyncIterator[None]:
    async with lock:
        yield


def test_what_a_save_waits_for_is_told(tmp_path: Path, impatient: None) -> None:
    text = SHOP.replace("@proc", "from words import RATE\n\n@proc").replace("+= msg.n", "+= msg.n * RATE")

    async def work() -> None:
        async with developing(tmp_path, app=text, words="RATE = 1\n") as developer:
            (tmp_path / ".git").mkdir()
            lock = tmp_path / ".git" / "index.lock"
            lock.touch()
            developer.save("RATE = 2\n", "words.py")
            await developer.sees(r"waits for the files to rest\n")
            await developer.sees(r"waits for git, which holds its index\.lock\n")
            lock.unlink()
            await developer.takes()
            async with held(developer.node._upgrading):
                developer.save("RATE = 3\n", "words.py")
                await developer.sees(r"waits for another upgrade, which is under way\n")
            await developer.takes()
            assert await developer.call() == 3

    tried(work)
