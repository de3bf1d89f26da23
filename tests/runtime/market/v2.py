"""The market once more: the till counts what it sold since, an entry says `amount`, and a row is a pair."""

import attrs

from midflight import (
    DROP,
    After,
    Application,
    Cancel,
    Migration,
    Publish,
    Send,
    arr,
    emit,
    keyed,
    lens,
    proc,
)


@attrs.frozen
class Sell:
    item: str
    n: int


@attrs.frozen
class Hold:
    """Sell after so many seconds."""

    item: str
    n: int
    seconds: float


@attrs.frozen
class Free:
    """Do not sell what is held."""

    item: str


@attrs.frozen
class Held:
    """What the till tells itself."""

    item: str
    n: int


@attrs.frozen
class Total:
    pass


@attrs.frozen
class Entry:
    item: str
    amount: int


@attrs.frozen
class Look:
    item: str


def checked(n: int) -> int:
    if n < 0:
        raise ValueError("negative")
    return n


@proc
def till(
    msg: Sell | Hold | Free | Held | Total,
    *,
    sold: tuple[int, int] = (0, 0),
    last: str = "",
    seen: tuple[str, ...] = (),
) -> int:
    match msg:
        case Sell(item, n):
            sold = (sold[0] + checked(n), sold[1] + 1)
            last = item  # noqa: F841 - a cell
            emit(Publish("sold", n))
            emit(Send("ledger", Entry(item, n)))
        case Hold(item, n, seconds):
            emit(After(seconds, Held(item, n), name=item))
        case Free(item):
            emit(Cancel(item))
        case Held(item, n):
            sold = (sold[0] + n, sold[1] + 1)
            seen = (*seen, item)
            emit(Send("ledger", Entry(item, n)))
        case Total():
            pass
    return sold[0]


@proc
def row(msg: Entry | Look, *, n: tuple[int, str] = (0, "")) -> int:
    match msg:
        case Entry(_, by):
            n = (n[0] + by, n[1])
            return n[0]
        case Look():
            return n[0]


def item(msg: Entry | Look) -> str:
    return msg.item


@proc
def sold_up(sold: int) -> tuple[int, int]:
    return (sold, 0)


@proc
def sold_down(sold: tuple[int, int]) -> int:
    return sold[0]


@proc
def row_up(n: int) -> tuple[int, str]:
    return (n, "")


@proc
def row_down(n: tuple[int, str]) -> int:
    return n[0]


app = Application(
    "market",
    version="2",
    machines={"till": till, "ledger": keyed(row, by=arr(item), name="rows")},
    migrations=[
        Migration("till", old="1", new="2", up={"sold": sold_up}, down={"sold": sold_down}),
        Migration(
            "ledger",
            old="1",
            new="2",
            up={"rows/n": row_up, "rows/times": DROP},
            down={"rows/n": row_down},
            inputs=[lens.inside("Entry", lens.rename("n", "amount"))],
        ),
    ],
)
