"""The folder of a registry: what is where, and how it is changed by many processes that may be killed at any moment.

    artifacts/ADDRESS    the artifact as it was signed
    tags/NAME/TAG        a signed statement (`runtime.tags`)
    index.db             names and versions (`runtime.registry_index`), made again from the folder where need be
    incoming/            what is being added or taken away just now
    uploads/             what has come of artifacts over HTTP (`runtime.uploads`)
    nodes/               data directories to look at before anything is collected (`runtime.collecting`)
    lock                 held by whoever changes something

Who changes something holds the lock, an operating-system lock that ends with its process. An artifact is written to
`incoming`, synced, linked into `artifacts`, put into the index, and only then removed from `incoming`: what a process
left there when it was killed tells the next one, which reads or writes, what it has to finish. So an artifact is in
the registry wholly or not at all, and a version has one artifact for ever.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from returns.result import Result, Success

from migrations.refusal import Refusal
from runtime.admission import Wanted, opened
from runtime.application import is_name
from runtime.artifact import Artifact
from runtime.entry import LATEST, Entry
from runtime.registry_index import Index, Stale
from runtime.tags import Tag, tag
from runtime.whole_file import locked, sync_folder

_GONE: Final = ".gone"


class Folder:
    """A registry's folder. Raises OSError and Stale where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.artifacts, self.tags = self.path / "artifacts", self.path / "tags"
        self.incoming, self.index = self.path / "incoming", self.path / "index.db"

    def tag(self, name: str, label: str) -> Tag | None:
        """What was stated of a tag last."""
        found = self.statement(name, label)
        return None if found is None else found[0]

    def statement(self, name: str, label: str) -> tuple[Tag, bytes] | None:
        """What was stated of a tag last, and as it was signed; what is no statement is for `verify` to tell."""
        if not is_name(name) or not is_name(label):
            return None
        file = self.tags / name / label
        try:
            data = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        made = tag(data, str(file)).value_or(None)
        return None if made is None or (made.name, made.tag) != (name, label) else (made, data)

    def tags_of(self, name: str) -> list[Tag]:
        """The tags of an application as they were stated."""
        folder = self.tags / name
        files = sorted(folder.iterdir()) if is_name(name) and folder.is_dir() else ()
        return [each for file in files if (each := self.tag(name, file.name)) is not None]

    # Who may look, and who may change

    @property
    def is_ours(self) -> bool:
        """Whether this process may change something, where there is a folder at all."""
        return not self.path.exists() or os.access(self.path, os.W_OK)

    def quiet(self) -> contextlib.AbstractContextManager[Index]:
        """The index, while nobody changes anything; who may only read the folder cannot see to that."""
        return self.changing() if self.is_ours else self.looking()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one that changes something."""
        for folder in (self.path, self.artifacts, self.tags, self.incoming):
            folder.mkdir(parents=True, exist_ok=True)
        with locked(self.path / "lock"):
            yield

    @contextlib.contextmanager
    def changing(self) -> Iterator[Index]:
        """The index, for one who changes something alone; what others left is finished first."""
        with self.locked():
            try:
                index = Index(self.index)
            except Stale:
                Index.make(self.index, self.there())
                index = Index(self.index)
            with contextlib.closing(index):
                self._finish(index)
                yield index

    @contextlib.contextmanager
    def looking(self) -> Iterator[Index]:
        """The index, for one who only looks; where others left something, it is finished first.

        Who may only read the folder finishes nothing, and looks at what is there.
        """
        if not self.is_ours:
            with contextlib.closing(Index(self.index, write=False)) as there:
                yield there
            return
        try:
            index = Index(self.index)
            if any(each.is_file() for each in self.incoming.iterdir()):
                index.close()
                raise Stale("somebody was killed, or is at it")
        except (Stale, FileNotFoundError):
            with self.changing() as settled:
                yield settled
            return
        with contextlib.closing(index):
            yield index

    # Changing, with the lock held

    def add(self, index: Index, artifact: Artifact, data: bytes) -> Entry:
        """Let an artifact be there, or take the place of the same one that another key signed."""
        file = self.artifacts / artifact.address
        coming = self._written(f"{artifact.address}.{secrets.token_hex(4)}", data)
        if file.exists():
            again = coming.with_name(coming.name + ".again")
            os.link(coming, again)
            again.replace(file)
        else:
            os.link(coming, file)
        sync_folder(self.artifacts)
        entry = _entry(artifact, file)
        index.put(entry)
        coming.unlink()
        return entry

    def remove(self, index: Index, address: str) -> None:
        """Let an artifact be there no more."""
        self._take_away(index, self._written(f"{address}{_GONE}", b""))

    def state(self, new: Tag, data: bytes) -> None:
        """Let a statement of a tag take the place of an older one."""
        coming = self._written(f"tag.{secrets.token_hex(4)}", data)
        (self.tags / new.name).mkdir(parents=True, exist_ok=True)
        coming.replace(self.tags / new.name / new.tag)
        sync_folder(self.tags / new.name)

    def rebuild(self) -> None:
        """Make the index again."""
        with self.locked():
            Index.make(self.index, self.there())
            with contextlib.closing(Index(self.index)) as index:
                self._finish(index)

    def there(self) -> Iterator[Entry]:
        """The artifacts in the folder, those first that came first."""
        files = (each for each in self.artifacts.iterdir() if each.is_file())
        for file in sorted(files, key=lambda each: each.stat().st_mtime_ns):
            found = held(file)
            if isinstance(found, Success):
                yield found.unwrap()

    def _finish(self, index: Index) -> None:
        """Finish what processes that are gone have begun: nobody else is at it, as the lock is held."""
        for left in [each for each in self.incoming.iterdir() if each.is_file()]:
            file = self.artifacts / left.name.partition(".")[0]
            if left.name.endswith(_GONE):
                self._take_away(index, left)
                continue
            found = held(file) if file.exists() else None
            if isinstance(found, Success):
                index.put(found.unwrap())
            left.unlink()

    def _take_away(self, index: Index, left: Path) -> None:
        address = left.name.removesuffix(_GONE)
        index.remove(address)
        (self.artifacts / address).unlink(missing_ok=True)
        sync_folder(self.artifacts)
        left.unlink()

    def _written(self, name: str, data: bytes) -> Path:
        """A new file in `incoming`, which is on disk."""
        file = self.incoming / name
        with file.open("wb") as made:
            made.write(data)
            made.flush()
            os.fsync(made.fileno())
        sync_folder(self.incoming)
        return file


def held(file: Path) -> Result[Entry, Refusal]:
    """The artifact in a file of that name. Returns Failure as `admission.opened`."""
    made = opened(file.read_bytes(), None, str(file), Wanted(file.name))
    return made.map(lambda artifact: _entry(artifact, file))


def _entry(artifact: Artifact, file: Path) -> Entry:
    about = file.stat()
    return Entry.of(artifact, about.st_size, min(max(about.st_mtime_ns // 10**6, 0), LATEST))
