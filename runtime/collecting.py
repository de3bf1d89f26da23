"""What a registry need not keep. Nothing that is tagged, and nothing that a node's data directory needs, is taken away.

A data directory holds `version/EDITION` for whatever runs there, can be rolled back to, or stepped what a record, row,
a timer, a dead letter or a suspension holds that is retained (`runtime.editions`): those are the roots, read from the
directory itself. Which directories to look at is noted in the registry by `midflight run` and `upgrade`; others are
named. One that cannot be read stops the collection, as nobody knows what it needs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.admission import opened
from runtime.datadir import LOCK, is_owned
from runtime.entry import Entry
from runtime.errors import shown
from runtime.journal import VERSIONS
from runtime.reading import NoData, looked
from runtime.refusal import short
from runtime.registry import Registry, told
from runtime.whole_file import put_whole


@attrs.frozen
class UnreadableRoot(Refusal):
    """A data directory that a registry keeps artifacts for cannot be read."""

    directory: str
    problem: str

    @property
    def happened(self) -> str:
        return f"what the node on {self.directory} needs is not known: {self.problem} Nothing was collected;"

    @property
    def remedy(self) -> str:
        return "make it readable, or say --forget DIR where the node is gone for good."


@attrs.frozen
class CannotForget(Refusal):
    """A data directory is none that a registry looks at, or its node runs."""

    directory: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.directory} cannot be forgotten: {self.problem}. Nothing was collected;"

    @property
    def remedy(self) -> str:
        return (
            "--forget is for a data directory that is noted in the registry, and whose node is gone for good."
        )


@attrs.frozen
class Collected:
    """What can go, or has gone where `done`, and what stays, with the reason."""

    gone: tuple[Entry, ...]
    kept: tuple[tuple[Entry, str], ...]
    done: bool

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        kept = [{**entry.to_plain(), "why": why} for entry, why in self.kept]
        return {"done": self.done, "gone": [each.to_plain() for each in self.gone], "kept": kept}


@told
def note(registry: Registry, directory: Path) -> Result[None, Refusal]:
    """Let what the node on a data directory needs be kept, from now on."""
    file = _note(registry, directory)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        put_whole(file, os.fsencode(directory.resolve()))
    return Success(None)


@told
def collected(
    registry: Registry,
    directories: Iterable[Path],
    since: int,
    *,
    do: bool,
    forgotten: Iterable[Path] = (),
) -> Result[Collected, Refusal]:
    """Tell what nobody needs, and with `do` take it away.

    `directories` are looked at besides those that are noted, and those that are `forgotten` are not; with `do` they are
    noted no more. What came at `since` (milliseconds since 1970) or later stays. Returns Failure(UnreadableRoot |
    CannotForget), and then nothing has gone.
    """
    needed: dict[str, str] = {}
    noted, left = _noted(registry), set[Path]()
    for directory in forgotten:
        same = (directory.absolute(), directory.resolve())
        notes = {file for file, each in noted.items() if each in same or file == _note(registry, directory)}
        if not notes or is_owned(directory):
            known = ", ".join(map(str, noted.values())) or "none"
            problem = "its node runs" if notes else f"it is not noted; there are: {known}"
            return Failure(CannotForget(shown(str(directory)), shown(problem)))
        left |= notes
    looked_at = (each for file, each in noted.items() if file not in left)
    for directory in dict.fromkeys((*looked_at, *(each.resolve() for each in directories))):
        found = looked(directory, lambda reading: [key for key, _ in reading.items(VERSIONS)])
        if isinstance(found, Failure):
            if isinstance(found.failure(), NoData) and (directory / LOCK).exists():
                continue  # a node was there, and did not come to keep anything
            return Failure(UnreadableRoot(shown(str(directory)), shown(found.failure().happened)))
        needed |= {key.removeprefix(VERSIONS): f"needed by {shown(str(directory))}" for key in found.unwrap()}
    tags, entries = registry.tags(), registry.entries()
    if isinstance(tags, Failure) or isinstance(entries, Failure):
        return Failure((tags if isinstance(tags, Failure) else entries).failure())
    tagged = {str(each.address): f"tagged {each.tag}" for each in tags.unwrap()}
    why = {
        each.address: tagged.get(each.address)
        or needed.get(each.edition)
        or ("came lately" if each.at >= since else "")
        for each in entries.unwrap()
    }
    for release, parts in _releases(registry, entries.unwrap()):
        if not why[release.address] and all(why.get(each) for each in parts):
            why[release.address] = "all of its applications are kept"
        if why[release.address]:
            why |= {each: f"in the release {release}" for each in parts if each in why and not why[each]}
    gone = tuple(each for each in entries.unwrap() if not why[each.address])
    kept = tuple((each, why[each.address]) for each in entries.unwrap() if why[each.address])
    for each in gone if do else ():
        removed = registry.remove(each)
        if isinstance(removed, Failure):
            return Failure(removed.failure())
        if not removed.unwrap():
            kept = (*kept, (each, "tagged just now"))
    for file in left if do else ():
        file.unlink(missing_ok=True)
    stayed = {each.address for each, _ in kept}
    return Success(Collected(tuple(each for each in gone if each.address not in stayed), kept, do))


def _releases(registry: Registry, entries: Iterable[Entry]) -> Iterator[tuple[Entry, tuple[str, ...]]]:
    """The releases, each with the addresses of its applications."""
    for entry in entries:
        made = registry.read(entry.address).bind(lambda data: opened(data, None, str(registry)))
        if isinstance(made, Success) and made.unwrap().release:
            yield entry, tuple(each.address for each in made.unwrap().release)


def _noted(registry: Registry) -> dict[Path, Path]:
    """The notes, and the directory of each."""
    folder = registry.path / "nodes"
    notes = sorted(folder.iterdir()) if folder.exists() else ()
    return {
        each: Path(os.fsdecode(each.read_bytes()))
        for each in notes
        if each.is_file() and not each.name.startswith(".")
    }


def _note(registry: Registry, directory: Path) -> Path:
    name = short(hashlib.sha256(os.fsencode(directory.resolve())).hexdigest())
    return registry.path / "nodes" / name
