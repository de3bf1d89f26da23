"""What clients sent, for each of them: how many numbers, their sum, and the first."""

import attrs

from midflight import Application, keyed, proc


@attrs.frozen
class Add:
    client: str
    n: int


@attrs.frozen
class Look:
    client: str


@attrs.frozen
class Told:
    count: int
    total: int
    first: int


@proc
def account(msg: Add | Look, *, sent: tuple[int, int] = (0, 0), first: int = 0) -> Told:
    count, total = sent
    match msg:
        case Add(_, n):
            count = count + 1
            total = total + n
            sent = (count, total)
            first = n if first == 0 else first
            return Told(count, total, first)
        case Look():
            return Told(count, total, first)


@proc
def client(msg: Add | Look) -> str:
    return msg.client


app = Application("accounts", version="1", machines={"accounts": keyed(account, client, "clients")})
