"""The books, which are the same in both releases."""

from words import Look, Paid

from midflight import Application, proc


@proc
def books(msg: Paid | Look, *, income: int = 0) -> int:
    match msg:
        case Paid(cents):
            income += cents
            return income
        case Look():
            return income


app = Application("books", version="1", machines={"books": books})
