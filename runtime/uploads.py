"""Artifacts that come to a registry piece by piece: what has come is kept, so that nothing is sent twice.

An upload is a file in `uploads`, named by the sha256 of the whole. A piece is taken where the file ends, under a lock;
when it is whole it goes into the registry as any other push. There are never many: the oldest are let go of.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import is_digest
from runtime.artifact import KIND
from runtime.registry import Pushed, Registry, told
from runtime.seal import NotSealed, TooLarge, UntrustedKey, named_key
from runtime.trust import Trust, list_of, trust


@attrs.frozen
class Offset:
    """How many bytes of an upload are there."""

    offset: int


@told
def begun(registry: Registry, whole: str, address: str) -> Result[Offset | Pushed, Refusal]:
    """How much is there of some bytes by their sha256; all, where they are the artifact at an address already."""
    if not is_digest(whole):
        return Failure(NotSealed(repr(whole)[:80], "it is no sha256 of an artifact"))
    found = registry.read(address)
    if isinstance(found, Success) and hashlib.sha256(found.unwrap()).hexdigest() == whole:
        return registry.find(address).map(lambda entry: Pushed(entry, new=False))
    try:
        return Success(Offset((_folder(registry) / whole).stat().st_size))
    except FileNotFoundError:
        return Success(Offset(0))


@told
def taken(
    registry: Registry, whole: str, start: int, total: int, data: bytes
) -> Result[Offset | Pushed, Refusal]:
    """Take a piece of an upload, if it begins where that ends; put the artifact in when it is whole.

    Its key must be on the trust list of the registry. Returns Failure as `Registry.push`, and lets go of the upload.
    """
    if not is_digest(whole):
        return Failure(NotSealed(repr(whole)[:80], "it is no sha256 of an artifact"))
    if total > bounds.MAX_ARTIFACT or start + len(data) > total:
        return Failure(TooLarge(whole, max(total, start + len(data)), bounds.MAX_ARTIFACT))
    trusted = trust(list_of(registry.path))
    if isinstance(trusted, Failure):
        return Failure(trusted.failure())
    if start == 0:
        key = named_key(data, KIND)
        if key is None:
            return Failure(NotSealed(whole, "its first piece does not hold the key that signed it"))
        if key not in trusted.unwrap():
            return Failure(UntrustedKey(whole, key, str(trusted.unwrap().file)))
    folder = _folder(registry)
    folder.mkdir(parents=True, exist_ok=True)
    _bounded(folder, whole)
    file = folder / whole
    with os.fdopen(os.open(file, os.O_CREAT | os.O_RDWR, 0o600), "r+b") as coming:
        fcntl.flock(coming, fcntl.LOCK_EX)
        size = coming.seek(0, os.SEEK_END)
        if size != start:
            return Success(Offset(size))
        coming.write(data)
        coming.flush()
        if size + len(data) < total:
            return Success(Offset(size + len(data)))
        coming.seek(0)
        try:
            return _whole(registry, whole, coming.read(), trusted.unwrap())
        finally:  # not before: who asks meanwhile how much is there must not be told that there is nothing
            file.unlink(missing_ok=True)


def _whole(registry: Registry, whole: str, data: bytes, trusted: Trust) -> Result[Offset | Pushed, Refusal]:
    if hashlib.sha256(data).hexdigest() != whole:
        return Failure(NotSealed(whole, "what came is not what was announced"))
    return registry.push(data, trusted)


def _folder(registry: Registry) -> Path:
    return registry.path / "uploads"


def _bounded(folder: Path, whole: str) -> None:
    """Let go of the uploads that nobody went on with, where there would be too many."""
    others = list[tuple[int, str]]()
    for each in filter(os.DirEntry.is_file, os.scandir(folder)):
        with contextlib.suppress(FileNotFoundError):  # it is whole by now
            others.append((each.stat().st_mtime_ns, each.path))
    others = sorted(each for each in others if Path(each[1]).name != whole)
    for _, path in others[: -bounds.UPLOADS + 1]:
        Path(path).unlink(missing_ok=True)
