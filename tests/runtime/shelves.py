"""A table of numbers for the tests of snapshots: a key that is set to 0 has no row any more."""

from __future__ import annotations

import attrs

from arrows.build import arr, keyed
from arrows.notation import proc
from runtime.application import Application


@attrs.frozen
class Set:
    key: int
    value: int


@attrs.frozen
class Look:
    key: int


@proc
def shelf(msg: Set | Look, *, number: int = 0) -> int:
    match msg:
        case Set(_, value):
            number = value
            return value
        case Look():
            return number


@proc
def other(msg: Set | Look, *, number: int = 0) -> int:
    match msg:
        case Look():
            return number
        case Set(_, value):
            number = value
            return value


def key(msg: Set | Look) -> int:
    return msg.key


v1 = Application("shelves", version="1", machines={"shelf": keyed(shelf, arr(key), "shelf")})
v2 = Application("shelves", version="2", machines={"shelf": keyed(other, arr(key), "shelf")})
