"""A book whose replies tell how often it was written in: a step that is made twice is answered otherwise."""

import attrs

from midflight import Application, proc


@attrs.frozen
class Add:
    n: int


@attrs.frozen
class Look:
    pass


@attrs.frozen
class Done:
    n: int
    at: int

    def next(self) -> int:
        return self.at + 1


@proc
def book(msg: Add | Look, *, seen: tuple[int, ...] = ()) -> Done | tuple[int, ...]:
    match msg:
        case Add(n):
            if n < 0:
                raise ValueError(n)
            seen = (*seen, n)
            return Done(n, len(seen))
        case Look():
            return seen


app = Application("named", version="1", machines={"book": book})
