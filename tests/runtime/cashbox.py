"""Versions of a cash box. Only the second takes refunds: of callers, of a clerk, and of timers."""

from __future__ import annotations

from typing import Annotated

import attrs

from arrows.build import arr, emit
from arrows.notation import proc
from arrows.secret import Secret
from arrows.sending import After, Send
from runtime.application import Application


@attrs.frozen
class Add:
    n: int


@attrs.frozen
class Total:
    pass


@attrs.frozen
class Refund:
    """Gives back; 13 raises."""

    n: int
    card: Annotated[str, Secret] = "4711"


@attrs.frozen
class Later:
    """Give back after so many seconds."""

    n: int
    seconds: float


@attrs.frozen
class Pay:
    """Let the box give back."""

    n: int


def checked(n: int) -> int:
    if n == 13:
        raise ValueError("thirteen")
    return n


@proc
def box(msg: Add | Total, *, sum: int = 0) -> int:
    match msg:
        case Add(n):
            sum += n
            return sum
        case Total():
            return sum


@proc
def box_2(msg: Add | Total | Refund | Later, *, sum: int = 0) -> int:
    match msg:
        case Add(n):
            sum += n
            return sum
        case Total():
            return sum
        case Refund(n):
            sum -= checked(n)
            return sum
        case Later(n, seconds):
            emit(After(seconds, Refund(n)))
            return sum


@proc
def box_3(msg: Add | Total | Refund | Later, *, sum: int = 0) -> int:
    match msg:
        case Add(n):
            sum += n
            return sum
        case Total():
            return sum
        case Refund(n):
            sum -= n
            return sum
        case Later(n):
            return n


@proc
def clerk(msg: Pay | Total, *, paid: int = 0) -> int:
    match msg:
        case Pay(n):
            paid += n
            return paid
        case Total():
            return paid


@proc
def clerk_2(msg: Pay | Total, *, paid: int = 0) -> int:
    match msg:
        case Pay(n):
            paid += n
            emit(Send("box", Refund(n)))
            return paid
        case Total():
            return paid


def is_small(pair: tuple[Add | Total | Refund | Later, int]) -> bool:
    return pair[1] < 1000


v1 = Application("cash", version="1", machines={"box": box, "clerk": clerk})
v2 = Application("cash", version="2", machines={"box": box_2, "clerk": clerk_2})
v3 = Application("cash", version="3", machines={"box": box_3, "clerk": clerk_2})
v4 = attrs.evolve(v2, version="4")
watchful = attrs.evolve(v2, healthy={"box": arr(is_small)})
