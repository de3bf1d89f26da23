"""A registry in a folder: artifacts by their addresses, with names, versions and tags over them.

Many processes may use it at once, and each may be killed at any moment (`runtime.registry_folder`).
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.admission import opened
from runtime.application import is_digest
from runtime.artifact import Artifact
from runtime.entry import Entry, NoReference, NotInRegistry, is_digits, is_reference, normal, one
from runtime.errors import of_system
from runtime.registry_folder import Folder
from runtime.registry_index import Index, Stale
from runtime.tags import OlderTag, Tag, tag
from runtime.trust import Trust

P = ParamSpec("P")
T = TypeVar("T")


@attrs.frozen
class VersionTaken(Refusal):
    """A version is in the registry already, with another content."""

    name: str
    version: str
    there: str
    given: str

    @property
    def happened(self) -> str:
        return (
            f"{self.name}@{self.version} is there already, as {self.there[:12]}; this is {self.given[:12]}."
        )

    @property
    def remedy(self) -> str:
        return "A version never becomes another one: give this one a version of its own, Application(version=...)."


@attrs.frozen
class NameShadows(Refusal):
    """A name, a version or a tag would be taken for another one."""

    what: str
    other: str

    @property
    def happened(self) -> str:
        return f"{self.what} would be taken for {self.other}."

    @property
    def remedy(self) -> str:
        return "Choose another."


@attrs.frozen
class BadRegistry(Refusal):
    """A registry's folder cannot be used."""

    folder: str
    problem: str

    @property
    def happened(self) -> str:
        return f"the registry {self.folder} cannot be used: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Name another with --registry, or mend the folder; `midflight verify --rebuild` makes its index again."


@attrs.frozen
class Pushed:
    """What came of a push: `new` is False where the same bytes were there already."""

    entry: Entry
    new: bool


def told(
    method: Callable[Concatenate[Registry, P], Result[T, Refusal]],
) -> Callable[Concatenate[Registry, P], Result[T, Refusal]]:
    """The method, which gives Failure(BadRegistry) where the folder or the index cannot be used."""

    def safe(self: Registry, /, *args: P.args, **kwargs: P.kwargs) -> Result[T, Refusal]:
        try:
            return method(self, *args, **kwargs)
        except OSError as error:
            problem = f"{error.filename or self}: {of_system(error)}"
        except (Stale, sqlite3.Error) as error:
            problem = f"its index: {error}"
        return Failure(BadRegistry(str(self), problem))

    safe.__name__, safe.__doc__ = method.__name__, method.__doc__
    return safe


class Registry:
    """A registry in a folder, which is made when something is put into it.

    Each method gives a Result, which may be Failure(BadRegistry): the folder or its index cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.folder = Folder(path)

    def __str__(self) -> str:
        return str(self.folder.path)

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder.path

    @told
    def make(self) -> Result[None, Refusal]:
        """Let there be its folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        return Success(None)

    @told
    def push(self, data: bytes, trust: Trust | None = None) -> Result[Pushed, Refusal]:
        """Put the bytes of an artifact in; where `trust` is given, its key must be trusted.

        The same artifact signed by another key takes the place of the first one. Returns Failure(VersionTaken |
        NameShadows), or as `admission.opened`.
        """
        found = opened(data, trust, "what is pushed")
        if isinstance(found, Failure):
            return Failure(found.failure())
        artifact = found.unwrap()
        with self.folder.changing() as index:
            refused = self._taken(index, artifact)
            if refused is not None:
                return Failure(refused)
            file = self.folder.artifacts / artifact.address
            known = [each for each in index.named(artifact.name, artifact.version) if file.exists()]
            if known and file.read_bytes() == data:
                return Success(Pushed(Entry.of(artifact, len(data), known[0].at), new=False))
            return Success(Pushed(self.folder.add(index, artifact, data), new=True))

    @told
    def find(self, reference: str) -> Result[Entry, Refusal]:
        """The artifact of a reference (`runtime.entry`). Returns Failure(NotInRegistry | AmbiguousReference)."""
        if not is_reference(reference):
            return Failure(NoReference(reference))
        if not self.folder.artifacts.exists():
            return Failure(NotInRegistry(reference, str(self), ()))
        with self.folder.looking() as index:
            name, at, label = reference.partition("@")
            if not at:
                return one(reference, [*index.named(name), *index.beginning(name)], index.names(), str(self))
            found = index.named(name, label)
            tagged = None if found else self.folder.tag(name, label)
            if tagged is not None and tagged.address is not None:
                found = index.beginning(tagged.address)
            if found:
                return one(reference, found, (), str(self))
            known = [f"{name}@{each.version}" for each in index.named(name)] or index.names()
            tags = (str(each) for each in self.folder.tags_of(name) if each.address is not None)
            return Failure(NotInRegistry(reference, str(self), (*known, *tags)))

    @told
    def read(self, address: str) -> Result[bytes, Refusal]:
        """The bytes of the artifact at an address. Returns Failure(NotInRegistry)."""
        if is_digest(address):
            with contextlib.suppress(FileNotFoundError):
                return Success((self.folder.artifacts / address).read_bytes())
        return Failure(NotInRegistry(address, str(self), ()))

    @told
    def entries(self) -> Result[list[Entry], Refusal]:
        """Every artifact, by name, and in the order in which they came."""
        if not self.folder.artifacts.exists():
            return Success([])
        with self.folder.looking() as index:
            return Success(index.all())

    @told
    def tags(self) -> Result[list[Tag], Refusal]:
        """Every tag that leads somewhere, by application and name."""
        top = self.folder.tags
        folders = sorted(top.iterdir()) if top.exists() else ()
        every = (each for folder in folders for each in self.folder.tags_of(folder.name))
        return Success([each for each in every if each.address is not None])

    @told
    def statement(self, name: str, label: str) -> Result[bytes | None, Refusal]:
        """The signed statement of a tag, or None where there is none that leads somewhere."""
        found = self.folder.statement(name, label)
        return Success(None if found is None or found[0].address is None else found[1])

    @told
    def tag(self, data: bytes, trust: Trust | None = None) -> Result[Tag, Refusal]:
        """Put the statement of a tag in the place of an older one.

        Returns Failure(NotInRegistry | NameShadows | OlderTag), or as `tags.tag`.
        """
        said = tag(data, "the statement of a tag", trust)
        if isinstance(said, Failure):
            return said
        new = said.unwrap()
        with self.folder.changing() as index:
            versions = index.named(new.name)
            if any(each.version == new.tag for each in versions):
                return Failure(NameShadows(f"the tag {new}", f"the version {new}"))
            if new.address is not None and all(each.address != new.address for each in versions):
                return Failure(NotInRegistry(new.address, str(self), tuple(map(str, versions))))
            old = self.folder.tag(new.name, new.tag)
            if old is not None and old.at >= new.at:
                return Failure(OlderTag(new.name, new.tag))
            self.folder.state(new, data)
            return Success(new)

    @told
    def remove(self, entry: Entry) -> Result[bool, Refusal]:
        """Take an artifact away, unless it is tagged; return whether it has gone."""
        with self.folder.changing() as index:
            tagged = any(each.address == entry.address for each in self.folder.tags_of(entry.name))
            if not tagged:
                self.folder.remove(index, entry.address)
            return Success(not tagged)

    @told
    def rebuild(self) -> Result[None, Refusal]:
        """Make the index again, from what is in the folder."""
        self.folder.rebuild()
        return Success(None)

    def _taken(self, index: Index, artifact: Artifact) -> Refusal | None:
        """Why an artifact cannot have its name and version."""
        name, version = artifact.name, artifact.version
        for entry in index.named(name, version):
            if entry.address != artifact.address:
                return VersionTaken(name, version, entry.address, artifact.address)
        tagged = self.folder.tag(name, version)
        if tagged is not None and tagged.address is not None:
            return NameShadows(f"the version {artifact}", f"the tag {artifact}")
        if not is_reference(name):
            return NameShadows(f"the name {name!r}", "a file")
        if is_digits(name) and len(name) >= bounds.SHORT_DIGEST:
            return NameShadows(f"the name {name!r}", "the first digits of a digest")
        other = next((each for each in index.names() if each != name and normal(each) == normal(name)), None)
        return None if other is None else NameShadows(f"the name {name!r}", f"{other!r}, which is there")
