"""What would keep midflight from working here."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Success

from runtime import report
from runtime.control_client import NoNode, ask
from runtime.errors import of_system
from runtime.journal import VERSIONS
from runtime.reading import NAME, open_reading
from runtime.store import DamagedData
from runtime.versions import differences

_OURS = Path(__file__).resolve().parent.parent
_NAMES = ("arrows", "migrations", "runtime", "midflight")
_ROOM = 256 * 1024 * 1024
"""Bytes that should be free where data is kept."""

_NETWORK = frozenset(
    ("9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "smbfs")
)
_LIBRARIES = ("attrs", "httptools", "immutables", "returns", "rich", "starlette", "typer", "uvicorn")


@attrs.frozen
class Finding:
    """Something that was looked at; `remedy` says what to do where it is not well."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def run(data: Path, *, as_json: bool) -> int:
    """Look, tell, and return 1 where something is wrong."""
    findings = list(examine(data, Path.cwd()))
    well = all(each.ok for each in findings)
    if as_json:
        report.plain({"ok": well, "findings": [attrs.asdict(each) for each in findings]})
    else:
        rows = [(each.name, "ok" if each.ok else "WRONG", each.found, each.remedy) for each in findings]
        report.table("", ("what", "", "found", "what to do"), rows)
    return 0 if well else 1


def examine(data: Path, folder: Path) -> Iterator[Finding]:
    """Look at the interpreter, our modules as seen from `folder`, the libraries, and the data directory."""
    wanted = sys.version_info >= (3, 11)
    yield Finding(
        "python", wanted, platform.python_version(), "" if wanted else "Python 3.11 or later is needed."
    )
    posix = os.name == "posix"
    yield Finding("platform", posix, platform.platform(), "" if posix else "Linux or macOS is needed.")
    for name in _NAMES:
        yield _module(name, folder)
    for name in _LIBRARIES:
        yield _library(name)
    yield Finding("sqlite", True, sqlite3.sqlite_version)
    yield _data(data)
    directory = data.absolute()
    if directory.is_dir():
        yield _permissions(directory)
        yield _filesystem(directory)
        yield _room(directory)
        yield _sync(directory)
    if (directory / NAME).exists():
        yield from _kept(directory)


def _module(name: str, folder: Path) -> Finding:
    """Whether a name is ours for a program that is started in `folder`."""
    path = [folder, *(Path(each) for each in sys.path if each)]
    ours = _place(_OURS, name)
    for place in path:
        if place.resolve() == _OURS:
            break
        other = _place(place, name)
        if other is not None and other.resolve() != ours:
            remedy = (
                f"Programs that are started here and import midflight find this {name!r} first: rename it, or put "
                f"{_OURS} before {place} on sys.path. `midflight` itself and what it runs are not troubled."
            )
            return Finding(name, False, f"{ours}, hidden by {other}", remedy)
    return Finding(name, ours is not None, str(ours or "missing"), "" if ours else "Install midflight again.")


def _place(folder: Path, name: str) -> Path | None:
    found = (folder / name / "__init__.py", folder / f"{name}.py")
    return next((each for each in found if each.is_file()), None)


def _library(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", f"pip install {name}")


def _data(data: Path) -> Finding:
    """Whether a node could run on the data directory, or does."""
    directory = data.absolute()
    match ask(data, {"op": "status"}, timeout=5):
        case Success(reply):
            return Finding(
                "data", True, f"{directory}: a node runs there, process {reply['status']['process']}"
            )
        case Failure(NoNode()):
            pass
        case Failure(refusal):
            return Finding(
                "data", False, str(refusal), "Stop that node, or use another directory: --data DIR."
            )
    nearest = next(each for each in (directory, *directory.parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("data", False, f"{nearest} cannot be written", "Use another directory: --data DIR.")
    return Finding(
        "data", True, f"{directory}: {'no node runs there' if nearest == directory else 'not made yet'}"
    )


def _permissions(directory: Path) -> Finding:
    """Whether only its owner, who is us, can look into the data directory."""
    found = directory.stat()
    mode = f"mode {found.st_mode & 0o777:o}, owner {found.st_uid}"
    if found.st_uid != os.getuid():
        return Finding("permissions", False, mode, f"Run as the owner of {directory}, or chown it.")
    if found.st_mode & 0o077:
        return Finding("permissions", False, mode, f"Others can read what is kept: chmod 700 {directory}")
    return Finding("permissions", True, mode)


def _filesystem(directory: Path) -> Finding:
    """What kind it is: the locks and syncs of network filesystems are not what SQLite needs."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return Finding("filesystem", True, "not known on this system")
    under = [(place, kind) for place, kind in mounts if directory.is_relative_to(place.replace("\\040", " "))]
    place, kind = max(under, key=lambda each: len(each[0]), default=("?", "not known"))
    remedy = "A network filesystem does not lock and sync as a journal needs: use a local disk."
    network = kind in _NETWORK
    return Finding("filesystem", not network, f"{kind}, mounted at {place}", remedy if network else "")


def _room(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    found = f"{free / 2**20:,.0f} MiB free"
    remedy = "Make room: a node whose disk is full refuses every message."
    return Finding("disk", free >= _ROOM, found, "" if free >= _ROOM else remedy)


def _sync(directory: Path) -> Finding:
    """Whether a small write can be synced, and how long that takes: what each batch waits for."""
    try:
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".doctor-") as file:
            since = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            seconds = time.perf_counter() - since
    except OSError as error:
        problem = of_system(error)
        return Finding("sync", False, f"a small write failed: {problem}", "Look at the disk and its log.")
    return Finding("sync", True, f"a small write is on disk in {seconds * 1000:.1f} ms")


def _kept(directory: Path) -> Iterator[Finding]:
    """Whether what is kept is what was written, and under what its versions were kept."""
    opened = open_reading(directory)
    if isinstance(opened, Failure):
        yield Finding("store", False, str(opened.failure()), "See what is said there.")
        return
    reading = opened.unwrap()
    try:
        for _ in reading.entries(reading.trimmed):
            pass  # each is checked
        versions = [json.loads(data) for _, data in reading.items(VERSIONS)]
    except DamagedData as damaged:
        yield Finding("store", False, str(damaged), "See what is said there.")
        return
    finally:
        reading.close()
    size = sum(each.stat().st_size for each in directory.glob(f"{NAME}*"))
    yield Finding("store", True, f"whole, {size / 2**20:,.1f} MiB, entry {reading.last} is the last")
    yield Finding("versions", True, ", ".join(map(_version, versions)) or "none is kept")


def _version(kept: Mapping[str, Any]) -> str:
    """A kept version, and what is otherwise here than where it was kept."""
    other = "; ".join(differences(kept))
    return f"{kept['name']} {kept['version']}{f' (kept under {other})' if other else ''}"
