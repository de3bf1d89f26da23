"""One class for each content: an unchanged message class is the same object in both versions."""

from __future__ import annotations

import enum
import weakref
from typing import TypeVar

from arrows import record
from arrows.content import class_digest
from arrows.origin import BuildError

T = TypeVar("T")

_KNOWN: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()
_DIGESTS: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


def intern(cls: T) -> T:
    """Return the known class of the same content, or remember this one and return it.

    Only frozen records and enums are interned: they are data, and nothing can tell two of equal content
    apart. Any other class, or one whose content cannot be identified, comes back as it is.
    """
    if not isinstance(cls, type) or not (issubclass(cls, enum.Enum) or record.is_frozen_record(cls)):
        return cls
    digest = _digest(cls)
    return cls if digest is None else _in_use(digest) or _KNOWN.setdefault(digest, cls)  # type: ignore[return-value]


def known(digest: str) -> type | None:
    """The class of a content, if an arrow or a loaded version uses one."""
    return _in_use(digest)


def _in_use(digest: str) -> type | None:
    for cls in list(record.USED):
        found = _digest(cls) if cls not in _DIGESTS else None
        if found is not None:
            _KNOWN.setdefault(found, cls)
    return _KNOWN.get(digest)


def _digest(cls: type) -> str | None:
    if cls not in _DIGESTS:
        try:
            _DIGESTS[cls] = class_digest(cls)
        except BuildError:
            return None
    return _DIGESTS[cls]
