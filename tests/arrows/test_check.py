"""What can never fit is told when it is built: both arrows, both types, both lines. What may fit is built."""

from __future__ import annotations

import enum
import functools
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure

from arrows import (
    Arrow,
    BuildError,
    Effect,
    Either,
    Left,
    accumulate,
    arr,
    attempt,
    compose,
    constant,
    decode,
    delay,
    emit,
    encode,
    evaluate,
    fanin,
    get,
    hold,
    identity,
    keyed,
    left,
    loop,
    modes,
    named,
    perform,
    proc,
    put,
    run,
    state,
    switch,
)
from arrows.disjoint import disjoint
from arrows.fit import misfit
from arrows.flow import Flow
from arrows.limits import LARGE, LOOK
from arrows.origin import Origin
from arrows.pretty import label
from arrows.shape import shape_of, shape_of_value
from arrows.term import Primitive, Switch, node, sequence
from arrows.testing import machines, values
from arrows.testing import types as kinds
from arrows.told import UNKNOWN, shape


@attrs.frozen
class Incr:
    by: int


@attrs.frozen
class Read:
    pass


class Colour(enum.IntEnum):
    RED = 1


def double(n: int) -> int:
    return n * 2


def shout(text: str) -> str:
    return text + "!"


def swap(pair: tuple[int, str]) -> tuple[str, int]:
    return pair[1], pair[0]


def add(n: int, total: int) -> tuple[int, int]:
    return n + total, n + total


def lose(n: int, total: int) -> tuple[int, str]:
    return n, str(total)


def append(n: int, all_: str) -> str:
    return f"{all_}{n}"


def clamp(n: int, limit: int) -> int:
    return min(n, limit)


@attrs.frozen
class Ask(Effect[str]):
    question: str


ASK = perform(Ask)
DOUBLE = arr(double)
SHOUT = arr(shout)
SWAP = arr(swap)
LIMIT: int | None = None
NOTHING: Any = None
EMPTY: Any = ()


@proc
def counter(n: int, *, count: int = 0) -> int:
    count += n
    return count


D, S, W = f"double ({DOUBLE.origin})", f"shout ({SHOUT.origin})", f"swap ({SWAP.origin})"
COUNTER = f"@proc counter ({node(counter).origin})"

BETWEEN = "Put an arrow from {} to {} between them, or correct an annotation."
BOTH = "Both get the same input: convert it before one of them, or correct an annotation."
CELL = "Write a value of that type, or give the cell a wider one: its annotation, or `of=` in state."
CASE = "Name the class that this arrow takes, or another arrow for this class."
RETURN = "Return a value of that type, or correct the annotation."
INT_STR, STR_INT = BETWEEN.format("int", "str"), BETWEEN.format("str", "int")

X: Any = DOUBLE  # for a type checker these programs are wrong, as they are meant to be
Y: Any = SHOUT
Z: Any = ASK
LOSE: Any = lose
ASTRAY: Any = constant((1, 5))
SWAPPED: Any = SWAP
APPEND: Any = append

MISTAKES: dict[str, tuple[Callable[[], Any], str, str]] = {
    ">>": (lambda: X >> Y, f"{D} gives int, but {S} takes str", INT_STR),
    "compose": (lambda: compose(X, X, Y, X), f"{D} gives int, but {S} takes str", INT_STR),
    "past an identity": (lambda: X >> identity() >> Y, f"{D} gives int, but {S} takes str", INT_STR),
    "a constant": (lambda: constant(5) >> Y, f"constant(5) (HERE) gives int, but {S} takes str", INT_STR),
    "a class as a function": (lambda: arr(str) >> X, f"str (HERE) gives str, but {D} takes int", STR_INT),
    "&": (lambda: X & Y, f"{D} takes int, but {S} takes str", BOTH),
    "into &": (lambda: X >> (identity() & Y), f"{D} gives int, but {S} takes str", INT_STR),
    "a pair": (lambda: (X & X) >> SWAP, f"{D} gives int, but {W} takes str at [1]", INT_STR),
    "halves": (lambda: (X * Y) >> (Y * X), f"{D} gives int, but {S} takes str", INT_STR),
    "no pair": (
        lambda: X >> (X * Y),
        f"{D} gives int, but double * shout (HERE) takes tuple[int, str]",
        BETWEEN.format("int", "tuple[int, str]"),
    ),
    "a pair for one": (
        lambda: (X & X) >> X,
        f"double & double (HERE) gives tuple[int, int], but {D} takes int",
        BETWEEN.format("tuple[int, int]", "int"),
    ),
    "sides": (lambda: (X + Y) >> (X | X), f"{S} gives str, but {D} takes int", STR_INT),
    "no side": (
        lambda: X >> fanin(X, Y),
        f"{D} gives int, but switch on Left, Right (HERE) takes Left | Right",
        BETWEEN.format("int", "Left | Right"),
    ),
    "left": (lambda: constant(Left(1)) >> left(Y) >> (X | X), f"{S} gives str, but {D} takes int", STR_INT),
    "switch": (
        lambda: switch((int, Y), (tuple, SWAP)),
        f"switch on int, tuple (HERE) hands on int, but {S} takes str",
        CASE,
    ),
    "no case": (
        lambda: X >> switch((str, Y), (Incr, constant(1))),
        f"{D} gives int, but switch on str, Incr (HERE) takes str | Incr",
        BETWEEN.format("int", "str | Incr"),
    ),
    "out of a switch": (
        lambda: switch((int, X), (Incr, constant(1))) >> Y,
        f"{D} gives int, but {S} takes str",
        INT_STR,
    ),
    "out of any case": (
        lambda: switch((int, X), (Incr, constant(None))) >> Y,
        f"switch on int, Incr (HERE) gives int | None, but {S} takes str",
        BETWEEN.format("int | None", "str"),
    ),
    "loop: output": (
        lambda: loop(LOSE, 0, "n"),
        "lose (HERE) gives str at [1], but the cell 'n' (HERE) holds int",
        CELL,
    ),
    "loop: no pair": (
        lambda: loop(X, 0, "n"),
        f"identity & get('n') (HERE) gives tuple[Any, int], but {D} takes int",
        BETWEEN.format("tuple[Any, int]", "int"),
    ),
    "loop: first value": (
        lambda: loop(SWAPPED, 0, "n"),
        f"get('n') (HERE) gives int, but {W} takes str at [1]",
        INT_STR,
    ),
    "into a loop": (lambda: Y >> loop(add, 0, "n"), f"{S} gives str, but add (HERE) takes int as n", STR_INT),
    "out of a loop": (
        lambda: loop(add, 0, "n") >> Y,
        f"add (HERE) gives int at [0], but {S} takes str",
        INT_STR,
    ),
    "accumulate": (
        lambda: accumulate(APPEND, 0, "n"),
        "get('n') (HERE) gives int, but append (HERE) takes str as all_",
        INT_STR,
    ),
    "put": (
        lambda: state("n", 0, Y >> put("n")),
        f"{S} gives str, but the cell 'n' (HERE) holds int",
        CELL,
    ),
    "get": (
        lambda: state("n", 0, named("a", get("n")) >> Y),
        f"get('n') (HERE) gives int, but {S} takes str",
        INT_STR,
    ),
    "keyed": (lambda: keyed(X, Y, "k"), f"{S} takes str, but {D} takes int", BOTH),
    "modes: input": (
        lambda: modes((int, SWAPPED), (str, SWAPPED), init=0),
        f"switch on int, str (HERE) hands on int, but {W} takes str at [1]",
        CASE,
    ),
    "modes: output": (
        lambda: modes((Incr, constant((1, Read()))), (Read, ASTRAY), init=Read()),
        f"constant((1, 5)) ({ASTRAY.origin}) gives int at [1], "
        "but switch on Incr, Read (HERE) has the modes Incr | Read",
        "Give one of these, or add the class with an arrow of its own.",
    ),
    "attempt": (
        lambda: named("a", attempt(X)) >> Y,
        f"attempt (HERE) gives Success | Failure, but {S} takes str",
        BETWEEN.format("Success | Failure", "str"),
    ),
    "perform": (
        lambda: arr(Incr) >> Z,
        f"Incr (HERE) gives Incr, but {label(node(ASK))} ({ASK.origin}) takes Ask",
        BETWEEN.format("Incr", "Ask"),
    ),
    "an answer": (
        lambda: arr(Ask) >> Z >> X,
        f"{label(node(ASK))} ({ASK.origin}) gives str, but {D} takes int",
        STR_INT,
    ),
    "emit": (
        lambda: X >> emit(Ask),
        f"{D} gives int, but {label(node(emit(Ask)))} (HERE) takes Ask",
        BETWEEN.format("int", "Ask"),
    ),
    "into a @proc": (lambda: Y >> counter, f"{S} gives str, but {COUNTER} takes int", STR_INT),
    "out of a @proc": (lambda: counter >> Y, f"{COUNTER} gives int, but {S} takes str", INT_STR),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(name: str) -> None:
    build, what, remedy = MISTAKES[name]
    here = Origin(__file__, build.__code__.co_firstlineno)
    with pytest.raises(BuildError) as told:
        build()
    last = here.line + len(inspect.getsource(build).splitlines()) - 1
    assert told.value.where is not None
    assert here.line <= told.value.where.line <= last
    text = what.replace("HERE", str(told.value.where))
    assert str(told.value) == f"{told.value.where}: {text}\n{remedy}"


def wrong_call() -> object:
    @proc
    def bad(n: int) -> str:
        more = double(n)  # giver
        return shout(more)  # type: ignore[arg-type]  # here, taker

    return bad


def wrong_arrow() -> object:
    @proc
    def bad(text: str) -> int:  # giver
        return counter(text)  # type: ignore[arg-type]  # here

    return bad


def wrong_return() -> object:
    @proc
    def bad(n: int) -> str:  # taker
        if n > 3:
            return "large"
        return double(n)  # type: ignore[return-value]  # here, giver

    return bad


def wrong_cell() -> object:
    @proc
    def bad(n: int, *, seen: str = "") -> int:  # taker
        seen = double(n)  # type: ignore[assignment]  # noqa: F841 - a cell  # here, giver
        return n

    return bad


def wrong_field() -> object:
    @proc
    def bad(msg: Incr | Read) -> str:
        match msg:
            case Incr(by):
                return shout(by)  # type: ignore[arg-type]  # here, giver, taker
            case Read():
                return "nothing"

    return bad


PROCS: dict[Callable[[], object], tuple[str, str]] = {
    wrong_call: ("double (GIVER) gives int, but shout (TAKER) takes str", INT_STR),
    wrong_arrow: (f"@proc bad (GIVER) gives str, but {COUNTER} takes int", STR_INT),
    wrong_return: ("double (GIVER) gives int, but @proc bad (TAKER) returns str", RETURN),
    wrong_cell: ("double (GIVER) gives int, but the cell 'seen' (TAKER) holds str", CELL),
    wrong_field: ("field(by) (GIVER) gives int, but shout (TAKER) takes str", INT_STR),
}


@pytest.mark.parametrize("build", PROCS, ids=lambda build: build.__name__)
def test_a_mistake_in_a_function_is_told_at_its_line(build: Callable[[], object]) -> None:
    lines, first = inspect.getsourcelines(build)

    def marked(word: str) -> str:
        at = next((at for at, line in enumerate(lines) if word in line.rpartition("#")[2]), 0)
        decorated = lines[at].lstrip().startswith("def ")
        return str(Origin(__file__, first + at - decorated))

    with pytest.raises(BuildError) as told:
        build()
    what, remedy = PROCS[build]
    text = what.replace("GIVER", marked("giver")).replace("TAKER", marked("taker"))
    assert str(told.value) == f"{marked('here')}: {text}\n{remedy}"


def either_of(n: int) -> int | str:
    return n


def ratio(n: int) -> float:
    return n / 2


def whole(x: float) -> int:
    return int(x)


def items(n: int) -> list[int]:
    return [n]


def total(some: Sequence[int]) -> int:
    return sum(some)


def letters(some: Sequence[str]) -> int:
    return len(some)


def table(n: int) -> dict[str, int]:
    return {"n": n}


def look(some: Mapping[str, int]) -> int:
    return len(some)


def is_even(n: int) -> bool:
    return n % 2 == 0


def red(_: int) -> Colour:
    return Colour.RED


def maybe(n: int = None) -> int:  # type: ignore[assignment]  # noqa: RUF013 - it is met
    return 0 if n is None else n


def message(n: int) -> Incr | Read:
    return Incr(n)


def one(_: int) -> Literal["a"]:
    return "a"


def sided(n: int) -> Either[int, str]:
    return Left(n)


def names_nothing(n: Nowhere) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
    return n


async def later(n: int) -> int:
    return n


@functools.wraps(double)
def disguised(n: str) -> str:
    return n


class Called:
    n: int

    def __call__(self, n: str) -> str:
        return n


class Made:
    n: int

    def __init__(self, n: str) -> None:
        self.n = len(n)


@proc
def limited(n: int) -> int:
    if LIMIT is not None:
        return clamp(n, LIMIT)
    return n


@proc
def unsaid(n: int):  # type: ignore[no-untyped-def]
    return clamp(n, LIMIT) if LIMIT is not None else n


@proc
def told_apart(n: int | str | None) -> int:
    if n is None:
        return 0
    match n:
        case int():
            return double(n)
        case str():
            return len(shout(n))


FINE: dict[str, tuple[Callable[[], Arrow[Any, Any]], Any, Any]] = {
    "no annotation": (lambda: X >> arr(lambda n: n) >> X, 1, 4),
    "a union in part": (lambda: arr(either_of) >> X, 1, 2),
    "int where float is taken": (lambda: X >> arr(whole), 1, 2),
    "float where int may be": (lambda: arr(ratio) >> X, 2, 2.0),
    "bool where int is taken": (lambda: arr(is_even) >> X, 2, 2),
    "an enum of integers": (lambda: arr(red) >> X, 0, 2),
    "a list for a sequence": (lambda: arr(items) >> arr(total), 3, 3),
    "a text for a sequence": (lambda: Y >> arr(letters), "a", 2),
    "a dict for a mapping": (lambda: arr(table) >> arr(look), 3, 1),
    "an empty list": (lambda: constant([]) >> arr(total), 3, 0),
    "None as a default": (lambda: constant(NOTHING) >> arr(maybe), 3, 0),
    "one case of two": (lambda: arr(message) >> switch((Incr, constant("incr"))), 1, "incr"),
    "a literal": (lambda: arr(one) >> Y, 1, "a!"),
    "sides": (lambda: arr(sided) >> (X | Y), 1, 2),
    "a list for a pair": (lambda: arr(lambda n: [n, n]) >> (X * X), 1, (2, 2)),
    "a text for a pair": (lambda: constant("ab") >> (Y * Y), 1, ("a!", "b!")),
    "names nothing": (lambda: Y >> arr(names_nothing) >> Y, "a", "a!!"),
    "a disguise": (lambda: Y >> arr(disguised) >> Y, "a", "a!!"),
    "an object called": (lambda: Y >> arr(Called()) >> Y, "a", "a!!"),
    "a class with annotations": (lambda: Y >> arr(Made) >> arr(lambda made: made.n), "a", 2),
    "None at first": (lambda: state("n", None, (X >> put("n")) & get("n")), 1, (None, None)),
    "empty at first": (lambda: loop(lambda n, past: (past, (*past, n)), EMPTY, "n"), 1, ()),
    "a record at first": (lambda: state("n", Read(), constant(Incr(1)) >> put("n")), 1, None),
    "delay and hold": (lambda: delay(0) >> hold(0) >> X, 1, 0),
    "hold of nothing": (lambda: constant(NOTHING) >> hold(0) >> X, 1, 0),
    "None behind a test, not annotated": (lambda: unsaid >> identity() >> X, 1, 2),
    "None that is never given": (lambda: state("n", 0, told_apart >> X), "a", 4),
    "None behind a test": (lambda: limited, 1, 1),
    "told apart": (lambda: told_apart, "a", 2),
}


@pytest.mark.parametrize("name", FINE)
def test_what_may_fit_is_built_and_runs(name: str) -> None:
    build, taken, expected = FINE[name]
    machine = build()
    if name == "None at first":
        assert evaluate(machine, None, taken)[0] == (2,)
        return
    assert run(machine, [taken])[0] == expected


def test_what_comes_later_is_not_what_is_annotated() -> None:
    assert arr(later) >> SHOUT  # type: ignore[operator]


def test_a_boundary_is_found_past_few_nodes_only() -> None:
    far: Any = DOUBLE
    for _ in range(LOOK * 2):
        far = far >> identity()
    assert far >> SHOUT


def test_a_value_that_grows_without_end_is_not_followed() -> None:
    growing = compose(*[Primitive("copy")] * 200)
    assert state("n", 0, compose(growing, constant(1), growing, put("m"))) is not None
    assert switch((int, growing)) >> constant(0) >> DOUBLE
    assert constant(list(range(LARGE * 2))) >> Y


def test_a_received_machine_that_cannot_fit_is_malformed() -> None:
    text = Primitive("typed", (shape_of(str),))
    for wrong in (Switch(((int, text),)), sequence(Switch(((int, text), (str, text))), text)):
        found = decode(encode(wrong).unwrap())
        assert isinstance(found, Failure)
        assert "hands on int, but typed(str)" in found.failure().what


@given(st.data())
def test_what_is_known_of_a_random_machine_is_true(data: st.DataObject) -> None:
    a, b = data.draw(kinds()), data.draw(kinds())
    machine = data.draw(machines(a, b))
    bounded, unbounded = Flow(_fail, LOOK), Flow(_fail)
    known = [shape(bounded.given((node(machine),), 1)), shape(unbounded.through(node(machine), UNKNOWN))]
    try:
        output = evaluate(identity() >> machine >> identity(), None, data.draw(values(a)))[1]
    except (LookupError, OverflowError, ValueError, ZeroDivisionError):
        return
    for each in known:
        assert not disjoint(shape_of_value(output), each)


def _fail(wrong: object, taker: object) -> Any:
    raise AssertionError(f"{wrong} at {taker}")


def _alias(cls: type, *args: Any) -> Any:
    return types.GenericAlias(cls, args)


ANNOTATIONS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([int, str, float, bool, bytes, None, Incr, Read, Colour, Any]),
    lambda inner: st.one_of(
        inner.map(lambda each: _alias(list, each)),
        inner.map(lambda each: _alias(tuple, each, ...)),
        inner.map(lambda each: _alias(frozenset, each)),
        st.tuples(inner, inner).map(lambda two: _alias(tuple, *two)),
        st.tuples(inner, inner).map(lambda two: _alias(dict, *two)),
        st.tuples(inner, inner).map(lambda two: Union[two]),  # noqa: UP007 - a tuple of them
    ),
    max_leaves=4,
)
SIMPLE = st.sampled_from([0, True, 0.5, "", "a", b"", None, Incr(1), Read(), Colour.RED])
DATA: st.SearchStrategy[Any] = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2),
        st.tuples(inner),
        st.tuples(inner, inner),
        st.frozensets(SIMPLE, min_size=1, max_size=2),
        st.dictionaries(SIMPLE, inner, min_size=1, max_size=1),
    ),
    max_leaves=4,
)


@given(ANNOTATIONS, ANNOTATIONS, DATA)
def test_disjoint_shapes_have_no_value_in_common(one: Any, other: Any, value: Any) -> None:
    first, second = shape_of(one), shape_of(other)
    assert disjoint(first, second) == disjoint(second, first)
    assert not disjoint(first, first)
    if misfit(value, first) is None:
        assert not disjoint(first, shape_of_value(value))
        assert misfit(value, second) is not None or not disjoint(first, second)
