"""The token of a node's control over TCP: random bits, in a file that only its owner can read."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.errors import of_system
from runtime.whole_file import put_whole

NAME: Final = "control.token"
"""Where it is in a data directory, unless it is said otherwise."""

SHORTEST: Final = 32
"""Characters of one: 128 bits, where it is written in hexadecimal digits."""

LONGEST: Final = 512

RANDOM: Final = 32
"""Bytes of one that is made here."""


@attrs.frozen
class BadTokenFile(Refusal):
    """A file holds no token, or others can read it."""

    file: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.file} is no good token: {self.problem}."

    @property
    def remedy(self) -> str:
        return (
            f"It is a file of one line of {SHORTEST} or more characters, readable by its owner alone (chmod 600); "
            "where there is none, `midflight run --control` makes one, and `midflight registry serve` a registry's."
        )


def same(given: bytes, token: bytes) -> bool:
    """Whether a token is the right one; takes as long where it is not.

    >>> same(b"one", b"one"), same(b"on", b"one")
    (True, False)
    """
    return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(token).digest())


def fingerprint(token: bytes) -> str:
    """What tells tokens apart, and tells nothing of them.

    >>> fingerprint(b"one")
    '7692c3ad'
    """
    return hashlib.sha256(token).hexdigest()[:8]


def had(file: Path) -> Result[bytes, BadTokenFile]:
    """The token in a file, which is made where there is none."""
    try:
        if not file.exists():
            put_whole(file, f"{secrets.token_urlsafe(RANDOM)}\n".encode(), 0o600)
    except OSError as error:
        return Failure(BadTokenFile(str(file), of_system(error)))
    return read(file)


def read(file: Path) -> Result[bytes, BadTokenFile]:
    """The token in a file."""
    try:
        with file.open("rb") as held:
            others = os.fstat(held.fileno()).st_mode & 0o077
            token = held.read(LONGEST + 2).strip()
    except OSError as error:
        return Failure(BadTokenFile(str(file), of_system(error)))
    if others:
        return Failure(BadTokenFile(str(file), "other users may read or write it"))
    return usable(token).alt(lambda problem: BadTokenFile(str(file), problem))


def usable(token: bytes) -> Result[bytes, str]:
    """The token, or why it is none."""
    if not SHORTEST <= len(token) <= LONGEST:
        return Failure(f"it has {len(token)} characters")
    if not token.isascii() or any(byte <= 32 or byte == 127 for byte in token):
        return Failure("it has spaces, or characters that are not ASCII")
    return Success(token)
