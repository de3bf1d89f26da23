"""Is a registry what was put into it? Every byte is read, and nothing is changed but what somebody left half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.entry import Entry
from runtime.errors import shown
from runtime.registry import Registry, told
from runtime.registry_folder import Folder, held
from runtime.registry_index import Index
from runtime.tags import tag


@attrs.frozen
class Wrong:
    """What is not as it was put in, and where."""

    place: str = attrs.field(converter=shown)
    problem: str = attrs.field(converter=shown)


@attrs.frozen
class Verified:
    """How many artifacts and tags were looked at, and what was wrong."""

    artifacts: int
    tags: int
    wrong: tuple[Wrong, ...]

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"ok": not self.wrong, **attrs.asdict(self)}


@told
def verified(registry: Registry) -> Result[Verified, Refusal]:
    """Read all that is in a registry, and hold it against its signatures, its addresses and the index."""
    folder = registry.folder
    if not folder.artifacts.exists():
        return Success(Verified(0, 0, ()))
    with folder.quiet() as index:
        files = _files(folder.artifacts)
        statements = [file for each in _inside(folder.tags) for file in _files(each)]
        wrong = (*_artifacts(files, registry, index), *_tags(statements, registry), *_strange(folder))
        return Success(Verified(len(files), len(statements), wrong))


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _files(folder: Path) -> list[Path]:
    return [each for each in _inside(folder) if each.is_file()]


def _strange(folder: Folder) -> Iterator[Wrong]:
    """What nobody has put there."""
    tags = _inside(folder.tags)
    for top in (folder.artifacts, folder.incoming, *tags):
        for each in _inside(top):
            if not each.is_file():
                yield Wrong(str(each), "it is no file: remove it")
    for each in tags:
        if not each.is_dir():
            yield Wrong(str(each), "it is no folder of tags: remove it")


def _artifacts(files: list[Path], registry: Registry, index: Index) -> Iterator[Wrong]:
    listed = {each.address: each for each in index.all()}
    names: dict[tuple[str, str], Entry] = {}
    for file in files:
        found = held(file)
        if isinstance(found, Failure):
            yield Wrong(str(file), found.failure().happened)
            listed.pop(file.name, None)
            continue
        entry = found.unwrap()
        other = names.setdefault((entry.name, entry.version), entry)
        if other is not entry:
            yield Wrong(
                str(file), f"it is {entry.name}@{entry.version}, and so is {other.address}: remove one"
            )
        elif listed.pop(entry.address, None) != entry:
            yield Wrong(str(file), "the index does not have it as it is: `midflight verify --rebuild`")
    for address in listed:
        yield Wrong(
            str(registry.folder.artifacts / address), "the index has it, and it is gone: push it again"
        )


def _tags(files: list[Path], registry: Registry) -> Iterator[Wrong]:
    folder = registry.folder
    for file in files:
        found = tag(file.read_bytes(), str(file))
        if isinstance(found, Failure):
            yield Wrong(str(file), found.failure().happened)
            continue
        said = found.unwrap()
        if (said.name, said.tag) != (file.parent.name, file.name):
            yield Wrong(str(file), f"it is the statement of {said}")
        elif said.address is not None and not (folder.artifacts / said.address).exists():
            yield Wrong(str(file), f"it leads to {said.address}, which is not there: push that again")
