"""The files of one save, taken together: what a version was loaded from, and whether that still stands so.

A developer saves one file, or two a moment after one another; an editor writes beside the file and renames; git
writes two hundred. What is loaded in between is a version that nobody wrote. So a version is loaded from files that
remember all they told: what a file said, and which files and folders were there and were not. It is taken when
nothing has changed for a while, and when they would tell the same all over again.

How long that while is depends on what may belong together. Files that were saved less than `bounds.TOGETHER_SAVED`
apart are one save. Of a version that is one file, no other can be waited for: then `bounds.ALONE_SAVED` suffices, in
which a file that is being written comes to its end. While git writes, which shows in its lock, nothing is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runtime import bounds
from runtime.files import decoded


class Save:
    """The files on the disk, as they are asked for; `changed` looks whether they are still so."""

    def __init__(self) -> None:
        self._texts: dict[Path, bytes] = {}
        self._files: dict[Path, bool] = {}
        self._folders: dict[Path, bool] = {}
        self._links: dict[Path, Path] = {}

    def is_file(self, path: Path) -> bool:
        """Whether there was such a file when it was asked for first."""
        return self._files.setdefault(path, _is(path.is_file))

    def is_dir(self, path: Path) -> bool:
        """Whether there was such a folder when it was asked for first."""
        return self._folders.setdefault(path, _is(path.is_dir))

    def leads(self, path: Path) -> Path:
        """Where a path led, through all links, when it was asked for first."""
        return self._links.setdefault(path, _led(path))

    def text(self, path: Path) -> str:
        """What a file said when it was asked for first. Raises OSError, or SyntaxError for what is no text."""
        if path not in self._texts:
            self._texts[path] = path.read_bytes()
        return decoded(path, self._texts[path])

    def line(self, path: Path, number: int) -> str:
        """A line of a file as it was read, or "" where there is none."""
        lines = self._said(path).split("\n")
        return lines[number - 1].rstrip() if 0 < number <= len(lines) else ""

    def _said(self, path: Path) -> str:
        """What a file that was read said, or "" where it was not."""
        try:
            return decoded(path, self._texts.get(path, b""))
        except SyntaxError:
            return ""

    @property
    def read(self) -> frozenset[Path]:
        """The files that were read."""
        return frozenset(self._texts)

    @property
    def asked(self) -> frozenset[Path]:
        """All that was asked for, whether it was there or not."""
        return frozenset({*self._texts, *self._files, *self._folders, *self._links})

    def differing(self, other: Save) -> tuple[Path, ...]:
        """The files that another save has otherwise, or alone."""
        both = {**self._texts, **other._texts}
        return tuple(sorted(path for path in both if self._texts.get(path) != other._texts.get(path)))

    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return any(self._changes())

    def _changes(self) -> Iterator[bool]:
        # They may grow meanwhile, where they are being loaded.
        yield from (_led(path) != was for path, was in list(self._links.items()))
        yield from (_is(path.is_file) is not was for path, was in list(self._files.items()))
        yield from (_is(path.is_dir) is not was for path, was in list(self._folders.items()))
        yield from (_bytes(path) != was for path, was in list(self._texts.items()))


def _is(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except OSError:  # nobody may look there
        return False


def _led(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # in a circle
        return path


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def git_writes(folder: Path) -> bool:
    """Whether git is changing the files of the work tree that a folder is in: it holds the lock of its index.

    A lock that is older than `bounds.GIT` seconds was left over.
    """
    for each in (folder, *folder.parents):
        kept = each / ".git"
        try:
            if kept.is_file():  # a further work tree, or a submodule
                kept = each / kept.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
            if kept.is_dir():
                return time.time() - (kept / "index.lock").stat().st_mtime < bounds.GIT
        except (OSError, UnicodeDecodeError):
            return False
    return False
