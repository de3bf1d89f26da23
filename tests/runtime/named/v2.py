"""The book, whose replies are of another class."""

import attrs

from midflight import Application, proc


@attrs.frozen
class Add:
    n: float


@attrs.frozen
class Look:
    pass


@attrs.frozen
class Written:
    number: float
    text: str


def told(at: int) -> str:
    return f"written as number {at}"


@proc
def book(msg: Add | Look, *, seen: tuple[int, ...] = ()) -> Written | tuple[int, ...]:
    match msg:
        case Add(n):
            if n < 0:
                raise ValueError(n)
            seen = (*seen, int(n))
            return Written(n, told(len(seen)))
        case Look():
            return seen


app = Application("named", version="2", machines={"book": book})
