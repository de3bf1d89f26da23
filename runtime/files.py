"""Where the sources of a version are read from: the disk, or what was kept of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """The files of a project."""

    def is_file(self, path: Path) -> bool:
        """Whether there is such a file."""

    def is_dir(self, path: Path) -> bool:
        """Whether there is such a folder."""

    def text(self, path: Path) -> str:
        """What a file says. Raises SyntaxError for what is not text in the encoding it declares."""


class Disk:
    """The files that are there."""

    def is_file(self, path: Path) -> bool:
        """Whether there is such a file."""
        return path.is_file()

    def is_dir(self, path: Path) -> bool:
        """Whether there is such a folder."""
        return path.is_dir()

    def text(self, path: Path) -> str:
        """What a file says."""
        return decoded(path, path.read_bytes())


def decoded(path: Path, data: bytes) -> str:
    """The text in a file's bytes. Raises SyntaxError for what is not text in the encoding it declares."""
    try:
        return importlib.util.decode_source(data)
    except (SyntaxError, UnicodeDecodeError):
        raise SyntaxError(
            "not text in UTF-8, or in the encoding it declares", (str(path), None, None, None)
        ) from None


class Kept:
    """The files that a version was loaded from, as they were: their texts by path."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._folders = {str(parent) for each in texts for parent in Path(each).parents}

    def is_file(self, path: Path) -> bool:
        """Whether there was such a file."""
        return str(path) in self._texts

    def is_dir(self, path: Path) -> bool:
        """Whether there was a file in such a folder."""
        return str(path) in self._folders

    def text(self, path: Path) -> str:
        """What a file said."""
        return self._texts[str(path)]
