"""`kill -9` at random moments under load, through upgrades and snapshots: real processes, a real disk."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runtime.crash_checker import post, read, wait_for

ROOT = Path(__file__).parent.parent.parent
FILES = ROOT / "tests" / "runtime" / "crash"
CLIENTS = 4


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def python(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@contextmanager
def running(file: str, port: int, data: Path, disk: str = "real") -> Iterator[subprocess.Popen[bytes]]:
    given = ["run", str(FILES / file), "--listen", f"http://127.0.0.1:{port}", "--data", str(data)]
    node = python("-m", "tests.runtime.crashing", disk, *given)
    try:
        if not wait_for(port):
            node.kill()
            assert node.stderr is not None
            raise AssertionError(node.stderr.read().decode())
        yield node
    finally:
        node.kill()
        node.communicate()


def rounds(count: int, folder: Path, seed: int, disk: str = "real") -> list[str]:
    """Crash a node on a disk of `crashing` so often; return what the checker found wrong."""
    print("seed", seed)
    folder.mkdir(exist_ok=True)
    chance = random.Random(seed)
    data, wrong, file = folder / "data", list[str](), "v1.py"
    for number in range(count):
        port = free_port()
        with running(file, port, data, disk) as node:
            wrong += checked(folder, port)
            names = [f"{number}.{each}" for each in range(CLIENTS)]
            clients = [
                python("-m", "tests.runtime.crash_checker", str(port), name, str(folder / name))
                for name in names
            ]
            until = time.monotonic() + 30
            while time.monotonic() < until and not any((folder / name).is_file() for name in names):
                time.sleep(0.01)
            time.sleep(chance.random() * 0.5)
            changing = None
            if chance.random() < 0.5:
                change = ["upgrade", str(FILES / "v2.py")] if chance.random() < 0.5 else ["rollback"]
                changing = python("-m", "midflight", *change, "--data", str(data))
                file = "v2.py" if change[0] == "upgrade" else file
                if chance.random() < 0.5:
                    changing.wait(30)
                time.sleep(chance.random() * 0.8)
            node.send_signal(signal.SIGKILL)
            for each in [*clients, *([changing] if changing else [])]:
                each.communicate()
            if changing and changing.returncode == 0:  # it was told: the next start finds it so
                file = "v2.py" if change[0] == "upgrade" else "v1.py"
    port = free_port()
    with running("v2.py", port, data, disk):
        wrong += checked(folder, port)
    return wrong


def checked(folder: Path, port: int) -> list[str]:
    """Compare each client's notes with what the node tells."""
    wrong = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for notes in sorted(folder.glob("*.*")):
        told = post(connection, {"type": "Look", "client": notes.name})
        problem = "no answer" if told is None else read(notes).wrong(told)
        if problem:
            wrong.append(f"client {notes.name}: {problem}")
    connection.close()
    return wrong


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    assert rounds(4, tmp_path, random.randrange(2**32)) == []
    assert sum(read(notes).count for notes in tmp_path.glob("*.*")) > 100


@pytest.mark.long
def test_nothing_acknowledged_is_lost_by_kill_9_a_thousand_times(tmp_path: Path) -> None:
    assert rounds(1000, tmp_path, random.randrange(2**32)) == []


def test_nothing_acknowledged_is_lost_where_a_crash_drops_what_was_not_synced(tmp_path: Path) -> None:
    assert rounds(3, tmp_path, random.randrange(2**32), "cached") == []
    assert sum(read(notes).count for notes in tmp_path.glob("*.*")) > 10


@pytest.mark.long
def test_nothing_acknowledged_is_lost_so_a_hundred_times(tmp_path: Path) -> None:
    assert rounds(100, tmp_path, random.randrange(2**32), "cached") == []


@pytest.mark.parametrize("disk", ["unsynced", "early"])
def test_the_checker_sees_what_was_lost(disk: str, tmp_path: Path) -> None:
    """A sync that is left out, and a reply before its commit."""
    found = next(
        filter(None, (rounds(1, tmp_path / str(n), random.randrange(2**32), disk) for n in range(10)))
    )
    assert "lost" in found[0]
