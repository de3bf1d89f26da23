"""What a directory may suffer: each fault is told with its place, nothing is guessed, nothing is changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure

from runtime import bounds
from runtime.datadir import claim
from runtime.durability import NotOpened
from runtime.embedded import EmbeddedStore
from runtime.errors import Unavailable
from runtime.node import Node
from runtime.reading import MARK, NAME, open_reading
from runtime.store import Change, DamagedData
from tests.runtime.book import Add, All, v1, v2
from tests.runtime.desk import Remind, Rings, reception

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
LOG = NAME + "-wal"


async def filled(data: Path, image: Path) -> None:
    """A directory that was closed, and beside it what a crash would have left of it before."""
    async with Node(data) as node:
        (await node.start(v1)).unwrap()
        for n in range(30):
            await node.call("ledger", Add(n))
        (await node.upgrade(v2, probation=None)).unwrap()
        for n in range(30, 40):
            await node.call("ledger", Add(n))
        shutil.copytree(data, image, ignore=shutil.ignore_patterns("*.sock", "*.path", "lock", "*-shm"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "RETAINED_BYTES", 0)
        asyncio.run(filled(folder / "closed", folder / "crashed"))
    return folder / "closed", folder / "crashed"


def seen(data: Path) -> tuple[int, ...]:
    """What a node on the directory knows. Raises NotOpened."""

    async def main() -> tuple[int, ...]:
        async with Node(data) as node:
            (await node.start(v2)).unwrap()
            known: tuple[int, ...] = await node.call("ledger", All())
            return known

    return asyncio.run(main())


WHOLE = tuple(reversed(range(40)))


def files(data: Path) -> dict[str, bytes]:
    kept = (each for each in data.iterdir() if each.name not in ("lock", NAME + "-shm", ".gitignore"))
    return {each.name: each.read_bytes() for each in kept}


def copied(image: Path, to: Path) -> Path:
    shutil.copytree(image, to)
    return to


def test_both_images_are_whole(images: tuple[Path, Path], tmp_path: Path) -> None:
    for image in images:
        assert seen(copied(image, tmp_path / image.name)) == WHOLE


def cut(name: str, share: float) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        os.truncate(data / name, int((data / name).stat().st_size * share))

    return damage


def lost(*names: str) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        for name in names:
            (data / name).unlink()

    return damage


def written(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        (data / name).write_bytes(content)

    return damage


def changed(query: str) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        with contextlib.closing(sqlite3.connect(data / NAME)) as connection, connection:
            connection.execute(query)

    return damage


def flipped(name: str, at: float) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        broken = bytearray((data / name).read_bytes())
        broken[int(len(broken) * at)] ^= 4
        (data / name).write_bytes(bytes(broken))

    return damage


ACKNOWLEDGED = (
    r"journal.db: entry \d+ was acknowledged, and the log ends at \d+: its write-ahead log journal.db-wal is "
)
FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no log": (lost(LOG), ACKNOWLEDGED + "missing"),
    "no log and no mark": (
        lost(LOG, MARK),
        r"it is not what a node wrote: no such table|journal.mark: it is missing",
    ),
    "no mark": (lost(MARK), r"journal.mark: it is missing or damaged, and nobody can tell"),
    "a damaged mark": (flipped(MARK, 0.3), r"journal.mark: it is missing or damaged, and nobody can tell"),
    "no file": (lost(NAME), r"journal.db: it is missing, but journal.db-wal and journal.mark is there"),
    "no file and no log": (lost(NAME, LOG), r"journal.db: it is missing, but journal.mark is there"),
    "half a log": (cut(LOG, 0.5), ACKNOWLEDGED + "damaged, cut short"),
    "no byte of the log": (cut(LOG, 0), ACKNOWLEDGED + "damaged, cut short"),
    "a damaged head of the log": (flipped(LOG, 0.00001), ACKNOWLEDGED + "damaged, cut short"),
    "a damaged log": (flipped(LOG, 0.4), ACKNOWLEDGED + "damaged, cut short"),
}
CLOSED_FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "half a file": (cut(NAME, 0.5), r"journal.db: .*(not what a node wrote|Page|Tree|malformed)"),
    "an empty file": (cut(NAME, 0), r"journal.db: it is not what a node wrote: no such table"),
    "not a file of ours": (written(NAME, b"hello" * 999), "file is not a database"),
    "a newer format": (
        changed("update about set value = 9 where name = 'format'"),
        r"it is of format 9, and this version reads format 3. Nothing was changed. Install the version of midflight",
    ),
    "an older format": (changed("update about set value = 1 where name = 'format'"), "it is not of format 3"),
    "a row that is another": (
        changed("update item set data = x'00' where key like 'snapshot/%'"),
        "journal.db: 'snapshot/.*' is not what was written",
    ),
    "a row that is missing": (
        changed("delete from item where key like 'snapshot/%'"),
        "the snapshot: its part snapshot/.* is missing",
    ),
    "a snapshot without its head": (
        changed("delete from item where key = 'snapshot'"),
        "journal.db: entry 1 of the log was taken away, and nothing stands for it",
    ),
    "a version that is missing": (
        changed("delete from item where key like 'version/%'"),
        "the version [0-9a-f]{12} is not among the kept ones",
    ),
}


@pytest.mark.parametrize("name", [*FAULTS, *CLOSED_FAULTS])
def test_a_fault_is_told_and_nothing_is_changed(name: str, images: tuple[Path, Path], tmp_path: Path) -> None:
    damage, told = {**FAULTS, **CLOSED_FAULTS}[name]
    data = copied(images[name in FAULTS], tmp_path / "data")
    damage(data)
    before = files(data)
    for _ in range(2):
        with pytest.raises(NotOpened, match=told) as refused:
            seen(data)
        assert "Nothing was changed" in str(refused.value)
        assert files(data) == before


def test_an_entry_that_is_missing_or_another_is_told(images: tuple[Path, Path], tmp_path: Path) -> None:
    """The log as SQLite reads it, and yet not as it was written."""
    for number, (query, told) in enumerate(
        (
            ("delete from log where number = 5", "entry 5 of the log is missing"),
            ("delete from log where number = 1", "entry 1 of the log is missing"),
            ("update log set data = x'5b5d' where number = 7", "entry 7 of the log is not what was written"),
        )
    ):
        data = copied(images[1], tmp_path / str(number))
        changed(query)(data)
        with pytest.raises(NotOpened, match=told):
            seen(data)


def what(data: Path) -> tuple[dict[int, bytes], dict[str, bytes]] | str:
    """All that is read from a directory, or the first refusal."""
    opened = open_reading(data)
    if isinstance(opened, Failure):
        return str(opened.failure())
    reading = opened.unwrap()
    try:
        kept = {**dict(reading.items("v")), **dict(reading.items("s"))}
        snapshot = kept.get("snapshot")
        return dict(reading.entries(json.loads(snapshot)["number"] if snapshot else 0)), kept
    except DamagedData as damaged:
        return str(damaged)
    finally:
        reading.close()


def flips(image: Path, name: str, folder: Path, places: Callable[[int], list[int]]) -> None:
    """Flip one bit at each place: what is read is what was written, or it is told."""
    data = copied(image, folder / "flipped")
    whole = what(data)
    assert not isinstance(whole, str)
    good = (data / name).read_bytes()
    told = 0
    for at in places(len(good)):
        broken = bytearray(good)
        broken[at] ^= 1 << (at % 8)
        (data / name).write_bytes(bytes(broken))
        found = what(data)
        if isinstance(found, str):
            told += 1
        else:
            assert found == whole, f"byte {at} of {name}"
    assert told or (name == NAME and LOG in files(data)), "what is read stands in the log"


CHECKED = [(0, NAME), (1, NAME), (1, LOG), (1, MARK)]


@pytest.mark.parametrize(("image", "name"), CHECKED)
def test_a_flipped_byte_is_told_or_harms_nothing(
    image: int, name: str, images: tuple[Path, Path], tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    flips(images[image], name, tmp_path, lambda size: chance.sample(range(size), min(size, 500)))


@pytest.mark.long
@pytest.mark.parametrize(("image", "name"), CHECKED)
def test_every_flipped_byte_is_told_or_harms_nothing(
    image: int, name: str, images: tuple[Path, Path], tmp_path: Path
) -> None:
    flips(images[image], name, tmp_path, lambda size: list(range(size)))


# The disk


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    made = (
        None if shutil.which("mount") is None else subprocess.run(command, capture_output=True, check=False)
    )
    if made is None or made.returncode != 0:
        pytest.skip("a file system of its own cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_callers_hear_so_and_the_node_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def fill(node: Node, said: list[int], numbers: Iterator[int]) -> Unavailable:
        for n in numbers:
            try:
                await node.call("ledger", Add(n))
            except Unavailable as problem:
                return problem
            said.append(n)
        raise AssertionError("the disk never was full")

    async def main(disk: Path) -> list[int]:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(300_000))
        said: list[int] = []
        numbers = iter(range(100_000))
        async with Node(disk / "data") as node:
            (await node.start(v1)).unwrap()
            problem = await fill(node, said, numbers)
            assert "it could not be written down" in str(problem)
            assert "database or disk is full" in str(problem)
            assert await again(node, said)
            ballast.unlink()
            for _ in range(3):
                said.append(next(numbers))
                await node.call("ledger", Add(said[-1]))
            assert await node.call("ledger", All()) == tuple(said)
            refused = (await node.upgrade(v2, probation=None)).value_or("refused")
            assert refused == "refused" or node.status().applications[0].version == "2"
        return said

    async def again(node: Node, said: list[int]) -> bool:
        """Memory is as before the batch that found no room; a question is an input, and finds none either."""
        with pytest.raises(Unavailable):
            await node.call("ledger", All())
        (held,) = node._host.core.machines["ledger"].state
        return bool(held == tuple(said))

    with mounted(tmp_path / "disk", "size=1200k") as disk:
        said = asyncio.run(main(disk))
        known = seen(disk / "data")
        assert sorted(known) == said


def test_what_is_never_refused_waits_for_room_without_haste(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A timer whose step cannot be written down is tried ten times in a second, and that is told once."""
    commit, full, tries = EmbeddedStore._commit, threading.Event(), list[float]()

    def counted(store: EmbeddedStore, change: Change) -> Exception | None:
        """As it is; behind the step that sets the timer the disk is full."""
        error = commit(store, change)
        if b'"desk"' in b"".join(change.entries.values()) and not full.is_set():
            fill(tmp_path / "disk" / "ballast")
            full.set()
        elif error is not None:
            tries.append(time.monotonic())
        return error

    def fill(ballast: Path) -> None:
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    async def until_room(node: Node) -> Any:
        while True:
            with contextlib.suppress(Unavailable):
                return await node.call("desk", Rings())
            await asyncio.sleep(0.01)

    async def main(disk: Path) -> None:
        async with Node(disk / "data") as node:
            (await node.start(reception)).unwrap()
            await node.call("desk", Remind("tea", 0.01))
            while len(tries) < 6:
                await asyncio.sleep(0.01)
            assert tries[5] - tries[0] > 0.4
            (disk / "ballast").unlink()
            assert await until_room(node) == ("tea",)

    monkeypatch.setattr(EmbeddedStore, "_commit", counted)
    with mounted(tmp_path / "disk", "size=1200k") as disk:
        asyncio.run(main(disk))
    assert caplog.text.count("a commit failed and was undone") == 1
    assert "commits are made again" in caplog.text


def test_a_read_only_directory_is_refused(images: tuple[Path, Path], tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=4m") as disk:
        copied(images[1], disk / "data")
        (disk / "data" / "lock").touch()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(NotOpened, match="cannot hold a node's data: read-only file system"):
            seen(disk / "data")
        with pytest.raises(NotOpened, match="cannot hold a node's data: read-only file system"):
            seen(disk / "other")


OPENING = (
    "import os, sys; from pathlib import Path; from runtime.datadir import claim\n"
    "from runtime.embedded import open_store\n"
    "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"  # root may do everything
    "print(claim(sys.argv[1]).bind(lambda ours: open_store(ours.directory)).failure())\n"
)


def test_what_may_not_be_written_is_refused_by_name(images: tuple[Path, Path], tmp_path: Path) -> None:
    outside = Path("/tmp") / f"midflight-{os.getpid()}-{time.monotonic_ns()}"  # pytest's folders are private
    data = copied(images[0], outside)
    try:
        (data / "lock").touch()
        for mode, place, told in (
            (0o500, data, "data: permission denied"),
            (0o400, data / NAME, f"{NAME} cannot be written"),
            (0o000, data / NAME, f"{NAME} cannot be written"),
        ):
            for each in (data, *data.iterdir()):
                os.chown(each, 65534 if os.getuid() == 0 else -1, -1)
                each.chmod(0o700 if each.is_dir() else 0o600)
            if place == data:
                (data / "lock").unlink()
            before = place.stat().st_mtime_ns
            place.chmod(mode)
            command = [sys.executable, "-c", OPENING, str(data)]
            ran = subprocess.run(
                command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
            )
            assert told in ran.stdout, ran.stdout + ran.stderr
            assert place.stat().st_mtime_ns == before
            (data / "lock").touch() if place != data else data.chmod(0o700)
    finally:
        shutil.rmtree(outside)


# Processes


def test_a_second_process_is_refused_and_told_the_first_one(tmp_path: Path) -> None:
    ours = claim(tmp_path).unwrap()
    try:
        ran = subprocess.run(
            [
                sys.executable,
                "-m",
                "midflight",
                "run",
                str(ROOT / "examples/counter/v1.py"),
                "--data",
                str(tmp_path),
            ],
            cwd=ROOT,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 1
        assert f"another node (process {os.getpid()}) runs on {tmp_path}" in ran.stderr
    finally:
        ours.release()


def test_children_of_a_killed_node_do_not_keep_its_lock(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time; from runtime.datadir import claim\n"
        "ours = claim(sys.argv[1]).unwrap()\n"
        "child = subprocess.Popen(['sleep', '60'], close_fds=False)\n"
        "forked = os.fork()\n"
        "if forked == 0:\n"
        "    print(flush=True); time.sleep(60); os._exit(0)\n"
        "print(child.pid, forked, flush=True)\n"
        "time.sleep(60)\n"
    )
    node = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert node.stdout is not None
    lines = [node.stdout.readline() for _ in range(2)]  # the child has begun, and says so
    children = [int(each) for each in " ".join(lines).split()]
    try:
        assert len(children) == 2
        assert "another node" in str(claim(tmp_path).failure())
        node.kill()
        node.wait()
        for child in children:
            os.kill(child, 0)  # they live
        claim(tmp_path).unwrap().release()
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        node.kill()
        node.wait()
        node.stdout.close()


def test_a_start_that_was_killed_half_way_can_be_made_again(tmp_path: Path) -> None:
    """A file that was being made has another name, and is never taken for ours."""
    (tmp_path / (NAME + ".new")).write_bytes(b"SQLite format 3\0" + bytes(500))
    asyncio.run(filled(tmp_path, tmp_path / "image"))
    assert seen(tmp_path) == WHOLE
