"""Keys of a `Keyed`, compared by canonical bytes, and whether a row is worth storing."""

from __future__ import annotations

from typing import Any

import attrs
from immutables import Map

from arrows.canonical import NotData, canonical

_AS_THEMSELVES = (int, str)
"""Types whose equality and hash already tell what their canonical bytes tell."""


@attrs.frozen(slots=True)
class Key:
    """A key that Python's equality would confuse with others (1 == 1.0 == True)."""

    value: Any = attrs.field(eq=False)
    bytes: bytes


def key_of(value: Any) -> Any:
    """Return what stands for a key in a table; `value_of` gives the key back.

    Raises NotData for a key that is not plain data.
    """
    return value if type(value) in _AS_THEMSELVES else Key(value, canonical(value))


def value_of(key: Any) -> Any:
    """Return the key that `key_of` was given."""
    return key.value if type(key) is Key else key


def is_initial(row: tuple[Any, ...], first: tuple[Any, ...]) -> bool:
    """Whether a row holds just what a row that was never written holds."""
    return row is first or all(map(_same, row, first))


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other) or one != other:
        return False
    if type(one) in _AS_THEMSELVES or (type(one) is Map and not one):
        return True
    try:
        return canonical(one) == canonical(other)
    except NotData:
        return False


def keep(rows: Map[Any, Any], key: Any, row: tuple[Any, ...], first: tuple[Any, ...]) -> Map[Any, Any]:
    """Return the rows with this one stored, or left out where it holds what `first` holds."""
    if not is_initial(row, first):
        return rows.set(key, row)
    return rows.delete(key) if key in rows else rows
