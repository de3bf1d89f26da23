"""A sealed message: what it is, who signed it, the signature, and compressed content. Nothing of it is executed.

    midflight artifact 1       a line: what it is, and the format's number
    32 bytes                   the public key (Ed25519)
    64 bytes                   the signature of the first line and of all that follows here
    the rest                   the content, compressed by bzip2

The signature is checked before a byte is decompressed, and covers the compressed bytes, so that no byte can be another.
bzip2, as its output has not changed since 2000: other compressors give other bytes from release to release, and the
same content shall be the same file everywhere.
"""

from __future__ import annotations

import bz2
from typing import Final

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.keys import BYTES, KIND, Key, verified
from runtime.trust import Trust

FORMAT: Final = 1
_SIGNATURE: Final = 64


@attrs.frozen
class NotSealed(Refusal):
    """Some bytes are not what midflight signs, or not whole."""

    place: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.place} is not what midflight has signed: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Get it again from where it comes from; `midflight push` makes artifacts."


@attrs.frozen
class TooLarge(Refusal):
    """Something is larger than it may be."""

    place: str
    size: int
    most: int

    @property
    def happened(self) -> str:
        return f"{self.place} has {self.size} bytes or more, and may have {self.most}."

    @property
    def remedy(self) -> str:
        return "An artifact carries the sources of an application; let it read its data when it runs."


@attrs.frozen
class WrongSignature(Refusal):
    """What is signed was altered since, or another key signed it than the one it names."""

    place: str
    key: str

    @property
    def happened(self) -> str:
        return f"{self.place} was not signed by the key that it names, {self.key}, or was altered since."

    @property
    def remedy(self) -> str:
        return "Trust nothing of it; get it again, and ask who publishes it."


@attrs.frozen
class UntrustedKey(Refusal):
    """Something was signed by a key that is not on the trust list."""

    place: str
    key: str
    trusted: str

    @property
    def happened(self) -> str:
        return f"{self.place} was signed by {self.key}, which is not on the trust list {self.trusted}."

    @property
    def remedy(self) -> str:
        return (
            "If you know whose key it is, `midflight trust add KEY` adds it (with --data DIR that of a node)."
        )


@attrs.frozen
class Sealed:
    """What was sealed, and the public key that did it."""

    content: bytes = attrs.field(repr=False)
    key: str


def sealed(kind: str, content: bytes, key: Key) -> bytes:
    """Seal a content. The same key gives the same bytes each time."""
    head, body = _head(kind), bz2.compress(content, 9)
    return b"".join((head, bytes.fromhex(key.public.removeprefix(KIND)), key.sign(head + body), body))


def unsealed(data: bytes, kind: str, place: str, trust: Trust | None = None) -> Result[Sealed, Refusal]:
    """What was sealed; `place` is where the bytes are from. Only keys of `trust` count, or any where it is None.

    Returns Failure(TooLarge | NotSealed | WrongSignature | UntrustedKey | NeedsExtra).
    """
    if len(data) > bounds.MAX_ARTIFACT:
        return Failure(TooLarge(place, len(data), bounds.MAX_ARTIFACT))
    head = _head(kind)
    if not data.startswith(head):
        return Failure(NotSealed(place, _unknown(data, kind)))
    key, rest = data[len(head) : len(head) + BYTES], data[len(head) + BYTES :]
    signature, body = rest[:_SIGNATURE], rest[_SIGNATURE:]
    named = KIND + key.hex()
    signed = verified(key, signature, head + body)
    if isinstance(signed, Failure):
        return Failure(signed.failure())
    if not signed.unwrap():
        return Failure(WrongSignature(place, named))
    if trust is not None and named not in trust:
        return Failure(UntrustedKey(place, named, str(trust.file)))
    reader = bz2.BZ2Decompressor()
    try:
        content = reader.decompress(body, bounds.MAX_CONTENT + 1)
    except (OSError, ValueError, EOFError):
        return Failure(NotSealed(place, "its content cannot be decompressed"))
    if len(content) > bounds.MAX_CONTENT:
        return Failure(TooLarge(place, len(content), bounds.MAX_CONTENT))
    if not reader.eof or reader.unused_data:
        return Failure(NotSealed(place, "its content does not end where the file ends"))
    return Success(Sealed(content, named))


def named_key(data: bytes, kind: str) -> str | None:
    """The public key that a sealed message names, by its first bytes; None where they are too few."""
    head = _head(kind)
    key = data[len(head) : len(head) + BYTES]
    return KIND + key.hex() if data.startswith(head) and len(key) == BYTES else None


def is_sealed(data: bytes, kind: str) -> bool:
    """Whether some bytes begin as a sealed message of this kind."""
    return data.startswith(f"midflight {kind} ".encode())


def _head(kind: str) -> bytes:
    return f"midflight {kind} {FORMAT}\n".encode()


def _unknown(data: bytes, kind: str) -> str:
    """What is wrong with the first line."""
    if not is_sealed(data, kind):
        return f"it does not begin with 'midflight {kind}'"
    number = data[len(f"midflight {kind} ") :].partition(b"\n")[0]
    if number.isdigit() and len(number) < 5 and int(number) > FORMAT:
        return f"it is of format {int(number)}, which needs a newer midflight"
    return "its first line is not one that midflight writes"
