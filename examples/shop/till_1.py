"""The till takes the money, and tells the stock what goes and the books what came in."""

from words import Buy, Look, Paid, Take

from midflight import Application, Send, emit, proc


@proc
def till(msg: Buy | Look, *, cents: int = 0) -> int:
    match msg:
        case Buy(item, count, price):
            cents += count * price
            emit(Send("stock", Take(item, count)))
            emit(Send("books", Paid(count * price)))
            return cents
        case Look():
            return cents


app = Application("till", version="1", machines={"till": till})
