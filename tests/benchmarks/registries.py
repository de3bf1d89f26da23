"""Artifacts and registries: what goes in and comes out, how large it is, and what an identity costs."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import itertools
import os
import sqlite3
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import arrows
from arrows.build import constant, state
from arrows.canonical import dump
from arrows.digest import digest
from runtime.admission import packed
from runtime.application import Application
from runtime.artifact import KIND
from runtime.bench import Bench, Measured, Say, Scale, Skip, in_turns
from runtime.keys import Key, new_key
from runtime.loader import load
from runtime.pulling import pulled
from runtime.registry import Registry
from runtime.seal import sealed
from runtime.trust import Trust

ARTIFACTS = 100
FUNCTIONS = 1000

_TEXT = """
def f{at}(x: int) -> int:
    \"\"\"One of many.\"\"\"
    total = x + {at}
    for each in range(3):
        total = total * 2 - each
    return total if total < 1{at}000 else g{other}(total)
def g{at}(x: int) -> int:
    return x % 1{at}
"""


def _texts() -> dict[str, str]:
    """The sources of a real package."""
    folder = Path(arrows.__file__).parent
    return {f"arrows/{file.name}": file.read_text() for file in sorted(folder.glob("*.py"))}


@contextlib.contextmanager
def _place() -> Iterator[tuple[Path, Key]]:
    """A folder on the disk, and a key."""
    with tempfile.TemporaryDirectory() as name:
        made = new_key(Path(name) / "key.pem")
        if made.value_or(None) is None:
            raise Skip(str(made.failure()))
        yield Path(name), made.unwrap()


def _told() -> dict[str, Any]:
    machine = state("n", 0, constant(0))
    return dict(packed(Application("app", version="0", machines={"m": machine})).unwrap().told)


def _artifacts(key: Key, count: int) -> list[bytes]:
    """Versions of an application of a few files."""
    texts = dict(list(_texts().items())[:5])
    more = {**_told(), "main": next(iter(texts)), "variable": "app", "sources": texts}
    return [sealed(KIND, dump({**more, "version": str(at)}), key) for at in range(count)]


def push(scale: Scale, say: Say) -> Measured:
    """Artifacts put into a folder."""
    with _place() as (folder, key):
        every, numbers = _artifacts(key, scale.of(ARTIFACTS)), itertools.count()

        def ours() -> float:
            registry, since = Registry(folder / f"r{next(numbers)}"), time.perf_counter()
            for each in every:
                registry.push(each).unwrap()
            return len(every) / (time.perf_counter() - since)

        def by_hand() -> float:
            place = folder / f"h{next(numbers)}"
            place.mkdir()
            connection = sqlite3.connect(place / "index.db", isolation_level=None)
            connection.executescript("pragma journal_mode = wal; create table a (name text primary key)")
            connection.execute("pragma synchronous = full")
            since = time.perf_counter()
            for each in every:
                name = hashlib.sha256(each).hexdigest()
                _written(place, name, each)
                connection.execute("insert into a values (?)", (name,))
            seconds = time.perf_counter() - since
            connection.close()
            return len(every) / seconds

        return in_turns(ours, by_hand, scale, say)


def _written(place: Path, name: str, data: bytes) -> None:
    with (place / f"{name}.new").open("wb") as made:
        made.write(data)
        made.flush()
        os.fsync(made.fileno())
    (place / f"{name}.new").rename(place / name)
    descriptor = os.open(place, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def pull(scale: Scale, say: Say) -> Measured:
    """Artifacts found by name and version, with all that is checked before they are loaded."""
    with _place() as (folder, key):
        registry, trust = Registry(folder / "registry"), Trust(folder, {key.public: ""})
        for each in _artifacts(key, scale.of(ARTIFACTS)):
            registry.push(each).unwrap()
        entries = registry.entries().unwrap()

        def ours() -> float:
            since = time.perf_counter()
            for each in entries:
                pulled(registry, f"app@{each.version}", trust).unwrap()
            return len(entries) / (time.perf_counter() - since)

        def by_hand() -> float:
            since = time.perf_counter()
            for each in entries:
                hashlib.sha256((registry.folder.artifacts / each.address).read_bytes()).hexdigest()
            return len(entries) / (time.perf_counter() - since)

        return in_turns(ours, by_hand, scale, say)


def digests(scale: Scale, say: Say) -> Measured:
    """The digest of a machine of many functions, which was just loaded."""
    count = scale.of(FUNCTIONS)
    text = "".join(_TEXT.format(at=at, other=(at + 1) % count) for at in range(count))
    steps = ", ".join(f"arr(f{at})" for at in range(count))
    app = f'app = Application("app", version="1", machines={{"m": compose({steps})}})\n'
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "main.py"
        file.write_text(f"from midflight import Application, arr, compose\n{text}{app}")

        def ours() -> float:
            machine = load(str(file)).unwrap().machines["m"]
            since = time.perf_counter()
            digest(machine)
            return time.perf_counter() - since

        def by_hand() -> float:
            since = time.perf_counter()
            for each in ast.parse(text).body:
                hashlib.sha256(ast.dump(each).encode()).hexdigest()
            return time.perf_counter() - since

        return in_turns(ours, by_hand, scale, say)


def size(scale: Scale, say: Say) -> Measured:
    """An artifact of the sources of a package, and a zip of them."""
    texts = _texts()
    with _place() as (_, key):
        content = dump({**_told(), "main": next(iter(texts)), "variable": "app", "sources": texts})
        artifact = sealed(KIND, content, key)
    packed_by_zip = io.BytesIO()
    with zipfile.ZipFile(packed_by_zip, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as held:
        for path, text in texts.items():
            held.writestr(path, text)
    ours, beside = float(len(artifact)), float(len(packed_by_zip.getvalue()))
    whole = sum(len(text.encode()) for text in texts.values())
    note = f"{len(texts)} files of {whole:,} bytes; the same each time"
    return Measured((ours,) * scale.samples, (beside,) * scale.samples, note)


BENCHES = (
    Bench(
        "push",
        "signed artifacts of five files put into a registry's folder",
        "the same bytes written, synced, renamed and listed in SQLite by hand",
        "artifacts/s",
        push,
    ),
    Bench(
        "pull",
        "artifacts found by name and version: signature, trust, digest and content checked",
        "the same files read and hashed",
        "artifacts/s",
        pull,
    ),
    Bench(
        "digest-1000",
        "the digest of a machine of 1,000 functions, each of which calls another",
        "the same source parsed, dumped and hashed function by function",
        "s",
        digests,
    ),
    Bench("artifact-size", "an artifact of the sources of a package", "a zip of them", "bytes", size),
)
