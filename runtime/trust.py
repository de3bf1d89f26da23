"""Trust lists: whose artifacts are taken. A file `trusted` with a public key on a line, and what is said about it.

A node has one in its data directory, a registry that is served in its folder; where there is none, that of the user
it runs as (`~/.midflight/trusted`) stands for it. A list that is not there at all trusts nobody. It is read each time
it is asked, so that a key that was removed is trusted no more at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.errors import of_system
from runtime.keys import home, is_public
from runtime.whole_file import locked, put_whole

NAME: Final = "trusted"


@attrs.frozen
class BadTrustList(Refusal):
    """A trust list cannot be read, so that nobody is trusted."""

    file: str
    line: int
    problem: str

    @property
    def happened(self) -> str:
        at = f", line {self.line}" if self.line else ""
        return f"{self.file}{at}: {self.problem}."

    @property
    def remedy(self) -> str:
        return "A trust list has a public key on each line, as `midflight key show` prints it, and a name behind it."


@attrs.frozen
class Trust:
    """The public keys in a list, each with what is said about it, and the file that they stand in."""

    file: Path
    keys: Mapping[str, str] = attrs.field(factory=dict)

    def __contains__(self, key: str) -> bool:
        return key in self.keys


def list_of(folder: Path) -> Path:
    """The trust list that counts for a folder: its own, or the user's."""
    own = folder / NAME
    return own if own.exists() else home() / NAME


def trust(file: Path) -> Result[Trust, BadTrustList]:
    """The keys in a trust list; none where there is no such file."""
    try:
        with file.open() as held:
            if os.fstat(held.fileno()).st_mode & 0o022:
                return Failure(BadTrustList(str(file), 0, "other users may write to it: chmod go-w"))
            lines = held.read().splitlines()
    except FileNotFoundError:
        return Success(Trust(file))
    except (OSError, UnicodeDecodeError) as error:
        return Failure(BadTrustList(str(file), 0, str(getattr(error, "strerror", "") or error).lower()))
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        key, _, said = line.strip().partition(" ")
        if not key or key.startswith("#"):
            continue
        if not is_public(key):
            return Failure(BadTrustList(str(file), number, f"{key[:80]!r} is no public key"))
        found[key] = said.strip()
    return Success(Trust(file, found))


def changed(file: Path, add: Mapping[str, str], remove: str | None = None) -> Result[Trust, BadTrustList]:
    """Add keys to a trust list, with what is said about them, or remove one; it is written as a whole."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(file.with_name(f".{file.name}.lock")):
            found = trust(file)
            if isinstance(found, Failure):
                return found
            keys = {**found.unwrap().keys, **add}
            if remove is not None:
                keys.pop(remove, None)
            text = "".join(f"{key} {said}".rstrip() + "\n" for key, said in keys.items())
            put_whole(file, text.encode(), 0o644)
    except OSError as error:
        return Failure(BadTrustList(str(file), 0, of_system(error)))
    return Success(Trust(file, keys))
