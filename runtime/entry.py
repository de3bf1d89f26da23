"""What a registry knows of an artifact without opening it, and how one is named.

`NAME@VERSION` and `NAME@TAG` name one artifact; so does `NAME` where there is one version of it, and an address or the
digest of a version, or as many of their first digits as no other begins with. What names several is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.admission import Wanted
from runtime.application import is_digest, is_name
from runtime.artifact import Artifact
from runtime.errors import cut
from runtime.keys import is_public
from runtime.refusal import short

LATEST: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, behind which nobody can tell a time."""

_DIGITS: Final = re.compile(r"[0-9a-f]{1,64}")
_BETWEEN: Final = re.compile(r"[._~-]+")


@attrs.frozen
class NotInRegistry(Refusal):
    """A registry has nothing of that name, version, tag or digest."""

    reference: str
    registry: str
    known: tuple[str, ...]

    @property
    def happened(self) -> str:
        return f"there is no {self.reference!r} in {self.registry};"

    @property
    def remedy(self) -> str:
        few = _DIGITS.fullmatch(self.reference) is not None and not is_digits(self.reference)
        digits = f"a digest is named by {bounds.FEWEST_DIGITS} digits or more; " if few else ""
        return f"{digits}there are: {', '.join(self.known) or 'none'}."


@attrs.frozen
class NoReference(Refusal):
    """A text cannot name an artifact."""

    text: str

    @property
    def happened(self) -> str:
        return f"{cut(ascii(self.text))} names no artifact."

    @property
    def remedy(self) -> str:
        return f"Write NAME@VERSION, NAME@TAG, NAME, or {bounds.FEWEST_DIGITS} digits or more of an address or digest."


@attrs.frozen
class AmbiguousReference(Refusal):
    """A name, or the first digits of a digest, stand for several artifacts."""

    reference: str
    found: tuple[str, ...]

    @property
    def happened(self) -> str:
        return f"{self.reference!r} stands for several: {', '.join(self.found)}."

    @property
    def remedy(self) -> str:
        return "Write NAME@VERSION, or more digits."


@attrs.frozen
class Entry:
    """An artifact in a registry; `at` is when it came, in milliseconds since 1970, `size` the bytes of its file."""

    address: str
    name: str
    version: str
    digest: str
    edition: str
    parent: str | None
    key: str
    size: int
    at: int

    @classmethod
    def read(cls, plain: Any) -> Entry | None:
        """The entry of some fields, if each is what it has to be: an index, or a server, may say anything."""
        try:
            made = cls(**plain)
        except TypeError:
            return None
        digests = (
            made.address,
            made.digest,
            made.edition,
            made.address if made.parent is None else made.parent,
        )
        right = (
            all(map(is_digest, digests)),
            is_name(made.name) and is_name(made.version),
            isinstance(made.key, str) and is_public(made.key),
            type(made.size) is int and made.size >= 0,
            is_time(made.at),
        )
        return made if all(right) else None

    @classmethod
    def of(cls, made: Artifact, size: int, at: int) -> Entry:
        """The entry of an artifact."""
        parts = (made.address, made.name, made.version, made.digest, made.edition, made.parent, made.key)
        return cls(*parts, size, at)

    def __str__(self) -> str:
        return f"{self.name}@{self.version} ({short(self.address)})"

    @property
    def wanted(self) -> Wanted:
        """What its bytes must hold."""
        return Wanted(self.address, self.name, self.version)

    def to_plain(self) -> dict[str, Any]:
        """For JSON: its address is called `artifact` there."""
        plain = attrs.asdict(self, filter=lambda field, _: field.name not in ("address", "edition"))
        return {"artifact": self.address, **plain}


def is_time(at: object) -> bool:
    """Whether something is a time in milliseconds since 1970."""
    return type(at) is int and 0 <= at <= LATEST


def is_reference(text: str) -> bool:
    """Whether a text can name an artifact, and is no path of a file.

    >>> [is_reference(each) for each in ("shop@2", "shop", "8599e15869be", "shop.py", "./shop", "shop.py:app")]
    [True, True, True, False, False, False]
    """
    name, at, label = text.partition("@")
    return is_name(name) and not name.endswith((".py", ".toml")) and (not at or is_name(label))


def is_digits(text: str) -> bool:
    """Whether a text can be the beginning of a digest."""
    return len(text) >= bounds.FEWEST_DIGITS and _DIGITS.fullmatch(text) is not None


def normal(name: str) -> str:
    """What a person takes a name for: of those that have one normal form, a registry has one.

    >>> normal("Shop.Till"), normal("shop-till")
    ('shop-till', 'shop-till')
    """
    return _BETWEEN.sub("-", name.lower())


def one(text: str, found: Iterable[Entry], known: Iterable[str], registry: str) -> Result[Entry, Refusal]:
    """The only one of those that a text stands for. Returns Failure(NotInRegistry | AmbiguousReference)."""
    by_address = {each.address: each for each in found}
    if text in by_address:
        return Success(by_address[text])
    match list(by_address.values()):
        case [entry]:
            return Success(entry)
        case []:
            return Failure(NotInRegistry(text, registry, tuple(known)))
        case several:
            return Failure(AmbiguousReference(text, tuple(map(str, several))))
