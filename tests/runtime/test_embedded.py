"""The embedded store: what every store must do, and what a file may suffer."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from returns.result import Failure

from runtime.embedded import EmbeddedStore, open_store
from runtime.reading import MARK, NAME
from runtime.store import Change, DamagedData, Store
from tests.runtime.stores import Conformance, Waiter

ROOT = Path(__file__).parent.parent.parent


class TestEmbeddedStore(Conformance):
    def opened(self, directory: Path) -> Store:
        return open_store(directory).unwrap()

    def full(self, store: Store) -> Callable[[], None]:
        assert isinstance(store, EmbeddedStore)
        return filled_up(store)

    def cut(self, store: Store, directory: Path) -> Store:
        left = copied(directory, directory / "left", log=True)
        store.close()
        return self.opened(left)


def filled_up(store: EmbeddedStore) -> Callable[[], None]:
    """Let SQLite have no more pages; what is returned makes room again."""
    connection = store._connection
    assert connection is not None
    (count,) = connection.execute("pragma page_count").fetchone()
    connection.execute(f"pragma max_page_count = {count + 1}")

    def room() -> None:
        connection.execute("pragma max_page_count = 1000000")

    return room


def filled(directory: Path, count: int = 200) -> EmbeddedStore:
    store = open_store(directory).unwrap()
    waiter = Waiter(count)
    for number in range(1, count + 1):
        store.commit(Change({number: os.urandom(100)}, {f"k/{number}": os.urandom(100)}), waiter.done)
    waiter.wait()
    return store


def copied(directory: Path, to: Path, *, log: bool) -> Path:
    """The files as they are on disk while the store is open: what a power cut leaves."""
    to.mkdir()
    for name in (NAME, MARK, NAME + "-wal") if log else (NAME, MARK):
        (to / name).write_bytes((directory / name).read_bytes())
    return to


def test_a_lost_log_is_told_and_nothing_is_opened(tmp_path: Path) -> None:
    store = filled(tmp_path)
    whole = copied(tmp_path, tmp_path / "whole", log=True)
    lost = copied(tmp_path, tmp_path / "lost", log=False)
    store.close()
    again = open_store(whole).unwrap()
    assert len(list(again.entries(0))) == 200
    again.close()
    refused = open_store(lost)
    assert isinstance(refused, Failure)
    assert "its write-ahead log" in refused.failure().message
    assert not (lost / (NAME + "-wal")).exists()


def test_after_closing_there_is_no_log_to_lose(tmp_path: Path) -> None:
    filled(tmp_path).close()
    assert {each.name for each in tmp_path.iterdir()} == {NAME}
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / NAME).write_bytes((tmp_path / NAME).read_bytes())
    again = open_store(kept).unwrap()
    assert len(list(again.entries(0))) == 200
    again.close()


def test_a_newer_format_is_a_clear_refusal(tmp_path: Path) -> None:
    filled(tmp_path, 1).close()
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("update about set value = 9 where name = 'format'")
    connection.close()
    assert "of format 9, and this version reads format 3" in open_store(tmp_path).failure().message


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"hello" * 1000)
    assert "file is not a database" in open_store(tmp_path).failure().message


def test_flipped_bytes_and_cut_files_are_never_taken_for_the_truth(tmp_path: Path) -> None:
    """Whatever is read is what was written, or it is told: a flipped byte may also hit what nobody reads."""
    store = filled(tmp_path)
    written = dict(store.entries(0)), dict(store.items("k"))
    store.close()
    whole = (tmp_path / NAME).read_bytes()
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    told = 0
    for number in range(60):
        broken = bytearray(whole)
        if number % 3:
            broken[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        else:
            del broken[chance.randrange(100, len(whole)) :]
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / NAME).write_bytes(bytes(broken))
        opened = open_store(folder)
        if isinstance(opened, Failure):
            told += 1
            continue
        again = opened.unwrap()
        try:
            found = dict(again.entries(0)), dict(again.items("k"))
        except DamagedData:
            told += 1
        else:
            assert all(written[0][key] == data for key, data in found[0].items())
            assert all(written[1][key] == data for key, data in found[1].items())
            assert (len(found[0]), len(found[1])) == (200, 200), "a row has gone and nobody said so"
        finally:
            again.close()
    assert told > 20


def test_a_file_that_may_not_grow_rejects_or_stops(tmp_path: Path) -> None:
    """A real limit of the operating system, in a process of its own: nothing that was told durable is lost."""
    code = (
        "import sys; from pathlib import Path; from runtime.embedded import open_store\n"
        "from runtime.store import Change; from tests.runtime.stores import Waiter\n"
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "store = open_store(Path(sys.argv[1])).unwrap()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "for number in range(1, 200):\n"
        "    waiter = Waiter(1)\n"
        "    store.commit(Change({number: bytes(5000)}), waiter.done)\n"
        "    told = waiter.wait()[0]\n"
        "    if told is not None:\n"
        "        print(number, type(told).__name__); break\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT)},
    )
    number, kind = ran.stdout.split()
    assert kind in ("Rejected", "Uncertain"), ran.stderr
    store = open_store(tmp_path).unwrap()
    assert [found for found, _ in store.entries(0)] == list(range(1, int(number)))
    store.close()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 300_000


@pytest.mark.parametrize("attempt", range(5))
def test_what_was_told_durable_survives_kill_9(attempt: int, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from runtime.embedded import open_store\n"
        "from runtime.store import Change; from tests.runtime.stores import Waiter\n"
        "store = open_store(Path(sys.argv[1])).unwrap()\n"
        "for number in range(1, 1_000_000):\n"
        "    waiter = Waiter(1)\n"
        "    store.commit(Change({number: str(number).encode()}), waiter.done)\n"
        "    assert waiter.wait() == [None]\n"
        "    print(number, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(0.05 * attempt)
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.stdout.close()
    told = [int(line) for line in (first + rest).split("\n")[:-1]]
    process.wait()
    store = open_store(tmp_path).unwrap()
    kept = [number for number, data in store.entries(0) if data == str(number).encode()]
    assert kept[: len(told)] == told
    assert len(kept) <= len(told) + 1
    store.close()
