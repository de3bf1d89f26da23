"""`switch` and `modes` take the union of their classes and give the union of what their arrows give."""
# pyright: strict

from typing import Any, assert_type

import attrs
from returns.result import Failure, Success

from midflight import Arrow, arr, attempt, constant, first, get, identity, modes, proc, run, switch


@attrs.frozen
class Incr:
    by: int = 1


@attrs.frozen
class Read: ...


@attrs.frozen
class Ok: ...


@attrs.frozen
class Total:
    count: int


@proc
def incr(msg: Incr) -> Ok:
    return Ok()


@proc
def read(msg: Read) -> Total:
    return Total(0)


@proc
def both(msg: Incr | Read) -> str:
    return "both"


whole = switch((Incr, incr), (Read, read))
assert_type(whole, Arrow[Incr | Read, Ok | Total])
assert_type(run(whole, [Incr(), Read()]), list[Ok | Total])
assert_type(switch((Incr, incr)), Arrow[Incr, Ok])
assert_type(switch((Incr, both), (Read, both)), Arrow[Incr | Read, str])
assert_type(switch((Incr, incr), (Read, arr(str))), Arrow[Incr | Read, Ok | str])


def no(x: object) -> None: ...


n = arr(no)
i, r = incr, read
eight = switch((Incr, i), (Read, r), (Ok, n), (Total, n), (int, n), (str, n), (bytes, n), (float, n))
assert_type(eight, Arrow[Incr | Read | Ok | Total | int | str | bytes | float, Ok | Total | None])
nine = switch(
    (Incr, i), (Read, r), (Ok, n), (Total, n), (int, n), (str, n), (bytes, n), (float, n), (range, n)
)
assert_type(nine, Arrow[Any, Any])
any_number: Arrow[Incr, Ok] = switch(*[(Incr, incr)])

loose: Arrow[int | str, Any] = switch((int, identity()), (str, get("cell") >> arr(len)))
loose = switch((int, constant("number")), (str, identity() & identity()))
answer = attempt(arr(len)) >> switch((Success, constant("fine")), (Failure, arr(repr)))
assert_type(run(answer, ["a"]), list[str])


@attrs.frozen
class Locked:
    coins: int


@attrs.frozen
class Open: ...


@proc
def locked(at: tuple[str, Locked]) -> tuple[bool, Locked | Open]:
    return False, Open()


@proc
def opened(at: tuple[str, Open]) -> tuple[str, Locked]:
    return "through", Locked(1)


assert_type(modes((Locked, locked), (Open, opened), init=Locked(2)), Arrow[str, bool | str])
assert_type(modes((Locked, locked), (Open, first(arr(str.upper))), init=Open()), Arrow[str, bool | str])
