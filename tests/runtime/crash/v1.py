"""What clients sent, for each of them: how many numbers, their sum, and the first; an audit hears of each, and every
fifth is rung for a little later.
"""

import attrs

from midflight import After, Application, Send, emit, keyed, proc


@attrs.frozen
class Add:
    client: str
    n: int


@attrs.frozen
class Ring:
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
    first: int


@attrs.frozen
class Note:
    client: str
    n: int


@attrs.frozen
class Noted:
    count: int
    total: int


@proc
def account(msg: Add | Ring | Look, *, sent: tuple[int, int] = (0, 0), first: int = 0, rang: int = 0) -> Told:
    count, total = sent
    match msg:
        case Add(who, n):
            sent = (count + 1, total + n)
            first = n if first == 0 else first
            emit(Send("audit", Note(who, n)))
            if n % 5 == 0:
                emit(After(0.2, Ring(who, n)))
            return Told(count + 1, total + n, rang, first)
        case Ring():
            rang = rang + 1
            return Told(count, total, rang, first)
        case Look():
            return Told(count, total, rang, first)


@proc
def audit(msg: Note | Look, *, seen: tuple[int, int] = (0, 0)) -> Noted:
    count, total = seen
    match msg:
        case Note(_, n):
            seen = (count + 1, total + n)
            return Noted(count + 1, total + n)
        case Look():
            return Noted(count, total)


@proc
def client(msg: Add | Ring | Look) -> str:
    return msg.client


@proc
def noted(msg: Note | Look) -> str:
    return msg.client


app = Application(
    "accounts",
    version="1",
    machines={"accounts": keyed(account, client, "clients"), "audit": keyed(audit, noted, "clients")},
)
