"""What becomes of values and of machines: the cases of essence-of-live-coding, told in our words and with our answers.

Source: the library essence-of-live-coding (Manuel Bärenz; github.com/turion/essence-of-live-coding), the tests under
essence-of-live-coding/test: Main, Migrate, Migrate.NoMigration, Cell.Util, Feedback, Handle, Handle.LiveProgram, Monad
and Monad.Trans; and the rules of src/LiveCoding/Migrate. It matches what it can by type and begins anew, silently,
where it cannot. We match by address, let structure decide where nothing is lost or made up, and refuse otherwise: the
column `theirs` says what it does where the answers differ.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import GenericAlias
from typing import Any, Final, TypeAlias

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from arrows import (
    Arrow,
    Left,
    Right,
    accumulate,
    arr,
    attempt,
    changes,
    compile,
    constant,
    delay,
    first,
    get,
    identity,
    keyed,
    loop,
    named,
    state,
    switch,
)
from arrows.cells import Values
from arrows.compile import Program
from arrows.shape import shape_of
from arrows.testing import machines
from arrows.testing import values as values_of
from migrations import DROP, Migration, plan
from migrations.infer import infer


@attrs.frozen
class Refused:
    """The answer is no, and says this."""

    because: str


@attrs.frozen
class Kept:
    """The value stays what it is."""


KEPT: Final = Kept()
SAME: Final = "the same"
RESETS: Final = "begins anew"

# Values


def record(name: str, /, **fields: Any) -> Any:
    """A class of this name; a field is a type, or a type and a default."""
    spec = {
        each: attrs.field(type=kind[0], default=kind[1])
        if isinstance(kind, tuple)
        else attrs.field(type=kind)
        for each, kind in fields.items()
    }
    return attrs.make_class(name, spec, frozen=True)


def listed(cls: Any) -> Any:
    return GenericAlias(list, (cls,))


def paired(one: Any, other: Any) -> Any:
    return GenericAlias(tuple, (one, other))


def by_key(cls: Any) -> Any:
    return GenericAlias(dict, (str, cls))


FOO_1, FOO_2 = record("Foo", n=int, flag=bool), record("Foo", n=int)
FOO_DEFAULT = record("Foo", n=int, flag=(bool, False))
FOOO = record("Fooo", n=int)
BAR_1, BAR_2 = record("Bar", a=int, d=int, c=bool), record("Bar", b=int, a=int, c=str)
BAR_MORE = record("Bar", c=bool, a=int, d=int, b=(int, 0))
BAAR_1, BAAR_2, BAAR_MORE = (
    record("Baar", b=bool, a=int),
    record("Baar", a=int),
    record("Baar", a=int, b=bool),
)
BAZ_1, BAZ_2 = record("Baz", foo=FOO_2, bar=BAR_1), record("Baz", bar=BAR_2, foo=FOO_2)
BAZ_MORE = record("Baz", bar=BAR_MORE, foo=FOO_DEFAULT)
FROB_INT, FROB_FLOAT = record("Frob", n=int), record("Frob", n=float)
SAME_1, SAME_2 = record("Same", n=int, text=str), record("Same", n=int, text=str)
OTHER_NAME = record("Unlike", n=int, text=str)
DEBUG = record("Debugging", debug=int, state=int)
STATE_T = record("State", outer=int, inner=int)
STUFF = record("Stuff", n=int)

ValueRow: TypeAlias = tuple[str, str, Any, Any, Any, Any]

VALUES: list[ValueRow] = [
    # case, theirs, old type, new type, value, ours
    ("one builtin type", SAME, int, int, 5, KEPT),
    ("another builtin type", RESETS, int, bool, 5, Refused("nothing leads from int to bool")),
    ("a narrow and a wide int", RESETS, int, int, 2**70, KEPT),
    ("one class", SAME, SAME_1, SAME_1, SAME_1(1, "a"), KEPT),
    ("the class of another version", SAME, SAME_1, SAME_2, SAME_1(1, "a"), SAME_2(1, "a")),
    (
        "equal fields in a class of another name",
        RESETS,
        SAME_1,
        OTHER_NAME,
        SAME_1(1, "a"),
        OTHER_NAME(1, "a"),
    ),
    (
        "one more field",
        "has it as in the new program's first value",
        FOO_2,
        FOO_1,
        FOO_2(2),
        Refused("the new field 'flag' of Foo has no default (give it a value as default)"),
    ),
    ("one more field, with a default", SAME, FOO_2, FOO_DEFAULT, FOO_2(2), FOO_DEFAULT(2, False)),
    (
        "one field fewer",
        "forgets it",
        FOO_1,
        FOO_2,
        FOO_1(1, False),
        Refused("the field 'flag' of Foo would be lost"),
    ),
    (
        "fields by name: one kept, one gone, one new, one of another type",
        "takes the one, and has the others as in the new program's first value",
        BAR_1,
        BAR_2,
        BAR_1(23, 5, True),
        Refused("the field 'd' of Bar would be lost"),
    ),
    ("fields by name, in another order", SAME, BAR_1, BAR_MORE, BAR_1(23, 5, True), BAR_MORE(True, 23, 5, 0)),
    (
        "records in a record",
        "the same inside",
        BAZ_1,
        BAZ_2,
        BAZ_1(FOO_2(1), BAR_1(23, 5, True)),
        Refused("bar: the field 'd' of Bar would be lost"),
    ),
    (
        "records in a record, none of which loses",
        SAME,
        BAZ_1,
        BAZ_MORE,
        BAZ_1(FOO_2(1), BAR_1(23, 5, True)),
        BAZ_MORE(BAR_MORE(True, 23, 5, 0), FOO_DEFAULT(1, False)),
    ),
    ("the constructor of the same name", SAME, FOO_2, FOOO | FOO_DEFAULT, FOO_2(1), FOO_DEFAULT(1, False)),
    (
        "the constructor of the same name, with a field fewer",
        "forgets it",
        FOO_1,
        FOOO | FOO_2,
        FOO_1(1, True),
        Refused("the field 'flag' of Foo would be lost"),
    ),
    (
        "the constructor of the same name among records",
        "forgets the field that is gone",
        BAR_1 | BAAR_1,
        BAR_1 | BAAR_2,
        BAAR_1(True, 7),
        Refused("the field 'b' of Baar would be lost"),
    ),
    (
        "the constructor of the same name among records, in another order",
        SAME,
        BAR_1 | BAAR_1,
        BAAR_MORE | BAR_MORE,
        BAAR_1(True, 7),
        BAAR_MORE(7, True),
    ),
    (
        "a constructor that is gone",
        RESETS,
        FOOO | FOO_2,
        FOO_2,
        FOOO(1),
        Refused("become Foo, and nobody could tell"),
    ),
    ("a constructor that is new", SAME, FOO_2, FOO_2 | BAAR_1, FOO_2(1), KEPT),
    ("an optional value", RESETS, int, int | None, 5, KEPT),
    ("no longer optional", RESETS, int | None, int, 5, Refused("nothing leads from None to any of int")),
    (
        "what a user's function is needed for there",
        "by a user's function",
        FROB_INT,
        FROB_FLOAT,
        FROB_INT(1),
        FROB_FLOAT(1.0),
    ),
    ("into a newtype", SAME, int, FROB_INT, 7, FROB_INT(7)),
    ("into a newtype of a wider number", RESETS, int, FROB_FLOAT, 7, FROB_FLOAT(7.0)),
    ("out of a newtype", RESETS, FROB_INT, int, FROB_INT(7), 7),
    ("from one newtype to another", RESETS, FROB_INT, STUFF, FROB_INT(7), STUFF(7)),
    (
        "into the debugger's state",
        "the field of its type",
        int,
        DEBUG,
        5,
        Refused("nothing leads from int to Debugging"),
    ),
    (
        "out of the debugger's state",
        "the field of its type",
        DEBUG,
        int,
        DEBUG(1, 5),
        Refused("nothing leads from Debugging"),
    ),
    (
        "into a state transformer's pair",
        "the field of its type",
        int,
        STATE_T,
        5,
        Refused("nothing leads from int to State"),
    ),
    (
        "out of a state transformer's pair",
        "the inner field",
        STATE_T,
        int,
        STATE_T(1, 5),
        Refused("nothing leads from State"),
    ),
    (
        "into a pair",
        "the half of its type",
        int,
        tuple[int, str],
        5,
        Refused("nothing leads from int to tuple[int, str]"),
    ),
    (
        "out of a pair",
        "the half of its type",
        tuple[int, str],
        int,
        (5, "a"),
        Refused("nothing leads from tuple[int, str]"),
    ),
    (
        "pair by pair",
        RESETS,
        paired(int, FOO_2),
        paired(float, FOO_DEFAULT),
        (5, FOO_2(1)),
        (5.0, FOO_DEFAULT(1, False)),
    ),
    ("in a list", RESETS, listed(FOO_2), listed(FOO_DEFAULT), [FOO_2(1)], [FOO_DEFAULT(1, False)]),
    (
        "by key",
        RESETS,
        by_key(FOO_2),
        by_key(FOO_DEFAULT),
        {"k": FOO_2(1)},
        {"k": FOO_DEFAULT(1, False)},
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "value", "ours"), [row[2:] for row in VALUES], ids=[row[0] for row in VALUES]
)
def test_values(old: Any, new: Any, value: Any, ours: Any) -> None:
    found = infer(shape_of(old), shape_of(new))
    if isinstance(ours, Refused):
        assert isinstance(found, Failure)
        assert ours.because in str(found.failure())
        return
    way = found.unwrap()
    made = way.up(value)
    expected = value if ours is KEPT else ours
    assert (made, type(made)) == (expected, type(expected))
    assert way.down(made) == value


# Machines


def before(x: int, total: int) -> tuple[int, int]:
    return total, total + x


def total(name: str, init: int = 0) -> Arrow[Any, Any]:
    """The sum of the inputs before this one."""
    return loop(before, init, name)


def ticks(step: int) -> Arrow[Any, Any]:
    return constant(step)


@attrs.frozen
class Stuff:
    n: int


@attrs.frozen
class Socket:
    number: int


def opened(n: int, handle: str) -> tuple[str, str]:
    return (handle or f"handle {n}",) * 2


def connected(n: int, handle: Socket) -> tuple[Socket, Socket]:
    return handle, handle


HANDLE: Arrow[Any, Any] = loop(opened, "", "handle")
"""What is made at the first step and then stays."""
HELD: Arrow[Any, Any] = arr(lambda it: it.n)


def held(n: int) -> Arrow[Any, Any]:
    """What its cell holds, which nothing writes."""
    return state("n", n, get("n"))


def fed_back(n: int) -> Arrow[Any, Any]:
    """The sum of what a constant gave before."""
    return loop(first(held(n)) >> arr(lambda pair: (pair[1], pair[0] + pair[1])), 0, "past")


def either(x: Any) -> Any:
    return x.value


@attrs.frozen
class Machine:
    """A row: an old machine that took `taken`, the new one, and what it gives for `then`."""

    name: str
    theirs: str
    old: Arrow[Any, Any]
    new: Arrow[Any, Any]
    taken: list[Any]
    then: list[Any]
    ours: list[Any] | Refused
    labels: str = ""
    drop: tuple[str, ...] = ()


ONES, UNITS = [1, 1, 1], [None, None, None]
SUM, AGAIN = total("sum"), total("again")
PAIRS = [(1, 1), (1, 1), (1, 1)]

MACHINES: list[Machine] = [
    Machine("itself", SAME, delay(0), delay(0), [1, 2, 3, 4], [5, 6, 7, 8], [4, 5, 6, 7], "delay kept"),
    Machine("changes, itself", SAME, changes(0), changes(0), [1, 2], [2, 3, 4], [None, 3, 4], "last kept"),
    Machine(
        "a value in a class with one field",
        SAME,
        delay(0),
        arr(Stuff) >> delay(Stuff(99)) >> HELD,
        [1, 2, 3, 4],
        [10] * 4,
        [4, 10, 10, 10],
        "delay converted",
    ),
    Machine(
        "a cell that must never migrate: here, one that is dropped",
        "a cell that says so",
        delay(0),
        arr(Stuff) >> delay(Stuff(99)) >> HELD,
        [1, 2, 3, 4],
        [10] * 4,
        [99, 10, 10, 10],
        "delay dropped, delay new",
        drop=("delay",),
    ),
    Machine(
        "into a composition, first", SAME, SUM, SUM >> AGAIN, ONES, ONES, [0, 3, 7], "sum kept, again new"
    ),
    Machine(
        "into a composition, second",
        "goes into the first of its type",
        SUM,
        AGAIN >> SUM,
        ONES,
        ONES,
        [3, 3, 4],
        "again new, sum kept",
    ),
    Machine(
        "out of a composition",
        "forgets the other",
        SUM >> AGAIN,
        SUM,
        ONES,
        ONES,
        Refused("the cell 'again' would be lost. To drop it, say so"),
    ),
    Machine(
        "out of a composition, the other dropped",
        SAME,
        SUM >> AGAIN,
        SUM,
        ONES,
        ONES,
        [3, 4, 5],
        "sum kept, again dropped",
        drop=("again",),
    ),
    Machine(
        "two that change places",
        "each takes the other's value",
        SUM >> AGAIN,
        AGAIN >> SUM,
        [1, 2],
        [1, 1],
        [3, 4],
        "again kept, sum kept",
    ),
    Machine(
        "into one side of a pair",
        SAME,
        SUM,
        SUM * AGAIN,
        ONES,
        PAIRS,
        [(3, 0), (4, 1), (5, 2)],
        "sum kept, again new",
    ),
    Machine(
        "into the other side of a pair",
        "goes into the first of its type",
        SUM,
        AGAIN * SUM,
        ONES,
        PAIRS,
        [(0, 3), (1, 4), (2, 5)],
        "again new, sum kept",
    ),
    Machine(
        "out of a pair",
        "forgets the other",
        SUM * AGAIN,
        SUM,
        PAIRS,
        ONES,
        Refused("the cell 'again' would be lost"),
    ),
    Machine(
        "out of a pair, the other dropped",
        SAME,
        AGAIN * SUM,
        SUM,
        PAIRS,
        ONES,
        [3, 4, 5],
        "sum kept, again dropped",
        drop=("again",),
    ),
    Machine(
        "into a choice",
        SAME,
        arr(either) >> SUM,
        SUM | AGAIN,
        [Left(1), Right(1), Left(1)],
        [Right(1), Left(1), Right(1)],
        [0, 3, 1],
        "sum kept, again new",
    ),
    Machine(
        "into a switch by class",
        SAME,
        SUM,
        switch((int, SUM), (str, constant("?"))),
        ONES,
        [1, "a", 1],
        [3, "?", 4],
        "sum kept",
    ),
    Machine(
        "out of a choice",
        "forgets the other",
        AGAIN | SUM,
        SUM,
        [Left(1), Right(1)],
        ONES,
        Refused("the cell 'again' would be lost"),
    ),
    Machine(
        "out of a choice, the other dropped",
        SAME,
        AGAIN | SUM,
        SUM,
        [Left(1), Right(1)],
        ONES,
        [1, 2, 3],
        "sum kept, again dropped",
        drop=("again",),
    ),
    Machine(
        "into what may fail",
        SAME,
        SUM,
        attempt(SUM),
        ONES,
        ONES,
        [Success(3), Success(4), Success(5)],
        "sum kept",
    ),
    Machine("out of what may fail", SAME, attempt(SUM), SUM, ONES, ONES, [3, 4, 5], "sum kept"),
    Machine(
        "into a feedback",
        SAME,
        held(23),
        fed_back(42),
        UNITS,
        UNITS,
        [0, 23, 46],
        "past new, n kept",
    ),
    Machine(
        "out of a feedback",
        "forgets what was fed back",
        fed_back(23),
        held(42),
        UNITS,
        UNITS,
        Refused("the cell 'past' would be lost"),
    ),
    Machine(
        "out of a feedback, what was fed back dropped",
        SAME,
        fed_back(23),
        held(42),
        UNITS,
        UNITS,
        [23, 23, 23],
        "n kept, past dropped",
        drop=("past",),
    ),
    Machine(
        "the code around a cell changes, and its first value",
        SAME,
        ticks(1) >> accumulate(operator.add, 0, "n"),
        ticks(2) >> accumulate(operator.add, 23, "n"),
        UNITS,
        UNITS,
        [5, 7, 9],
        "n kept",
    ),
    Machine(
        "a handle is kept",
        SAME,
        ticks(1) >> total("n") >> (HANDLE & identity()),
        ticks(0) >> total("n") >> (HANDLE & identity()),
        UNITS,
        UNITS,
        [("handle 0", 3)] * 3,
        "n kept, handle kept",
    ),
    Machine(
        "a handle is new",
        SAME,
        ticks(1) >> total("n"),
        ticks(0) >> total("n") >> (HANDLE & identity()),
        UNITS,
        UNITS,
        [("handle 3", 3)] * 3,
        "n kept, handle new",
    ),
    Machine(
        "a handle is kept where more stands around it",
        SAME,
        ticks(1) >> total("n", 22) >> (identity() & HANDLE) >> arr(lambda pair: pair[1]),
        ticks(0) >> total("n") >> (HANDLE & identity()),
        UNITS,
        UNITS,
        [("handle 22", 25)] * 3,
        "n kept, handle kept",
    ),
    Machine(
        "a handle where too much stood around it",
        RESETS,
        ticks(1) >> total("n", 22) >> ((SUM >> AGAIN) & HANDLE),
        ticks(0) >> total("n") >> (HANDLE & identity()),
        UNITS,
        UNITS,
        Refused("the cell 'sum' would be lost"),
    ),
    Machine(
        "a handle is kept where what stood around it is dropped",
        RESETS,
        ticks(1) >> total("n", 22) >> ((SUM >> AGAIN) & HANDLE),
        ticks(0) >> total("n") >> (HANDLE & identity()),
        UNITS,
        UNITS,
        [("handle 22", 25)] * 3,
        "n kept, handle kept, sum dropped, again dropped",
        drop=("sum", "again"),
    ),
    Machine(
        "a handle of another type",
        "is closed, and another one opened",
        HANDLE,
        loop(connected, Socket(9), "handle"),
        [0],
        [0],
        Refused("the cell 'handle' goes from str to Socket"),
    ),
    Machine(
        "a handle of another type, the old one dropped",
        SAME,
        HANDLE,
        loop(connected, Socket(9), "handle"),
        [0],
        [0],
        [Socket(9)],
        "handle dropped, handle new",
        drop=("handle",),
    ),
    Machine(
        "a handle that is gone",
        "is closed",
        HANDLE,
        constant("done"),
        [0],
        [0],
        Refused("the cell 'handle' would be lost"),
    ),
    Machine(
        "a handle that is gone, and may",
        SAME,
        HANDLE,
        constant("done"),
        [0],
        [0],
        ["done"],
        "handle dropped",
        drop=("handle",),
    ),
    # Here an address alters: the library has no names
    Machine(
        "into a named scope", "no names", SUM, named("door", SUM), ONES, ONES, [3, 4, 5], "door/sum moved"
    ),
    Machine("out of a named scope", "no names", named("door", SUM), SUM, ONES, ONES, [3, 4, 5], "sum moved"),
    Machine(
        "into one of two named scopes",
        "no names",
        SUM,
        named("door", SUM) >> named("gate", SUM),
        ONES,
        ONES,
        Refused("the cell 'sum' would be lost"),
    ),
    Machine(
        "into a scope of keys",
        "no keys",
        SUM,
        keyed(SUM, identity(), "clients"),
        ONES,
        ONES,
        Refused("the cell 'sum' would be lost"),
    ),
]


def stepped(program: Program[Any, Any], values: Values, inputs: list[Any]) -> tuple[Values, list[Any]]:
    given_back = []
    for each in inputs:
        values, output = program.step(values, each)
        given_back.append(output)
    return values, given_back


@pytest.mark.parametrize("row", MACHINES, ids=lambda row: row.name)
def test_machines(row: Machine) -> None:
    old, new = compile(row.old), compile(row.new)
    migration = Migration("m", old="1", new="2", up=dict.fromkeys(row.drop, DROP)) if row.drop else None
    found = plan(old, new, migration, machine="m")
    if isinstance(row.ours, Refused):
        assert isinstance(found, Failure)
        assert row.ours.because in found.failure().message
        return
    planned = found.unwrap()
    assert ", ".join(f"{each.address} {each.label}" for each in planned.rows) == row.labels
    at_swap, _ = stepped(old, old.initial(), row.taken)
    _, outputs = stepped(new, planned.apply(at_swap).unwrap(), row.then)
    assert outputs == row.ours


def test_the_tables_cover_the_suite() -> None:
    assert len(VALUES) + len(MACHINES) >= 60


# A machine of any kind moves into each surrounding and out of it, and goes on where it was

counted: Arrow[Any, Any] = state("beside", 0, identity())

SURROUNDINGS: dict[
    str, tuple[Callable[[Any], Arrow[Any, Any]], Callable[[int], Any], Callable[[Any], Any]]
] = {
    # name: what is built around it, what it is then given for an input, and which part of the output is its own
    "composed": (lambda it: counted >> it, lambda x: x, lambda y: y),
    "composed before": (lambda it: it >> counted, lambda x: x, lambda y: y),
    "parallel": (lambda it: it * counted, lambda x: (x, 0), lambda y: y[0]),
    "parallel, right": (lambda it: counted * it, lambda x: (0, x), lambda y: y[1]),
    "both": (lambda it: counted & it, lambda x: x, lambda y: y[1]),
    "choice": (lambda it: it | counted, Left, lambda y: y),
    "choice, right": (lambda it: counted | it, Right, lambda y: y),
    "attempt": (lambda it: attempt(it) >> counted, lambda x: x, lambda y: y),
    "named": (lambda it: named("scope", it) >> counted, lambda x: x, lambda y: y),
}


def tried(
    program: Program[Any, Any], values: Values, inputs: list[Any], own: Any
) -> tuple[Values, list[Any]]:
    """As `stepped`; an input that raises leaves the state as it was."""
    given_back: list[Any] = []
    for each in inputs:
        try:
            values, output = program.step(values, each)
            output = own(output)
            given_back.append(output)
        except Exception as error:
            given_back.append(repr(error))
    return values, given_back


@pytest.mark.parametrize("name", SURROUNDINGS)
@settings(max_examples=100, deadline=None)
@given(machines("int", "int"), st.lists(values_of("int"), max_size=4), st.lists(values_of("int"), max_size=4))
def test_into_a_surrounding_and_out_of_it(name: str, machine: Any, taken: list[int], then: list[int]) -> None:
    around, give, own = SURROUNDINGS[name]

    def part(output: Any) -> Any:
        found = own(output)
        if isinstance(found, Failure) and name == "attempt":
            raise found.failure()
        return found.unwrap() if name == "attempt" else found

    alone, inside = compile(machine), compile(around(machine))
    here, _ = tried(alone, alone.initial(), taken, lambda y: y)
    _, wanted = tried(alone, here, then, lambda y: y)

    up = plan(alone, inside, None, machine="m").unwrap()
    assert {row.label for row in up.rows if "(absent" not in row.address and row.address != "beside"} <= {
        "kept",
        "moved",
    }
    moved = up.apply(here).unwrap()
    assert tried(inside, moved, [give(x) for x in then], part)[1] == wanted

    there, _ = tried(inside, inside.initial(), [give(x) for x in taken], part)
    out = Migration("m", old="1", new="2", up={"beside": DROP})
    back = plan(inside, alone, out).unwrap().apply(there).unwrap()
    assert tried(alone, back, then, lambda y: y)[1] == wanted
