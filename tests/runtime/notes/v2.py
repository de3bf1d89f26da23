"""The counter of the notes, mended: a Reset at zero is as good as any."""

from attrs import frozen

from midflight import Application, proc


@frozen
class Increment:
    pass


@frozen
class Read:
    pass


@frozen
class Reset:
    pass


@frozen
class Ack:
    pass


@frozen
class Value:
    value: int


@proc
def counter(msg: Increment | Read | Reset, *, count: int = 0) -> Ack | Value:
    match msg:
        case Increment():
            count += 1
            return Ack()
        case Read():
            return Value(count)
        case Reset():
            count = 0
            return Ack()


app = Application("counter", version="2", machines={"counter": counter})
