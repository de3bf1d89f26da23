"""The counter whose state is a pair: where it stood when this version took over, and where it stands now."""

from attrs import frozen

from midflight import Application, Migration, proc


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
def counter(msg: Incr | Read, *, count: tuple[int, int] = (0, 0)) -> Ok | Total:
    match msg:
        case Incr(by):
            count = (count[0], count[1] + by)
            return Ok()
        case Read():
            return Total(count[1])


@proc
def pair(count: int) -> tuple[int, int]:
    return (count, count)


@proc
def second(count: tuple[int, int]) -> int:
    return count[1]


to_2 = Migration("counter", old="1", new="2", up={"count": pair}, down={"count": second})

app = Application("counter", version="2", machines={"counter": counter}, migrations=[to_2])
