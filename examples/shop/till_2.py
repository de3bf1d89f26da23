"""The till that counts its sales too."""

from words import Buy, Look, Paid, Take

from midflight import Application, Migration, Send, emit, proc


@proc
def till(msg: Buy | Look, *, cents: tuple[int, int] = (0, 0)) -> int:
    match msg:
        case Buy(item, count, price):
            cents = (cents[0] + count * price, cents[1] + 1)
            emit(Send("stock", Take(item, count)))
            emit(Send("books", Paid(count * price)))
            return cents[0]
        case Look():
            return cents[0]


@proc
def with_sales(cents: int) -> tuple[int, int]:
    return (cents, 0)


@proc
def without(cents: tuple[int, int]) -> int:
    return cents[0]


to_2 = Migration("till", old="1", new="2", up={"cents": with_sales}, down={"cents": without})

app = Application("till", version="2", machines={"till": till}, migrations=[to_2])
