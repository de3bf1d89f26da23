"""A counter: Incr adds to it, Read tells what it is."""

from attrs import frozen

from midflight import Application, proc


@frozen
class Incr:
    by: int = 1


@frozen
class Read:
    pass


@frozen
class Ok:
    pass


@frozen
class Total:
    count: int


@proc
def counter(msg: Incr | Read, *, count: int = 0) -> Ok | Total:
    match msg:
        case Incr(by):
            count += by
            return Ok()
        case Read():
            return Total(count)


app = Application("counter", version="1", machines={"counter": counter})
