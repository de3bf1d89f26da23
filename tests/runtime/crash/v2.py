"""The same, with the sum before the count; nobody asks for the first number any more."""

import attrs

from midflight import Application, Migration, keyed, lens, proc


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


@proc
def account(msg: Add | Look, *, sent: tuple[int, int, str] = (0, 0, "")) -> Told:
    total, count, _ = sent
    match msg:
        case Add(who, n):
            sent = (total + n, count + 1, who)
            return Told(count + 1, total + n)
        case Look():
            return Told(count, total)


@proc
def client(msg: Add | Look) -> str:
    return msg.client


@proc
def turned(sent: tuple[int, int]) -> tuple[int, int, str]:
    return (sent[1], sent[0], "")


@proc
def back(sent: tuple[int, int, str]) -> tuple[int, int]:
    return (sent[1], sent[0])


app = Application(
    "accounts",
    version="2",
    machines={"accounts": keyed(account, client, "clients")},
    migrations=[
        Migration(
            "accounts",
            old="1",
            new="2",
            lenses=[lens.drop("clients/first")],
            up={"clients/sent": turned},
            down={"clients/sent": back},
        )
    ],
)
