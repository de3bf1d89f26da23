"""Three applications that run together: a desk takes orders and tells the ledger, and an audit counts on its own."""

from __future__ import annotations

from typing import Any

import attrs

from arrows.build import emit
from arrows.notation import proc
from arrows.sending import Send
from arrows.term import Arrow
from migrations.migration import Migration
from runtime.application import Application
from runtime.release import Release


@attrs.frozen
class Order:
    n: int


@attrs.frozen
class Booked:
    n: int


@attrs.frozen
class Look:
    pass


@attrs.frozen
class Refund:
    n: int


@attrs.frozen
class Note:
    n: int


# The first versions: each counts in a number.


@proc
def desk(msg: Order | Look, *, orders: int = 0) -> int:
    match msg:
        case Order(n):
            orders += n
            emit(Send("ledger", Booked(n)))
            return orders
        case Look():
            return orders


@proc
def ledger(msg: Booked | Look, *, booked: int = 0) -> int:
    match msg:
        case Booked(n):
            booked += n
            return booked
        case Look():
            return booked


@proc
def audit(msg: Note | Look, *, noted: int = 0) -> int:
    match msg:
        case Note(n):
            noted += n
            return noted
        case Look():
            return noted


# The second ones: each has a pair, of which the second counts what came since.


@proc
def desk_2(msg: Order | Look, *, orders: tuple[int, int] = (0, 0)) -> int:
    match msg:
        case Order(n):
            if n == 13:
                raise KeyError("thirteen")
            orders = (orders[0] + n, orders[1] + 1)
            emit(Send("ledger", Booked(n)))
            return orders[0]
        case Look():
            return orders[0]


@proc
def ledger_2(msg: Booked | Look | Refund, *, booked: tuple[int, int] = (0, 0)) -> int:
    match msg:
        case Booked(n):
            if n == 17:
                raise KeyError("seventeen")
            booked = (booked[0] + n, booked[1] + 1)
            return booked[0]
        case Refund(n):
            booked = (booked[0] - n, booked[1] + 1)
            return booked[0]
        case Look():
            return booked[0]


@proc
def audit_2(msg: Note | Look, *, noted: tuple[int, int] = (0, 0)) -> int:
    match msg:
        case Note(n):
            noted = (noted[0] + n, noted[1] + 1)
            return noted[0]
        case Look():
            return noted[0]


@proc
def guests(msg: Note | Look, *, came: int = 0) -> int:
    match msg:
        case Note(n):
            came += n
            return came
        case Look():
            return came


def pair(count: int) -> tuple[int, int]:
    return count, 0


def refuses_at_99(count: int) -> tuple[int, int]:
    if count == 99:
        raise LookupError("ninety-nine cannot be led")
    return count, 0


def first(count: tuple[int, int]) -> int:
    return count[0]


def no_way(count: tuple[int, int]) -> int:
    raise LookupError("the way down is broken")


@proc
def upward(count: int) -> tuple[int, int]:
    return pair(count)


@proc
def refusing(count: int) -> tuple[int, int]:
    return refuses_at_99(count)


@proc
def downward(count: tuple[int, int]) -> int:
    return first(count)


@proc
def broken(count: tuple[int, int]) -> int:
    return no_way(count)


def second(
    name: str, machine: Arrow[Any, Any], cell: str, up: Arrow[Any, Any], down: Arrow[Any, Any]
) -> Application:
    way = Migration(name, old="1", new="2", up={cell: up}, down={cell: down})
    return Application(name, version="2", machines={name: machine}, migrations=[way])


DESK = Application("desk", version="1", machines={"desk": desk})
LEDGER = Application("ledger", version="1", machines={"ledger": ledger})
AUDIT = Application("audit", version="1", machines={"audit": audit})
DESK_2 = second("desk", desk_2, "orders", upward, downward)
LEDGER_2 = second("ledger", ledger_2, "booked", upward, downward)
AUDIT_2 = second("audit", audit_2, "noted", refusing, downward)
AUDIT_STUCK = second("audit", audit_2, "noted", upward, broken)
GUESTS = Application("guests", version="1", machines={"guests": guests})

ONE = Release("market", version="1", applications=[DESK, LEDGER, AUDIT])
TWO = Release("market", version="2", applications=[DESK_2, LEDGER_2, AUDIT_2])
STUCK = Release("market", version="2", applications=[DESK_2, LEDGER_2, AUDIT_STUCK])
PART = Release("market", version="2", applications=[DESK, LEDGER_2, AUDIT])
"""Only the ledger is another version."""
WIDER = Release("market", version="2", applications=[DESK_2, LEDGER_2, AUDIT_2, GUESTS])
"""One more begins to run."""
NARROWER = Release("market", version="2", applications=[DESK_2, LEDGER_2], gone=["audit"])
"""One rests."""
