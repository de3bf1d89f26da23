"""What the random functions of the notation tests speak of."""

from __future__ import annotations

import enum

import attrs


@attrs.frozen
class Incr:
    by: int


@attrs.frozen
class Pair:
    x: int
    y: int = 7
    z: int = attrs.field(default=2, kw_only=True)


@attrs.frozen
class Nest:
    inner: Pair | Incr
    n: int


class Color(enum.Enum):
    RED = 1
    BLUE = 2


LIMIT = 3
LOW = -2


def plus(a: int, b: int, *, c: int = 0) -> int:
    return a + b * 2 - c


def picky(a: int) -> int:
    if a > 6:
        raise OverflowError(a)
    return a - 1


def add_up(x: int, total: int) -> tuple[int, int]:
    if total + x > 40:
        raise OverflowError(total)
    return total + x, total + x
