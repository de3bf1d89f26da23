"""A market: a till that sells now or later and tells a ledger, which has a row for each item."""

import attrs

from midflight import After, Application, Cancel, Publish, Send, arr, emit, keyed, proc


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
    n: int


@attrs.frozen
class Look:
    item: str


def checked(n: int) -> int:
    if n < 0:
        raise ValueError("negative")
    return n


@proc
def till(
    msg: Sell | Hold | Free | Held | Total, *, sold: int = 0, last: str = "", seen: tuple[str, ...] = ()
) -> int:
    match msg:
        case Sell(item, n):
            sold += checked(n)
            last = item  # noqa: F841 - a cell
            emit(Publish("sold", n))
            emit(Send("ledger", Entry(item, n)))
        case Hold(item, n, seconds):
            emit(After(seconds, Held(item, n), name=item))
        case Free(item):
            emit(Cancel(item))
        case Held(item, n):
            sold += n
            seen = (*seen, item)
            emit(Send("ledger", Entry(item, n)))
        case Total():
            pass
    return sold


@proc
def row(msg: Entry | Look, *, n: int = 0, times: int = 0) -> int:
    match msg:
        case Entry(_, by):
            n += by
            times += 1
            return n
        case Look():
            return n


def item(msg: Entry | Look) -> str:
    return msg.item


app = Application(
    "market", version="1", machines={"till": till, "ledger": keyed(row, by=arr(item), name="rows")}
)
