"""Versions of a shop that make a rehearsal hard: what differs is far behind or secret, or the process is misused."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Annotated, Any

import attrs

from arrows.build import emit
from arrows.notation import proc
from arrows.secret import Secret
from arrows.sending import Publish
from runtime.application import Application


@attrs.frozen
class Sell:
    n: int


@attrs.frozen
class Card:
    number: Annotated[str, Secret]


def version(number: str, machine: Any) -> Application:
    return Application("shop", version=number, machines={"till": machine})


@proc
def plain(msg: Sell, *, sold: int = 0) -> int:
    sold += msg.n
    return sold


def long(n: int) -> tuple[int, ...]:
    return (*range(1000), n)


@proc
def long_reply(msg: Sell, *, sold: int = 0) -> tuple[int, ...]:
    return long(msg.n)


@proc
def longer_reply(msg: Sell, *, sold: int = 0) -> tuple[int, ...]:
    return long(msg.n + 1)


@proc
def long_event(msg: Sell, *, sold: int = 0) -> int:
    emit(Publish("sold", long(msg.n)))
    return sold


@proc
def longer_event(msg: Sell, *, sold: int = 0) -> int:
    emit(Publish("sold", long(msg.n + 1)))
    return sold


@proc
def one_card(msg: Sell, *, sold: int = 0) -> Card:
    return Card("1111")


@proc
def another_card(msg: Sell, *, sold: int = 0) -> Card:
    return Card("2222")


def leave() -> int:
    sys.exit(3)


@proc
def exits(msg: Sell, *, sold: int = 0) -> int:
    sold += leave()
    return sold


def begin() -> int:
    print("x" * 100_000, flush=True)
    subprocess.Popen(["sleep", "120"])
    subprocess.Popen(["sleep", "20"], start_new_session=True)
    return 0


@proc
def begins(msg: Sell, *, sold: int = 0) -> int:
    sold += msg.n + begin()
    return sold


def backtrack() -> int:
    return 1 if re.match(r"(a+)+$", "a" * 45 + "b") else 0


@proc
def keeps_the_lock(msg: Sell, *, sold: int = 0) -> int:
    sold += backtrack()
    return sold


def wait(n: int) -> int:
    while n == 3:
        pass
    return n


@proc
def endless_at_three(msg: Sell, *, sold: int = 0) -> int:
    sold += wait(msg.n)
    return sold


@proc
def mended(msg: Sell, *, sold: int = 0) -> int:
    if msg.n == 3:
        return sold
    sold += msg.n
    return sold


@proc
def differs(msg: Sell, *, sold: int = 0) -> int:
    sold += msg.n
    return sold + 1


PLAIN = version("1", plain)
LONG_REPLY, LONGER_REPLY = version("1", long_reply), version("2", longer_reply)
LONG_EVENT, LONGER_EVENT = version("1", long_event), version("2", longer_event)
ONE_CARD, ANOTHER_CARD = version("1", one_card), version("2", another_card)
ENDLESS_AT_THREE, MENDED = version("1", endless_at_three), version("2", mended)
EXITS = version("2", exits)
BEGINS = version("2", begins)
KEEPS_THE_LOCK = version("2", keeps_the_lock)
DIFFERS = version("2", differs)
