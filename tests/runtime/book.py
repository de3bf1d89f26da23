"""Applications that the tests of durable nodes run: a ledger that remembers every number it was given."""

from __future__ import annotations

import attrs

from arrows.build import arr, constant, keyed
from arrows.notation import proc
from migrations.migration import Migration
from runtime.application import Application


@attrs.frozen
class Add:
    n: int


@attrs.frozen
class All:
    pass


@proc
def ledger(msg: Add | All, *, seen: tuple[int, ...] = ()) -> tuple[int, ...]:
    match msg:
        case Add(n):
            if n < 0:
                raise ValueError("negative")
            seen = (*seen, n)
            return (n,)
        case All():
            return seen


@proc
def backwards(msg: Add | All, *, seen: tuple[int, ...] = ()) -> tuple[int, ...]:
    match msg:
        case Add(n):
            seen = (n, *seen)
            return (n,)
        case All():
            return seen


def turn(seen: tuple[int, ...]) -> tuple[int, ...]:
    return seen[::-1]


@proc
def turned(seen: tuple[int, ...]) -> tuple[int, ...]:
    return turn(seen)


v1 = Application("book", version="1", machines={"ledger": ledger, "rows": keyed(ledger, constant(1), "rows")})
v2 = Application(
    "book",
    version="2",
    machines={"ledger": backwards, "rows": keyed(ledger, constant(1), "rows")},
    migrations=[Migration("ledger", old="1", new="2", up={"seen": turned}, down={"seen": turned})],
)


def key(msg: Add | All) -> int:
    return msg.n % 7 if isinstance(msg, Add) else 0


by_key = Application("a", version="1", machines={"by": keyed(ledger, arr(key), "by")})
