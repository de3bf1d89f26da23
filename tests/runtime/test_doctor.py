"""What `doctor` finds in a data directory."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
from pathlib import Path

import pytest

from runtime import doctor
from runtime.embedded import open_store
from runtime.node import Node
from runtime.store import Change
from tests.runtime.book import v1


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A data directory in which something is kept, and nobody works."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    store = open_store(data).unwrap()
    store.commit(Change(entries={1: b"one"}), lambda error: None)
    store.close()
    return data


def found(data: Path, *, wrong: bool) -> dict[str, doctor.Finding]:
    return {each.name: each for each in doctor.examine(data, data.parent) if each.ok is not wrong}


def test_a_whole_directory(kept: Path) -> None:
    assert found(kept, wrong=True) == {}
    right = found(kept, wrong=False)
    assert {"sqlite", "permissions", "filesystem", "disk", "sync", "store"} <= set(right)
    assert "entry 1 is the last" in right["store"].found
    assert right["versions"].found == "none is kept"
    assert "mode 700" in right["permissions"].found
    assert [file.name for file in kept.iterdir()] == ["journal.db"]


def test_a_damaged_file(kept: Path) -> None:
    file = kept / "journal.db"
    data = bytearray(file.read_bytes())
    data[20] ^= 255
    file.write_bytes(data)
    assert "store" in found(kept, wrong=True)


def test_a_damaged_entry(kept: Path) -> None:
    file = kept / "journal.db"
    file.write_bytes(file.read_bytes().replace(b"one", b"two"))
    assert "entry 1" in found(kept, wrong=True)["store"].found


def test_versions_and_what_they_were_kept_under(tmp_path: Path) -> None:
    asyncio.run(lived(tmp_path))
    file = tmp_path / "journal.db"
    file.chmod(0o600)
    tmp_path.chmod(0o700)
    assert found(tmp_path, wrong=False)["versions"].found == "book 1"
    store = open_store(tmp_path).unwrap()
    ((key, data),) = store.items("version/")
    other = {**json.loads(data), "python": "3.9.1"}
    store.commit(Change(puts={key: json.dumps(other).encode()}), lambda error: None)
    store.close()
    here = platform.python_version()
    assert found(tmp_path, wrong=False)["versions"].found == f"book 1 (kept under Python 3.9.1 (here {here}))"


async def lived(data: Path) -> None:
    async with Node(data) as node:
        (await node.start(v1)).unwrap()


def test_others_may_read(kept: Path) -> None:
    kept.chmod(0o755)
    (wrong,) = found(kept, wrong=True).values()
    assert (wrong.name, f"chmod 700 {kept}" in wrong.remedy) == ("permissions", True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a directory to somebody")
def test_somebody_elses(kept: Path) -> None:
    os.chown(kept, 12345, 12345)
    assert "chown" in found(kept, wrong=True)["permissions"].remedy


def test_a_full_disk(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage(kept))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 4096, 4096))
    assert set(found(kept, wrong=True)) == {"disk"}


@pytest.mark.parametrize(
    ("kind", "ok"), [("ext4", True), ("nfs4", False), ("cifs", False), ("overlay", True)]
)
def test_the_kind_of_filesystem(kind: str, ok: bool, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = f"/dev/a / ext4 rw 0 0\nthere:/x {kept.parent} {kind} rw 0 0\n/dev/b {kept}-more nfs rw 0 0\n"
    read = Path.read_text

    def text(path: Path, encoding: str | None = None) -> str:
        return mounts if str(path) == "/proc/self/mounts" else read(path, encoding)

    monkeypatch.setattr(Path, "read_text", text)
    finding = found(kept, wrong=not ok)["filesystem"]
    assert finding.found == f"{kind}, mounted at {kept.parent}"
