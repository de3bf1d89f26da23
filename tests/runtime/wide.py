"""A book with many rows, in versions that lead them in different ways."""

from __future__ import annotations

import attrs

from arrows.build import keyed
from arrows.notation import proc
from migrations.migration import DROP, Migration
from runtime.application import Application


@attrs.frozen
class Put:
    key: int
    n: int


@attrs.frozen
class Get:
    key: int


@proc
def key(msg: Put | Get) -> int:
    return msg.key


@proc
def row(msg: Put | Get, *, n: int = 0, note: str = "") -> int:
    match msg:
        case Put(n=given):
            n = n + given
            note = "noted"  # noqa: F841 - a cell
            return n
        case Get():
            return n


def pair(n: int) -> tuple[int, int]:
    return n, n


def second(n: tuple[int, int]) -> int:
    return n[1]


def picky(n: int) -> tuple[int, int]:
    if n == 777:
        raise ValueError("no such row")
    return n, n


def stubborn(n: int) -> tuple[int, int]:
    while n == 777:
        pass
    return n, n


@proc
def up(n: int) -> tuple[int, int]:
    return pair(n)


@proc
def down(n: tuple[int, int]) -> int:
    return second(n)


@proc
def picky_up(n: int) -> tuple[int, int]:
    return picky(n)


@proc
def stubborn_up(n: int) -> tuple[int, int]:
    return stubborn(n)


@proc
def row_2(msg: Put | Get, *, n: tuple[int, int] = (0, 0)) -> int:
    match msg:
        case Put(n=given):
            n = (n[0], n[1] + given)
            return n[1]
        case Get():
            return n[1]


WAYS = {"rows/note": DROP}
v1 = Application("book", version="1", machines={"rows": keyed(row, by=key, name="rows")})
v2 = Application(
    "book",
    version="2",
    machines={"rows": keyed(row_2, by=key, name="rows")},
    migrations=[Migration("rows", old="1", new="2", up={"rows/n": up, **WAYS}, down={"rows/n": down})],
)
PICKY = Application(
    "book",
    version="2",
    machines={"rows": keyed(row_2, by=key, name="rows")},
    migrations=[Migration("rows", old="1", new="2", up={"rows/n": picky_up, **WAYS}, down={"rows/n": down})],
)
STUBBORN = Application(
    "book",
    version="2",
    machines={"rows": keyed(row_2, by=key, name="rows")},
    migrations=[
        Migration("rows", old="1", new="2", up={"rows/n": stubborn_up, **WAYS}, down={"rows/n": down})
    ],
)
