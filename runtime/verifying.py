"""Is a registry what was put into it? Every byte is read, and nothing is changed but what somebody left half done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.entry import Entry
from runtime.registry import Registry, told
from runtime.registry_folder import held
from runtime.registry_index import Index
from runtime.tags import tag


@attrs.frozen
class Wrong:
    """What is not as it was put in, and where."""

    place: str
    problem: str


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
    with folder.changing() as index:
        files = sorted(folder.artifacts.iterdir())
        statements = sorted(file for each in folder.tags.iterdir() for file in each.iterdir())
        wrong = (*_artifacts(registry, index), *_tags(registry))
        return Success(Verified(len(files), len(statements), wrong))


def _artifacts(registry: Registry, index: Index) -> Iterator[Wrong]:
    listed = {each.address: each for each in index.all()}
    names: dict[tuple[str, str], Entry] = {}
    for file in sorted(registry.folder.artifacts.iterdir()):
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


def _tags(registry: Registry) -> Iterator[Wrong]:
    folder = registry.folder
    for file in sorted(file for each in folder.tags.iterdir() for file in each.iterdir()):
        found = tag(file.read_bytes(), str(file))
        if isinstance(found, Failure):
            yield Wrong(str(file), found.failure().happened)
            continue
        said = found.unwrap()
        if (said.name, said.tag) != (file.parent.name, file.name):
            yield Wrong(str(file), f"it is the statement of {said}")
        elif said.address is not None and not (folder.artifacts / said.address).exists():
            yield Wrong(str(file), f"it leads to {said.address}, which is not there: push that again")
