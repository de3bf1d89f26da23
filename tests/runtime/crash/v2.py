"""The same, with the sum before the count; nobody asks for the first number any more. Some of what it tells is new."""

import attrs

from midflight import After, Application, Migration, Send, arr, emit, keyed, lens, proc


@attrs.frozen
class Add:
    client: str
    n: int


@attrs.frozen
class Gift:
    client: str
    n: int


@attrs.frozen
class Ring:
    client: str
    n: int


@attrs.frozen
class Chime:
    client: str
    n: int


@attrs.frozen
class Look:
    client: str


@attrs.frozen
class Told:
    count: int
    total: int
    rang: int


@attrs.frozen
class Note:
    client: str
    n: int


@attrs.frozen
class Fresh:
    client: str
    n: int


@attrs.frozen
class Noted:
    count: int
    total: int


def fine(n: int) -> int:
    return n


def shown(told: Told) -> Told:
    return told


def well(pair: tuple[Add | Gift | Ring | Chime | Look, Told]) -> bool:
    return True


def row(total: int) -> int:
    return total


@proc
def account(
    msg: Add | Gift | Ring | Chime | Look, *, sent: tuple[int, int, str] = (0, 0, ""), rang: int = 0
) -> Told:
    total, count, _ = sent
    match msg:
        case Add() | Gift():
            n = fine(msg.n)
            who = msg.client
            sent = (total + n, count + 1, who)
            if n % 7 == 0:
                emit(Send("audit", Fresh(who, n)))
            else:
                emit(Send("audit", Note(who, n)))
            if n % 5 == 0:
                emit(After(0.2, Chime(who, n)))
            return shown(Told(count + 1, total + n, rang))
        case Ring() | Chime():
            rang = rang + 1
            return Told(count, total, rang)
        case Look():
            return Told(count, total, rang)


@proc
def audit(msg: Note | Fresh | Look, *, seen: tuple[int, int] = (0, 0)) -> Noted:
    total, count = seen
    match msg:
        case Note() | Fresh():
            seen = (total + msg.n, count + 1)
            return Noted(count + 1, total + msg.n)
        case Look():
            return Noted(count, total)


@proc
def client(msg: Add | Gift | Ring | Chime | Look) -> str:
    return msg.client


@proc
def noted(msg: Note | Fresh | Look) -> str:
    return msg.client


@proc
def turned(sent: tuple[int, int]) -> tuple[int, int, str]:
    return (row(sent[1]), sent[0], "")


@proc
def back(sent: tuple[int, int, str]) -> tuple[int, int]:
    return (sent[1], sent[0])


@proc
def other(seen: tuple[int, int]) -> tuple[int, int]:
    return (seen[1], seen[0])


app = Application(
    "accounts",
    version="2",
    machines={"accounts": keyed(account, client, "clients"), "audit": keyed(audit, noted, "clients")},
    healthy={"accounts": arr(well)},
    migrations=[
        Migration(
            "accounts",
            old="1",
            new="2",
            lenses=[lens.drop("clients/first")],
            up={"clients/sent": turned},
            down={"clients/sent": back},
        ),
        Migration("audit", old="1", new="2", up={"clients/seen": other}, down={"clients/seen": other}),
    ],
)
