"""Random well-typed machines over integers, pairs, sides and two messages, and inputs for them.

A type is "int", "msg", ("pair", a, b) or ("either", a, b).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import attrs
from hypothesis import strategies as st
from returns.result import Failure, Success

from arrows import (
    Arrow,
    Left,
    Right,
    arr,
    attempt,
    constant,
    get,
    identity,
    keyed,
    left,
    loop,
    named,
    put,
    right,
    state,
    switch,
)
from arrows.term import Primitive

Type: TypeAlias = Any
Machine: TypeAlias = Arrow[Any, Any]
Cells: TypeAlias = dict[str, Type]


@attrs.frozen
class Ping:
    n: int


@attrs.frozen
class Pong:
    n: int
    m: int = 3


def double(x: int) -> int:
    return x * 2


def odd_only(x: int) -> int:
    if x % 2 == 0:
        raise ValueError(f"{x} is even")
    return x - 1


def tally(x: int, total: int) -> tuple[int, int]:
    return total + x, total * 2 + x


def kept_small(x: int, total: int) -> tuple[int, int]:
    if total + x > 4:
        raise OverflowError(total)
    return total, total + x


TYPES: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from(["int", "int", "msg"]),
    lambda inner: st.tuples(st.sampled_from(["pair", "either"]), inner, inner),
    max_leaves=3,
)

_INTS = st.integers(-3, 3)


def values(kind: Type) -> st.SearchStrategy[Any]:
    """Values of a type."""
    if kind == "int":
        return _INTS
    if kind == "msg":
        return st.one_of(st.builds(Ping, _INTS), st.builds(Pong, _INTS, _INTS))
    tag, one, other = kind
    if tag == "pair":
        return st.tuples(values(one), values(other))
    return st.one_of(values(one).map(Left), values(other).map(Right))


def field(name: str) -> Machine:
    return Primitive("field", (name,))


def construct(cls: type, *names: str) -> Machine:
    return Primitive("construct", (cls, names))


def pick(*path: int) -> Machine:
    return Primitive("pick", (path,))


RAISE = constant(("no",)) >> Primitive("raise", ("LookupError",))


@st.composite
def machines(
    draw: st.DrawFn, a: Type, b: Type, cells: Cells | None = None, depth: int = 4, functions: bool = True
) -> Machine:
    """Machines from `a` to `b`, of data only or also of functions; `cells` are in scope."""
    scope: Cells = cells or {}

    def sub(a: Type, b: Type, scope: Cells = scope) -> Machine:
        return draw(machines(a, b, scope, depth - 1, functions))

    def kind() -> Type:
        return draw(st.one_of(st.just("int"), TYPES))

    ways: list[Callable[[], Machine]] = list(_leaves(draw, a, b, scope, functions))
    if depth > 0:
        ways += _nested(draw, a, b, scope, sub, kind, functions)
        ways += _plumbing(a, b, sub)
    return draw(st.sampled_from(ways))()


def _leaves(draw: st.DrawFn, a: Type, b: Type, scope: Cells, functions: bool) -> list[Callable[[], Machine]]:
    ways: list[Callable[[], Machine]] = [lambda: constant(draw(values(b)))]
    if a == b:
        ways += [identity] * 2
    if a == b == "int":
        ways += [lambda: Primitive(draw(st.sampled_from(["neg", "invert", "pos"])))]
        ways += [lambda: arr(draw(st.sampled_from([double, odd_only])))] * 2 * functions
        ways += [lambda: loop(draw(st.sampled_from([tally, kept_small])), 1, name(draw))] * functions
    if a == ("pair", "int", "int") and b == "int":
        ways += [lambda: Primitive(draw(st.sampled_from(["add", "sub", "mul", "floordiv", "lt", "eq"])))] * 3
    return ways + [partial(get, known) for known, held in scope.items() if held == b]


def name(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["a", "b", "c"]))


def _nested(
    draw: st.DrawFn, a: Type, b: Type, scope: Cells, sub: Any, kind: Callable[[], Type], functions: bool
) -> list[Callable[[], Machine]]:
    """What has one part or two that are chained."""

    def chain() -> Machine:
        between = kind()
        one: Machine = sub(a, between)
        other: Machine = sub(between, b)
        return one >> other

    def cell() -> Machine:
        called, held = name(draw), kind()
        return state(called, draw(values(held)), sub(a, b, {**scope, called: held}))

    def write() -> Machine:
        called = draw(st.sampled_from(sorted(scope)))
        value: Machine = sub(a, scope[called])
        output: Machine = sub(a, b)
        return ((value >> put(called)) & output) >> pick(1)

    def feedback() -> Machine:
        called, held = name(draw), kind()
        body = sub(("pair", a, held), ("pair", b, held), {**scope, called: held})
        return loop(body, draw(values(held)), called)

    def by_key() -> Machine:
        by = draw(machines(a, "int", depth=1, functions=False).filter(_stateless))
        return keyed(sub(a, b, {}), by, name(draw))

    def attempted() -> Machine:
        answer = kind()
        fine = field("_inner_value") >> sub(answer, b)
        return attempt(sub(a, answer)) >> switch((Success, fine), (Failure, constant(draw(values(b)))))

    ways = [chain, chain, chain, cell, cell, feedback, by_key, attempted, lambda: RAISE]
    ways += [lambda: named(name(draw), sub(a, b))]
    return ways + [write] * (3 if scope else 0)


def _stateless(machine: Machine) -> bool:
    text = repr(machine)
    return not any(word in text for word in ("State(", "Keyed(", "Get(", "Put("))


def _plumbing(a: Type, b: Type, sub: Any) -> list[Callable[[], Machine]]:
    """What the shapes of input and output allow."""
    ways: list[Callable[[], Machine]] = []
    if a == "msg":
        pong = (field("n") & field("m")) >> sub(("pair", "int", "int"), b)
        ways += [lambda: switch((Ping, field("n") >> sub("int", b)), (Pong, pong))]
        ways += [lambda: switch((Pong, sub("msg", b)), (Ping, sub("msg", b)))]
    if b == "msg":
        ways += [lambda: (sub(a, "int") & sub(a, "int")) >> construct(Pong, "m", "n")]
        ways += [lambda: sub(a, "int") >> Primitive("pack", (1,)) >> construct(Ping, "n")]
    if a[0] == "pair":
        ways += [lambda: pick(0) >> sub(a[1], b), lambda: pick(1) >> sub(a[2], b)]
    if a[0] == "either":
        ways += [lambda: sub(a[1], b) | sub(a[2], b)] * 2
    if b[0] == "pair":
        ways += [lambda: sub(a, b[1]) & sub(a, b[2])]
        ways += [lambda: sub(a[1], b[1]) * sub(a[2], b[2])] * 2 * (a[0] == "pair")
    if b[0] == "either":
        ways += [lambda: sub(a, b[1]) >> construct(Left, "value")]
        ways += [lambda: sub(a, b[2]) >> construct(Right, "value")]
        ways += [lambda: (sub(a, b[1]) & sub(a, "int")) >> Primitive("split")] * 2 * (b[1] == b[2])
        if a[0] == "either":
            ways += [lambda: sub(a[1], b[1]) + sub(a[2], b[2])] * 2
            ways += [lambda: left(sub(a[1], b[1]))] * (a[2] == b[2])
            ways += [lambda: right(sub(a[2], b[2]))] * (a[1] == b[1])
    return ways
