"""The stock that knows what went last, too."""

from words import Look, Take

from midflight import DROP, Application, Migration, proc


@proc
def stock(msg: Take | Look, *, gone: int = 0, last: str = "") -> int:
    match msg:
        case Take(item, count):
            gone += count
            last = item if count else last
            return gone
        case Look():
            return gone


to_2 = Migration("stock", old="1", new="2", down={"last": DROP})

app = Application("stock", version="2", machines={"stock": stock}, migrations=[to_2])
