"""Hypothesis strategies: random well-typed machines, and inputs for them, for tests of whatever reads machines.

A type is "int", "bool", "text", "msg" (one of two records), ("pair", a, b) or ("either", a, b).

>>> from hypothesis import given, settings
>>> from hypothesis import strategies as st
>>> from arrows import Program, compile
>>> @settings(max_examples=5, database=None)
... @given(machines("int", "text"), values("int"))
... def test_a_machine_is_compiled(machine: Machine, x: int) -> None:
...     assert isinstance(compile(machine), Program)
>>> test_a_machine_is_compiled()

Needs Hypothesis: install `midflight[test]`.
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
    """A message."""

    n: int


@attrs.frozen
class Pong:
    """A message with a field that may be left out."""

    n: int
    m: int = 3


def double(x: int) -> int:
    """A function that never raises."""
    return x * 2


def odd_only(x: int) -> int:
    """A function that raises on even numbers."""
    if x % 2 == 0:
        raise ValueError(f"{x} is even")
    return x - 1


def tally(x: int, total: int) -> tuple[int, int]:
    """The body of a loop that never raises."""
    return total + x, total * 2 + x


def kept_small(x: int, total: int) -> tuple[int, int]:
    """The body of a loop that raises where the total grows."""
    if total + x > 4:
        raise OverflowError(total)
    return total, total + x


LAMBDAS: tuple[Callable[[Any], Any], ...] = (
    lambda x: x + 1,
    lambda x: 3 - x * 2,
    lambda x: x if x > 0 else -x,
)
"""One-expression lambdas over integers, which the compiler writes out."""

_TYPES: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from(["int", "int", "int", "msg", "bool", "text"]),
    lambda inner: st.tuples(st.sampled_from(["pair", "either"]), inner, inner),
    max_leaves=3,
)

_INTS = st.integers(-3, 3)
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "int": _INTS,
    "bool": st.booleans(),
    "text": st.text("ab", max_size=2),
}


def types() -> st.SearchStrategy[Type]:
    """Types, mostly small."""
    return _TYPES


def values(kind: Type) -> st.SearchStrategy[Any]:
    """Values of a type."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    if kind == "msg":
        return st.one_of(st.builds(Ping, _INTS), st.builds(Pong, _INTS, _INTS))
    tag, one, other = kind
    if tag == "pair":
        return st.tuples(values(one), values(other))
    return st.one_of(values(one).map(Left), values(other).map(Right))


def _field(name: str) -> Machine:
    return Primitive("field", (name,))


def _construct(cls: type, *names: str) -> Machine:
    return Primitive("construct", (cls, names))


def _pick(*path: int) -> Machine:
    return Primitive("pick", (path,))


_RAISE = constant(("no",)) >> Primitive("raise", ("LookupError",))


@st.composite
def machines(
    draw: st.DrawFn,
    a: Type,
    b: Type,
    *,
    cells: Cells | None = None,
    depth: int = 4,
    functions: bool = True,
    raises: bool = True,
) -> Machine:
    """Machines from `a` to `b`; with `cells` (types by name) in scope, nested up to `depth`.

    Without `functions` they are data, without `raises` no step of them raises.
    """
    scope: Cells = cells or {}

    def sub(a: Type, b: Type, scope: Cells = scope) -> Machine:
        return draw(machines(a, b, cells=scope, depth=depth - 1, functions=functions, raises=raises))

    def kind() -> Type:
        return draw(st.one_of(st.just("int"), _TYPES))

    ways: list[Callable[[], Machine]] = list(_leaves(draw, a, b, scope, functions, raises))
    if depth > 0:
        ways += _nested(draw, a, b, scope, sub, kind)
        ways += [lambda: _RAISE] * raises
        ways += _plumbing(a, b, sub)
    return draw(st.sampled_from(ways))()


def _leaves(
    draw: st.DrawFn, a: Type, b: Type, scope: Cells, functions: bool, raises: bool
) -> list[Callable[[], Machine]]:
    ways: list[Callable[[], Machine]] = [lambda: constant(draw(values(b)))]
    if a == b:
        ways += [identity] * 2
    if a == b == "int":
        leaves = [double, *LAMBDAS, *[odd_only] * 2 * raises]
        loops = [tally, *[kept_small] * raises]
        ways += [lambda: Primitive(draw(st.sampled_from(["neg", "invert", "pos"])))]
        ways += [lambda: arr(draw(st.sampled_from(leaves)))] * 3 * functions
        ways += [lambda: loop(draw(st.sampled_from(loops)), 1, _name(draw))] * functions
    if a == b == "bool":
        ways += [lambda: Primitive("not")] * 2
    if a == ("pair", "int", "int") and b == "int":
        signs = ["add", "sub", "mul", *["floordiv"] * raises]
        ways += [lambda: Primitive(draw(st.sampled_from(signs)))] * 3
    if a == ("pair", "int", "int") and b == "bool":
        ways += [lambda: Primitive(draw(st.sampled_from(["lt", "le", "eq", "ne"])))] * 3
    if a == ("pair", "text", "text") and b == "text":
        ways += [lambda: Primitive("add")] * 3
    if (a, b) == ("text", "int"):
        ways += [lambda: arr(len)] * 2 * functions
    return ways + [partial(get, known) for known, held in scope.items() if held == b]


def _name(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["a", "b", "c"]))


def _nested(
    draw: st.DrawFn, a: Type, b: Type, scope: Cells, sub: Any, kind: Callable[[], Type]
) -> list[Callable[[], Machine]]:
    """What has one part or two that are chained."""

    def chain() -> Machine:
        between = kind()
        one: Machine = sub(a, between)
        other: Machine = sub(between, b)
        return one >> other

    def cell() -> Machine:
        called, held = _name(draw), kind()
        return state(called, draw(values(held)), sub(a, b, {**scope, called: held}))

    def write() -> Machine:
        called = draw(st.sampled_from(sorted(scope)))
        value: Machine = sub(a, scope[called])
        output: Machine = sub(a, b)
        return ((value >> put(called)) & output) >> _pick(1)

    def feedback() -> Machine:
        called, held = _name(draw), kind()
        body = sub(("pair", a, held), ("pair", b, held), {**scope, called: held})
        return loop(body, draw(values(held)), called)

    def by_key() -> Machine:
        by = draw(machines(a, "int", depth=1, functions=False, raises=False).filter(_stateless))
        return keyed(sub(a, b, {}), by, _name(draw))

    def attempted() -> Machine:
        answer = kind()
        fine = _field("_inner_value") >> sub(answer, b)
        return attempt(sub(a, answer)) >> switch((Success, fine), (Failure, constant(draw(values(b)))))

    ways = [chain, chain, chain, cell, cell, feedback, by_key, attempted]
    ways += [lambda: named(_name(draw), sub(a, b))]
    return ways + [write] * (3 if scope else 0)


def _stateless(machine: Machine) -> bool:
    text = repr(machine)
    return not any(word in text for word in ("State(", "Keyed(", "Get(", "Put("))


def _plumbing(a: Type, b: Type, sub: Any) -> list[Callable[[], Machine]]:
    """What the shapes of input and output allow."""
    ways: list[Callable[[], Machine]] = []
    if a == "msg":
        pong = (_field("n") & _field("m")) >> sub(("pair", "int", "int"), b)
        ways += [lambda: switch((Ping, _field("n") >> sub("int", b)), (Pong, pong))]
        ways += [lambda: switch((Pong, sub("msg", b)), (Ping, sub("msg", b)))]
    if b == "msg":
        ways += [lambda: (sub(a, "int") & sub(a, "int")) >> _construct(Pong, "m", "n")]
        ways += [lambda: sub(a, "int") >> Primitive("pack", (1,)) >> _construct(Ping, "n")]
    if a == "bool":
        test = Primitive("copy") >> Primitive("split")
        ways += [lambda: test >> (sub("bool", b) | sub("bool", b))] * 2
    if a[0] == "pair":
        ways += [lambda: _pick(0) >> sub(a[1], b), lambda: _pick(1) >> sub(a[2], b)]
    if a[0] == "either":
        ways += [lambda: sub(a[1], b) | sub(a[2], b)] * 2
    if b[0] == "pair":
        ways += [lambda: sub(a, b[1]) & sub(a, b[2])]
        ways += [lambda: sub(a[1], b[1]) * sub(a[2], b[2])] * 2 * (a[0] == "pair")
    if b[0] == "either":
        ways += [lambda: sub(a, b[1]) >> _construct(Left, "value")]
        ways += [lambda: sub(a, b[2]) >> _construct(Right, "value")]
        ways += [lambda: (sub(a, b[1]) & sub(a, "int")) >> Primitive("split")] * 2 * (b[1] == b[2])
        if a[0] == "either":
            ways += [lambda: sub(a[1], b[1]) + sub(a[2], b[2])] * 2
            ways += [lambda: left(sub(a[1], b[1]))] * (a[2] == b[2])
            ways += [lambda: right(sub(a[2], b[2]))] * (a[1] == b[1])
    return ways
