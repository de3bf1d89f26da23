"""Tags: names that move from one artifact to another, each a statement that somebody signed.

A tag is a file: `{"name": "shop", "tag": "stable", "address": ADDRESS or null, "at": MILLISECONDS}`, sealed as an
artifact is. A statement replaces an earlier one alone, so that nobody can play an old one again; a tag that was removed
is one with no address, and stays.
"""

from __future__ import annotations

import json
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows.canonical import dump
from migrations.refusal import Refusal
from runtime.application import is_digest, is_name
from runtime.entry import is_time
from runtime.keys import Key, is_public
from runtime.seal import NotSealed, sealed, unsealed
from runtime.trust import Trust

KIND: Final = "tag"


@attrs.frozen
class OlderTag(Refusal):
    """What is said of a tag is older than what is known of it."""

    name: str
    tag: str

    @property
    def happened(self) -> str:
        return f"what is said of {self.name}@{self.tag} is not newer than what the registry knows of it."

    @property
    def remedy(self) -> str:
        return "Look at the clock, and tag it again."


@attrs.frozen
class Tag:
    """A tag of an application, and where it leads; None where it was removed."""

    name: str
    tag: str
    address: str | None
    at: int
    key: str = ""

    @classmethod
    def read(cls, plain: Any) -> Tag | None:
        """The tag of some fields, if each is what it has to be."""
        try:
            made = cls(**plain)
        except TypeError:
            return None
        right = (
            is_name(made.name) and is_name(made.tag),
            made.address is None or is_digest(made.address),
            is_time(made.at),
            isinstance(made.key, str) and is_public(made.key),
        )
        return made if all(right) else None

    def __str__(self) -> str:
        return f"{self.name}@{self.tag}"

    def sealed(self, key: Key) -> bytes:
        """The statement, signed."""
        told = attrs.asdict(self, filter=lambda field, _: field.name != "key")
        return sealed(KIND, dump(told), key)

    def to_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "tag": self.tag,
            "artifact": self.address,
            "at": self.at,
            "key": self.key,
        }


def tag(data: bytes, place: str, trust: Trust | None = None) -> Result[Tag, Refusal]:
    """The tag in some bytes. Returns Failure as `unsealed`."""
    found = unsealed(data, KIND, place, trust)
    if isinstance(found, Failure):
        return Failure(found.failure())
    try:
        told = json.loads(found.unwrap().content)
    except (ValueError, RecursionError):
        told = None
    made = Tag.read({**told, "key": found.unwrap().key}) if isinstance(told, dict) else None
    return Failure(NotSealed(place, "it is no statement of a tag")) if made is None else Success(made)
