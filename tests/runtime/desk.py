"""Machines that tell: a clerk who forwards, an audit that keeps, a desk with reminders."""

from __future__ import annotations

import attrs

from arrows.build import emit, identity
from arrows.notation import proc
from arrows.sending import After, Cancel, Publish, Send
from runtime.application import Application


@attrs.frozen
class Note:
    """Something to keep, from a clerk."""

    sender: str
    n: int


@attrs.frozen
class Kept:
    """Ask for what was kept."""


@attrs.frozen
class Do:
    """Forward a number; a negative one raises behind it."""

    n: int


@attrs.frozen
class To:
    """Forward a number to a machine of that name."""

    name: str
    n: int


@attrs.frozen
class Pass:
    """Forward a text, which no audit takes."""

    text: str


@attrs.frozen
class Remind:
    """Ring after so many seconds."""

    what: str
    seconds: float


@attrs.frozen
class Named:
    """Ring after so many seconds, under a name."""

    name: str
    what: str
    seconds: float


@attrs.frozen
class Drop:
    """Do not ring."""

    name: str


@attrs.frozen
class Rung:
    """What the desk tells itself."""

    what: str


@attrs.frozen
class Rings:
    """Ask what rang."""


def checked(n: int) -> int:
    if n < 0:
        raise ValueError("a negative number")
    return n


@proc
def audit(msg: Note | Kept, *, notes: tuple[tuple[str, int], ...] = ()) -> tuple[tuple[str, int], ...]:
    match msg:
        case Note(sender, n):
            notes = (*notes, (sender, n))
            return ()
        case Kept():
            return notes


@proc
def anna(msg: Do | To | Pass, *, count: int = 0) -> int:
    count += 1
    match msg:
        case Do(n):
            emit(Send("audit", Note("anna", n)))
            emit(Publish("done", n))
            checked(n)
        case To(name, n):
            emit(Send(name, Note("anna", n)))
        case Pass(text):
            emit(Send("audit", text))
    return count


@proc
def bert(msg: Do, *, count: int = 0) -> int:
    emit(Send("audit", Note("bert", msg.n)))
    count += 1
    emit(Send("audit", Note("bert", -msg.n)))
    return count


@proc
def desk(msg: Remind | Named | Drop | Rung | Rings, *, rang: tuple[str, ...] = ()) -> tuple[str, ...]:
    match msg:
        case Remind(what, seconds):
            emit(After(seconds, Rung(what)))
        case Named(name, what, seconds):
            emit(After(seconds, Rung(what), name=name))
        case Drop(name):
            emit(Cancel(name))
        case Rung(what):
            rang = (*rang, what)
            emit(Publish("rang", what))
        case Rings():
            pass
    return rang


@proc
def desk_2(msg: Remind | Named | Drop | Rung | Rings, *, rang: tuple[str, ...] = ()) -> tuple[str, ...]:
    match msg:
        case Remind(what, seconds):
            emit(After(seconds, Rung(what)))
        case Named(name, what, seconds):
            emit(After(seconds, Rung(what), name=name))
        case Drop(name):
            emit(Cancel(name))
        case Rung(what):
            rang = (*rang, "second " + what)
        case Rings():
            pass
    return rang


@attrs.frozen
class Tick:
    """What a clock tells itself."""


@proc
def clock(msg: Tick | Rings, *, ticks: int = 0) -> int:
    match msg:
        case Tick():
            ticks += 1
            emit(After(10.0, Tick(), name="tick"))
        case Rings():
            pass
    return ticks


office = Application("office", version="1", machines={"anna": anna, "bert": bert})
archive = Application("archive", version="1", machines={"audit": audit})
reception = Application("reception", version="1", machines={"desk": desk, "clock": clock})
reception_2 = Application("reception", version="2", machines={"desk": desk_2, "clock": clock})


@proc
def refusing(msg: Note | Kept, *, taken: int = 0) -> int:
    taken += 1
    checked(-1)
    return taken


archive_2 = Application("archive", version="2", machines={"audit": audit >> identity()})
deaf = Application("archive", version="1", machines={"audit": refusing})
