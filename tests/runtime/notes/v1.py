"""The counter of the notes, with their deliberate bug: a Reset at zero crashes."""

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
            if count == 0:
                raise ValueError("a reset at zero")
            count = 0
            return Ack()


app = Application("counter", version="1", machines={"counter": counter})
