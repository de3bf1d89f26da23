"""One class for each content: an unchanged message class is the same object in both versions."""

from __future__ import annotations

import enum
import weakref
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from arrows import members, record
from arrows.content import class_digest
from arrows.origin import BuildError

T = TypeVar("T")

NONE: Final[Mapping[str, type]] = MappingProxyType({})

_KNOWN: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()
_DIGESTS: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


def intern(cls: T, preferred: Mapping[str, type] = NONE) -> T:
    """Return the class of the same content: a preferred one, a known one, or this one, which is then known.

    Only frozen records and enums are interned: they are data, and nothing can tell two of equal content
    apart. Any other class, one with members that can be changed in place, or one whose content cannot be
    identified, comes back as it is.
    """
    if not isinstance(cls, type) or not (issubclass(cls, enum.Enum) or record.is_frozen_record(cls)):
        return cls
    digest = _digest(cls)
    if digest is None:
        return cls
    return known(digest, preferred) or _KNOWN.setdefault(digest, cls)  # type: ignore[return-value]


def uninterned(cls: type) -> None:
    """Forget what a class is: it was altered, or is to be used no more."""
    digest = _DIGESTS.pop(cls, None)
    if digest is not None and _KNOWN.get(digest) is cls:
        del _KNOWN[digest]


def by_content(classes: Iterable[type]) -> Mapping[str, type]:
    """Classes by what identifies them; those that cannot be identified are left out."""
    return {digest: cls for cls in classes if (digest := _digest(cls)) is not None}


def known(digest: str, preferred: Mapping[str, type] = NONE) -> type | None:
    """The class of a content: a preferred one, or one that an arrow or a loaded version uses."""
    if digest in preferred:
        return preferred[digest]
    found = _KNOWN.get(digest)
    if found is None:
        for cls in list(record.USED):
            if (other := _digest(cls)) is not None:
                _KNOWN.setdefault(other, cls)
        found = _KNOWN.get(digest)
    return found


def _digest(cls: type) -> str | None:
    if cls not in _DIGESTS:
        if any(isinstance(value, bytearray | dict | list | set) for _, value in members.written(cls)):
            return None
        try:
            _DIGESTS[cls] = class_digest(cls)
        except BuildError:
            return None
    return _DIGESTS[cls]
