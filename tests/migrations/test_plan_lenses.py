"""Lenses for the cells of a machine: what becomes of them, there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from immutables import Map

from arrows import Arrow, arr, compile, identity, keyed, named, state
from arrows.cells import Values
from arrows.keys import key_of
from migrations import DROP, Migration, lens, plan
from migrations.lens import Lens
from migrations.refusal import (
    InitialChanged,
    KeyChanged,
    KeysCollide,
    MigrationRaised,
    Refusal,
    UndeclaredLoss,
    Undefined,
    UnknownCell,
    WrongLens,
)
from tests.arrows.test_notation import load
from tests.migrations.test_lens import ANN, Home, Renamed, User, Without, divide, together


def cell(name: str, init: Any, of: Any = None) -> Arrow[Any, Any]:
    return state(name, init, identity(), of=of)


def table(*cells: Arrow[Any, Any], name: str = "clients") -> Arrow[Any, Any]:
    body: Arrow[Any, Any] = identity()
    for each in cells:
        body = body >> each
    return keyed(body, identity(), name)


def rows(**by_key: Values) -> Map[Any, Values]:
    return Map({key_of(key): row for key, row in by_key.items()})


Case = tuple[str, Arrow[Any, Any], Arrow[Any, Any], tuple[Lens, ...], Values, Values, list[tuple[str, str]]]

CASES: list[Case] = [
    (
        "another name",
        cell("n", 0),
        cell("count", 0),
        (lens.rename("n", "count"),),
        (5,),
        (5,),
        [("count", "moved")],
    ),
    (
        "another name and type",
        cell("n", 0),
        cell("count", 0.0),
        (lens.rename("n", "count"),),
        (5,),
        (5.0,),
        [("count", "converted")],
    ),
    (
        "two change places",
        cell("a", 0) >> cell("b", 0),
        cell("a", 0) >> cell("b", 0),
        (lens.rename("a", "c"), lens.rename("b", "a"), lens.rename("c", "b")),
        (1, 2),
        (2, 1),
        [("a", "moved"), ("b", "moved")],
    ),
    (
        "lenses inside",
        cell("user", ANN),
        cell("user", Renamed("", 0, ANN.home)),
        (lens.inside("user", lens.rename("name", "full_name")),),
        (ANN,),
        (Renamed("ann lee", 30, ANN.home),),
        [("user", "converted")],
    ),
    (
        "what is dropped inside comes back",
        cell("user", ANN),
        cell("user", Without("", ANN.home)),
        (lens.inside("user", lens.drop("age")),),
        (ANN,),
        (Without("ann lee", ANN.home),),
        [("user", "converted")],
    ),
    (
        "dropped",
        cell("n", 0) >> cell("seen", "x"),
        cell("n", 0),
        (lens.drop("seen"),),
        (5, "y"),
        (5,),
        [("n", "kept"), ("seen", "dropped")],
    ),
    (
        "added",
        cell("n", 0),
        cell("n", 0) >> cell("more", 1),
        (lens.add("more", 9),),
        (5,),
        (5, 9),
        [("n", "kept"), ("more", "new")],
    ),
    (
        "split",
        cell("name", ""),
        cell("first", "") >> cell("last", ""),
        (lens.split("name", ("first", "last"), arr(divide), arr(together)),),
        ("ann lee",),
        ("ann", "lee"),
        [("first", "converted"), ("last", "converted")],
    ),
    (
        "merged",
        cell("first", "") >> cell("last", ""),
        cell("name", " "),
        (lens.merge(("first", "last"), "name", arr(together), arr(divide)),),
        ("ann", "lee"),
        ("ann lee",),
        [("name", "converted")],
    ),
    (
        "a scope",
        named("door", cell("n", 0) >> cell("m", "")),
        named("gate", cell("n", 0) >> cell("m", "")),
        (lens.rename("door", "gate"),),
        (5, "x"),
        (5, "x"),
        [("gate/n", "moved"), ("gate/m", "moved")],
    ),
    (
        "a table",
        table(cell("n", 0), cell("user", ANN)),
        table(cell("n", 0), cell("user", Without("ann lee", ANN.home)), name="people"),
        (lens.rename("clients", "people"), lens.inside("people/user", lens.drop("age"))),
        (rows(a=(5, ANN), b=(0, User("b", 1, ANN.home))),),
        (rows(a=(5, Without("ann lee", ANN.home)), b=(0, Without("b", ANN.home))),),
        [
            ("people", "converted"),
            ("people (absent keys)", "converted"),
            ("people/n", "moved"),
            ("people/user", "converted"),
        ],
    ),
    (
        "a cell of the rows",
        table(cell("n", 0), cell("gone", "")),
        table(cell("count", 0)),
        (lens.rename("clients/n", "clients/count"), lens.drop("clients/gone")),
        (rows(a=(5, "x"), b=(0, "y")),),
        (rows(a=(5,)),),
        [
            ("clients", "converted"),
            ("clients (absent keys)", "converted"),
            ("clients/count", "moved"),
            ("clients/gone", "dropped"),
        ],
    ),
    (
        "other keys",
        table(cell("n", 0)),
        table(cell("n", 0)),
        (lens.inside("clients", lens.rekey(arr(str.upper), arr(str.lower))),),
        (rows(a=(5,), b=(6,)),),
        (rows(A=(5,), B=(6,)),),
        [("clients", "converted"), ("clients (absent keys)", "converted"), ("clients/n", "kept")],
    ),
    (
        "a dict into a table",
        cell("counts", {"": 0}),
        table(cell("n", 0), name="counts"),
        (lens.inside("counts", lens.convert(identity(), identity())),),
        ({"a": 1, "b": 2},),
        (rows(a=(1,), b=(2,)),),
        [("counts", "converted")],
    ),
    (
        "a table into a dict",
        table(cell("n", 0), cell("m", ""), name="rows"),
        cell("all", {"": (0, "")}),
        (lens.rename("rows", "all"), lens.inside("all", lens.convert(identity(), identity()))),
        (rows(a=(1, "x"), b=(2, "y")),),
        ({"a": (1, "x"), "b": (2, "y")},),
        [("all", "converted")],
    ),
    (
        "into a scope, which needs no lens",
        cell("n", 0) >> cell("m", 0),
        named("door", cell("n", 0)) >> cell("m", 0),
        (),
        (5, 6),
        (5, 6),
        [("door/n", "moved"), ("m", "kept")],
    ),
    (
        "a table out of a scope",
        named("door", table(cell("n", 0))),
        table(cell("n", 0)),
        (),
        (rows(a=(5,)),),
        (rows(a=(5,)),),
        [("clients", "moved"), ("clients (absent keys)", "moved"), ("clients/n", "moved")],
    ),
    (
        "into a scope inside a table",
        table(cell("n", 0)),
        table(named("door", cell("n", 0))),
        (),
        (rows(a=(5,)),),
        (rows(a=(5,)),),
        [("clients", "kept"), ("clients (absent keys)", "kept"), ("clients/door/n", "moved")],
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "lenses", "before", "after", "labels"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_there_and_back(
    old: Any, new: Any, lenses: tuple[Lens, ...], before: Values, after: Values, labels: list[tuple[str, str]]
) -> None:
    migration = Migration("m", old="1", new="2", lenses=lenses)
    one, other = compile(old), compile(new)
    up = plan(one, other, migration).unwrap()
    assert [(row.address, row.label) for row in up.rows] == labels
    assert up.apply(before).unwrap() == after
    down = plan(other, one, migration, down=True, lost=True).unwrap()
    assert down.apply(after, up.lost(before).unwrap()).unwrap() == before


def planned(old: Any, new: Any, *lenses: Lens, down: bool = False, **more: Any) -> Any:
    one, other = compile(old), compile(new)
    migration = Migration("m", old="1", new="2", lenses=lenses, **more)
    return plan(other, one, migration, down=True) if down else plan(one, other, migration)


def test_a_way_back_without_what_was_lost_says_so() -> None:
    drop = lens.inside("user", lens.drop("age"))
    machines = cell("user", ANN), cell("user", Without("", ANN.home))
    refusal = planned(*machines, drop, down=True).failure()
    assert isinstance(refusal, Undefined)
    assert "nothing leads back from: declared (drop age)" in str(refusal)
    back = planned(*machines, lens.inside("user", lens.drop("age", 18)), down=True).unwrap()
    assert back.apply((Without("x", ANN.home),)).unwrap() == (User("x", 18, ANN.home),)


def test_a_dropped_cell_begins_anew_or_as_the_lens_says() -> None:
    machines = cell("n", 0) >> cell("seen", "x"), cell("n", 0)
    assert planned(*machines, lens.drop("seen"), down=True).unwrap().apply((5,)).unwrap() == (5, "x")
    assert planned(*machines, lens.drop("seen", "?"), down=True).unwrap().apply((5,)).unwrap() == (5, "?")


def test_a_new_cell_is_lost_at_a_rollback_only_if_that_is_declared() -> None:
    machines = cell("n", 0), cell("n", 0) >> cell("more", 1)
    assert isinstance(
        planned(*machines, lens.rename("n", "n2"), lens.rename("n2", "n"), down=True).failure(),
        UndeclaredLoss,
    )
    assert planned(*machines, lens.add("more", 1), down=True).unwrap().apply((5, 6)).unwrap() == (5,)


@attrs.frozen
class Boxed:
    held: str | None


@pytest.mark.parametrize(
    ("of", "other", "around", "value"),
    [
        (User | None, Without | None, (), None),
        (list[User], list[Without], (lens.each,), []),
        (dict[str, User], dict[str, Without], (lens.each,), {}),
        (list[User | None], list[Without | None], (lens.each,), [None]),
    ],
)
def test_where_nothing_was_thrown_away_nothing_is_missing(
    of: Any, other: Any, around: Any, value: Any
) -> None:
    """A field without a default is dropped, and the value has none of its records."""
    inner: tuple[Lens, ...] = (lens.drop("age"),)
    for each in around:
        inner = (each(*inner),)
    one, two = compile(cell("held", value, of)), compile(cell("held", value, other))
    migration = Migration("m", old="1", new="2", lenses=[lens.inside("held", *inner)])
    up = plan(one, two, migration).unwrap()
    down = plan(two, one, migration, down=True, lost=True).unwrap()
    lost = up.lost((value,)).unwrap()
    assert down.apply(up.apply((value,)).unwrap(), lost).unwrap() == (value,)


def test_a_value_that_may_be_none_is_wrapped_and_taken_out() -> None:
    machines = cell("n", None, str | None), cell("n", Boxed(None))
    into, out = lens.inside("n", lens.wrap("held")), lens.inside("n", lens.unwrap("held"))
    for old, new, one in ((*machines, into), (*machines[::-1], out)):
        there, back = planned(old, new, one).unwrap(), planned(old, new, one, down=True).unwrap()
        for value in (None, "x"):
            was = (value,) if one is into else (Boxed(value),)
            assert back.apply(there.apply(was).unwrap()).unwrap() == was


@pytest.mark.parametrize(
    ("old", "new", "one", "kind"),
    [
        (cell("n", 0) >> cell("m", 0), cell("n", 0), lens.drop("m", "x"), WrongLens),
        (cell("n", 0) >> table(cell("m", 0)), cell("n", 0), lens.drop("clients", 5), WrongLens),
        (
            cell("user", ANN),
            cell("user", Without("", ANN.home)),
            lens.inside("user", lens.drop("age", "x")),
            Undefined,
        ),
    ],
)
def test_what_is_put_back_must_fit(old: Any, new: Any, one: Lens, kind: type[Refusal]) -> None:
    assert isinstance(planned(old, new, one, down=True).failure(), kind)


def test_a_cell_of_rows_that_gives_its_address_to_another_is_dropped_once() -> None:
    inner = table(cell("k", 0), name="inner")
    machine = compile(table(cell("n", 0) >> inner))
    up = plan(machine, machine, Migration("m", old="1", new="2", up={"clients/n": DROP})).unwrap()
    assert [row.label for row in up.rows if row.address == "clients/n"] == ["dropped", "new"]


def test_a_key_that_is_no_data_is_refused() -> None:
    machine = table(cell("n", 0))
    up = planned(machine, machine, lens.inside("clients", lens.rekey(arr(_no_data)))).unwrap()
    assert isinstance(up.apply((rows(a=(1,)),)).failure(), MigrationRaised)
    assert isinstance(up.lost((rows(a=(1,)),)).failure(), MigrationRaised)


def _no_data(key: Any) -> Any:
    return object


def test_lenses_and_arrows_together() -> None:
    one, other = compile(cell("n", 0) >> cell("m", "1")), compile(cell("count", 0) >> cell("m", 1))
    migration = Migration(
        "m", old="1", new="2", lenses=[lens.rename("n", "count")], up={"m": arr(int)}, down={"m": arr(str)}
    )
    assert plan(one, other, migration).unwrap().apply((5, "7")).unwrap() == (5, 7)
    assert plan(other, one, migration, down=True).unwrap().apply((5, 7)).unwrap() == (5, "7")


def test_rows_like_the_first_keep_what_was_thrown_away() -> None:
    """A row that is not stored any more has a complement still."""
    old, new = table(cell("n", 0), cell("gone", "")), table(cell("n", 0))
    migration = Migration("m", old="1", new="2", lenses=[lens.drop("clients/gone")])
    one, other = compile(old), compile(new)
    up = plan(one, other, migration).unwrap()
    before = (rows(a=(0, "kept")),)
    assert up.apply(before).unwrap() == (Map(),)
    down = plan(other, one, migration, down=True, lost=True).unwrap()
    assert down.apply((Map(),), up.lost(before).unwrap()).unwrap() == before


REFUSED: list[tuple[Any, Any, tuple[Lens, ...], type[Refusal], str]] = [
    (
        cell("n", 0),
        cell("count", 0),
        (lens.rename("x", "count"),),
        UnknownCell,
        "lenses names the cell 'x'; the cells there are: n",
    ),
    (
        cell("n", 0),
        cell("count", 0),
        (lens.rename("n", "cont"),),
        UnknownCell,
        "'cont'; the cells there are: count",
    ),
    (cell("n", 0) >> cell("m", 0), cell("m", 0), (lens.rename("n", "m"),), WrongLens, "there is one already"),
    (cell("n", 0), cell("n", 0), (lens.wrap("n"),), WrongLens, "does not speak of a cell: put it inside one"),
    (
        cell("n", 0),
        table(cell("n", 0)),
        (lens.rename("n", "clients/n"),),
        WrongLens,
        "into or out of a keyed",
    ),
    (cell("n", 0), table(cell("n", 0)), (), UndeclaredLoss, "'n' would be lost"),
    (
        cell("n", 0),
        cell("n", 0) >> cell("m", 0),
        (lens.add("m", "x"),),
        WrongLens,
        "what is added does not fit",
    ),
    (
        table(cell("n", 0)),
        table(cell("n", 0), cell("m", 0)),
        (lens.add("clients/m", 5),),
        InitialChanged,
        "would hold",
    ),
    (
        table(cell("n", 0)),
        table(cell("n", 0)),
        (lens.inside("clients", lens.drop("n")),),
        WrongLens,
        "name its cells by their addresses",
    ),
    (
        cell("n", 0),
        cell("a", 0) >> cell("b", 0),
        (lens.split("n", ("a", "c"), arr(divide)),),
        UnknownCell,
        "'c'",
    ),
]


@pytest.mark.parametrize(("old", "new", "lenses", "kind", "words"), REFUSED)
def test_refused(old: Any, new: Any, lenses: tuple[Lens, ...], kind: type[Refusal], words: str) -> None:
    refusal: Any = planned(old, new, *lenses).failure()
    assert type(refusal) is kind
    assert words in str(refusal)


def test_two_keys_that_become_one_are_refused() -> None:
    machine = table(cell("n", 0))
    up = planned(machine, machine, lens.inside("clients", lens.rekey(arr(str.upper)))).unwrap()
    refusal = up.apply((rows(a=(1,), A=(2,)),)).failure()
    assert isinstance(refusal, KeysCollide)
    assert "two keys of 'clients' would become 'A'" in str(refusal)


def test_two_that_could_be_meant_are_not_guessed() -> None:
    old, new = cell("n", 0), named("a", cell("n", 0)) >> named("b", cell("n", 0))
    assert isinstance(planned(old, new).failure(), UndeclaredLoss)
    old, new = named("a", cell("n", 0)) >> named("b", cell("n", 0)), cell("n", 0)
    assert isinstance(planned(old, new).failure(), UndeclaredLoss)
    assert isinstance(planned(cell("n", 0), named("a", cell("n", ""))).failure(), UndeclaredLoss)


def test_a_declared_drop_is_no_move() -> None:
    old, new = cell("n", 0), named("a", cell("n", 0))
    up = planned(old, new, up={"n": DROP}).unwrap()
    assert [(row.address, row.label) for row in up.rows] == [("a/n", "new"), ("n", "dropped")]


KEYED = """
import attrs
from midflight import arr, keyed, loop

@attrs.frozen
class Say:
    user: str
    mail: str{more}

def key(message: Say) -> str:
    {body}

machine = keyed(loop(lambda message, n: (n, n + 1), init=0, name="n"), by=arr(key), name="clients")
"""


def version(folder: Path, body: str, more: str = "") -> Arrow[Any, Any]:
    made: Arrow[Any, Any] = load(folder, KEYED.format(body=body, more=more)).machine
    return made


def test_another_key_is_declared(tmp_path: Path) -> None:
    old, other = version(tmp_path, "return message.user"), version(tmp_path, "return message.mail")
    refusal: Any = planned(old, other).failure()
    assert isinstance(refusal, KeyChanged)
    assert "lens.inside('clients', lens.rekey(up, down))" in str(refusal)
    back = plan(compile(other), compile(old), None, machine="m", down=True)
    assert isinstance(back.failure(), KeyChanged)
    same = lens.inside("clients", lens.rekey(identity(), identity()))
    assert planned(old, other, same).unwrap().apply((rows(a=(5,)),)).unwrap() == (rows(a=(5,)),)


def test_a_key_is_the_same_when_its_message_has_grown(tmp_path: Path) -> None:
    old = version(tmp_path, "return message.user")
    grown = version(tmp_path, "# the user\n    return message.user", "\n    note: str = ''")
    assert [row.label for row in planned(old, grown).unwrap().rows] == ["kept"] * 3


@attrs.frozen
class Bare:
    name: str
    home: Home


@attrs.frozen
class Street:
    street: str
    number: int


@attrs.frozen
class Moved:
    name: str
    age: int
    home: Street


LINES = [
    (User, Bare, [ANN], [Bare("", ANN.home)], "lens.inside('people', lens.each(lens.drop('age')))"),
    (
        User,
        Moved,
        [ANN],
        [Moved("", 0, Street("", 0))],
        "lens.inside('people', lens.each(lens.inside('home', lens.drop('city'), lens.add('number', 0))))",
    ),
]


@pytest.mark.parametrize(("old", "new", "before", "after", "line"), LINES)
def test_the_line_to_write_is_the_one_that_helps(
    old: Any, new: Any, before: Any, after: Any, line: str
) -> None:
    one, other = cell("people", before, of=list[old]), cell("people", after, of=list[new])
    refusal: Any = planned(one, other).failure()
    assert refusal.line == line.replace(", 0)", ", VALUE)")
    assert f"Say in the Migration: lenses=[{refusal.line}]; or give it an arrow" in str(refusal)
    written = eval(refusal.line, {"lens": lens, "VALUE": 0})
    planned(one, other, written).unwrap()


def test_a_dropped_cell_beside_a_table_is_told_once() -> None:
    old = cell("n", 0) >> table(cell("m", 0))
    new = cell("n", "") >> table(cell("m", 0), cell("more", 0))
    up = planned(old, new, up={"n": DROP}).unwrap()
    assert [(row.address, row.label) for row in up.rows][:2] == [("n", "dropped"), ("n", "new")]
    assert [row.address for row in up.rows].count("n") == 2


def test_what_is_dropped_on_the_way_down_begins_anew_also_where_something_was_thrown_away() -> None:
    one, other = compile(cell("user", ANN)), compile(cell("user", Without("", ANN.home)))
    migration = Migration(
        "m", old="1", new="2", lenses=[lens.inside("user", lens.drop("age"))], down={"user": DROP}
    )
    lost = plan(one, other, migration).unwrap().lost((User("x", 5, ANN.home),)).unwrap()
    down = plan(other, one, migration, down=True, lost=True).unwrap()
    assert down.apply((Without("x", ANN.home),), lost).unwrap() == (ANN,)
    assert [(row.address, row.label, row.how) for row in down.rows] == [
        ("user", "new", ""),
        ("user", "dropped", "declared"),
    ]


def test_a_cell_moves_without_the_scope_of_its_name() -> None:
    inner = state("a", 0, named("a", cell("a", "x")))
    old, new = inner, named("scope", inner)
    up = planned(old, new).unwrap()
    assert [(row.address, row.label) for row in up.rows] == [("scope/a", "moved"), ("scope/a/a", "moved")]
    assert up.apply((5, "y")).unwrap() == (5, "y")
    assert planned(old, new, down=True).unwrap().apply((5, "y")).unwrap() == (5, "y")
    back = planned(new, old).unwrap()
    assert back.apply((5, "y")).unwrap() == (5, "y")
