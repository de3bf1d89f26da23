"""The stock, which knows how much of everything went."""

from words import Look, Take

from midflight import Application, proc


@proc
def stock(msg: Take | Look, *, gone: int = 0) -> int:
    match msg:
        case Take(_, count):
            gone += count
            return gone
        case Look():
            return gone


app = Application("stock", version="1", machines={"stock": stock})
