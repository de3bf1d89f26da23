"""An application whose state holds every kind of value, in cells, rows and rows of rows."""

from __future__ import annotations

import enum
from typing import Any

import attrs

from arrows.build import arr, keyed, loop, named
from arrows.notation import proc
from arrows.term import Arrow
from runtime.application import Application


class Side(enum.Enum):
    BUY = 1
    SELL = 2


@attrs.frozen
class Order:
    side: Side
    price: float
    tags: frozenset[str] = frozenset()
    note: bytes | None = None


@attrs.frozen
class Put:
    key: str | int | tuple[int, str]
    order: Order | None
    any: Any = None


@proc
def shelf(
    msg: Put, *, last: Order | None = None, count: int = 0, any: Any = None, all: tuple[Order, ...] = ()
) -> int:
    last = msg.order
    any = msg.any
    count += 1
    return len((last, any, all)) + count


def key(msg: Put) -> str | int | tuple[int, str]:
    return msg.key


def inner(msg: Put) -> int:
    return 0 if msg.order is None else 1


nested = keyed(keyed(named("deep", shelf), arr(inner), "inner"), arr(key), "outer")
total: Arrow[float, float] = loop(lambda by, total: (total + by, total + by), init=0.0, name="total")
shop = Application("shop", version="1", machines={"shelf": shelf, "nested": nested, "total": total})
