"""Versions of a shop, of which the second ones go wrong in different ways."""

from __future__ import annotations

from typing import Any

import attrs

from arrows.build import arr, emit
from arrows.notation import proc
from arrows.sending import Publish
from arrows.term import Arrow
from migrations.migration import Migration
from runtime.application import Application


@attrs.frozen
class Sell:
    n: int


@attrs.frozen
class Sold:
    pass


@attrs.frozen
class Refund:
    n: int


@proc
def till(msg: Sell | Sold, *, sold: int = 0) -> int:
    match msg:
        case Sell(n):
            if n < 0:
                raise ValueError("negative")
            sold += n
            return sold
        case Sold():
            return sold


def pair(sold: int) -> tuple[int, str]:
    return sold, ""


def first(sold: tuple[int, str]) -> int:
    return sold[0]


@proc
def upward(sold: int) -> tuple[int, str]:
    return pair(sold)


@proc
def downward(sold: tuple[int, str]) -> int:
    return first(sold)


def second(machine: Arrow[Any, Any], **more: Any) -> Application:
    """Version 2 of the shop, whose state is a pair."""
    way = Migration("till", old="1", new="2", up={"sold": upward}, down={"sold": downward})
    return Application("shop", version="2", machines={"till": machine}, migrations=[way], **more)


@proc
def breaks_at_ten(msg: Sell | Sold, *, sold: tuple[int, str] = (0, "")) -> int:
    match msg:
        case Sell(n):
            if n < 0:
                raise ValueError("negative")
            if sold[0] >= 10:
                raise KeyError("ten")
            sold = (sold[0] + n, sold[1])
            return sold[0]
        case Sold():
            return sold[0]


@proc
def fine(msg: Sell | Sold | Refund, *, sold: tuple[int, str] = (0, "")) -> int:
    match msg:
        case Sell(n):
            if n < 0:
                raise ValueError("negative")
            sold = (sold[0] + n, sold[1])
            return sold[0]
        case Refund(n):
            if n > 1000:
                raise KeyError("too much")
            sold = (sold[0] - n, sold[1])
            return sold[0]
        case Sold():
            return sold[0]


def is_small(pair: tuple[Sell | Sold, int]) -> bool:
    return pair[1] < 5


def raises(pair: tuple[Sell | Sold, int]) -> bool:
    raise ZeroDivisionError(str(pair))


def odd() -> Any:
    return object()


@proc
def replies_with_an_object(msg: Sell | Sold, *, sold: tuple[int, str] = (0, "")) -> Any:
    match msg:
        case Sell(n):
            sold = (sold[0] + n, sold[1])
            return odd()
        case Sold():
            return sold[0]


def for_ever() -> int:
    while True:
        pass


@proc
def never_ends(msg: Sell | Sold, *, sold: tuple[int, str] = (0, "")) -> int:
    sold = (for_ever(), "")
    return sold[0]


def eat() -> int:
    held = []
    while True:
        held.append(bytes(1 << 24))


@proc
def hungry(msg: Sell | Sold, *, sold: tuple[int, str] = (0, "")) -> int:
    sold = (eat(), "")
    return sold[0]


@proc
def doubles(msg: Sell | Sold, *, sold: tuple[int, str] = (0, "")) -> int:
    match msg:
        case Sell(n):
            sold = (sold[0] + n, sold[1])
            return 2 * sold[0]
        case Sold():
            return 2 * sold[0]


@proc
def forgets(msg: Sell | Sold, *, sold: tuple[int, str] = (0, "")) -> int:
    match msg:
        case Sell(n):
            told = sold[0] + n
            if n < 5:
                sold = (told, sold[1])
            return told
        case Sold():
            return sold[0]


@proc
def tells(msg: Sell | Sold, *, sold: tuple[int, str] = (0, "")) -> int:
    match msg:
        case Sell(n):
            sold = (sold[0] + n, sold[1])
            emit(Publish("sold", n))
            return sold[0]
        case Sold():
            return sold[0]


def no_way_down(sold: tuple[int, str]) -> int:
    raise LookupError("the way down is broken")


@proc
def broken_way(sold: tuple[int, str]) -> int:
    return no_way_down(sold)


v1 = Application("shop", version="1", machines={"till": till})
BREAKS = second(breaks_at_ten)
FINE = second(fine)
STUCK = Application(
    "shop",
    version="2",
    machines={"till": breaks_at_ten},
    migrations=[Migration("till", old="1", new="2", up={"sold": upward}, down={"sold": broken_way})],
)
ODD = second(replies_with_an_object)
ENDLESS = second(never_ends)
WELL = second(fine, healthy={"till": arr(is_small)})
UNWELL = second(fine, healthy={"till": arr(raises)})
HUNGRY = second(hungry)
DOUBLES = second(doubles)
FORGETS = second(forgets)
TELLS = second(tells)
