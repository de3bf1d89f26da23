"""What the artifact of a release says: its applications, each the artifact at an address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from arrows.canonical import dump
from runtime.application import is_digest, is_name
from runtime.grammar import OLDEST

_PYTHON: Final = ".".join(map(str, OLDEST))
_EMPTY: Final[dict[str, Any]] = {
    **{word: {} for word in ("distributions", "shapes", "sources")},
    **{word: [] for word in ("machines", "healthy", "codecs", "migrations")},
    **dict.fromkeys(("parent", "main", "variable")),
    "inbox": 0,
}


@attrs.frozen
class Part:
    """An application of a release, and the artifact that it is."""

    name: str
    version: str
    address: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def release_content(
    name: str, version: str, digest: str, parts: Iterable[Part], gone: Iterable[str] = ()
) -> bytes:
    """The content of the artifact of a release of that digest."""
    told = {
        **_EMPTY,
        "format": 1,
        "name": name,
        "version": version,
        "digest": digest,
        "edition": digest,
        "python": _PYTHON,
        "release": {"applications": [list(attrs.astuple(each)) for each in parts], "gone": list(gone)},
    }
    return dump(told)


def release_problem(told: dict[str, Any]) -> str:
    """What is wrong with what the content of an artifact says of a release; empty for nothing."""
    wrong, held = "its release is not as midflight writes it", told["release"]
    if not isinstance(held, dict) or held.keys() != {"applications", "gone"}:
        return wrong
    parts, gone = held["applications"], held["gone"]
    if not isinstance(parts, list) or not isinstance(gone, list) or not parts:
        return wrong
    if not all(isinstance(each, list) and len(each) == 3 for each in parts):
        return wrong
    names = [*(name for each in parts for name in each[:2]), *gone]
    if not all(map(is_name, names)) or len({each[0] for each in parts}) < len(parts):
        return wrong
    if not all(is_digest(each[2]) for each in parts):
        return wrong
    if told["digest"] != told["edition"] or told["python"] != _PYTHON:
        return wrong
    return wrong if any(told[word] != empty for word, empty in _EMPTY.items()) else ""
