"""A machine that publishes what it is told: an application to run in a process of its own."""

from __future__ import annotations

import attrs

from midflight import Application, Publish, emit, proc


@attrs.frozen
class Ring:
    text: str


@attrs.frozen
class Rung:
    text: str
    times: int


@proc
def bell(msg: Ring, *, times: int = 0) -> int:
    times += 1
    emit(Publish("rings", Rung(msg.text, times)))
    return times


app = Application("bell", version="1", machines={"bell": bell})
