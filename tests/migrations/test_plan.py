"""What becomes of each cell, and every refusal with its message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map
from returns.result import Failure, Result, Success

from arrows import Arrow, arr, compile, identity, keyed, loop, named, state
from arrows.cells import Values
from arrows.keys import key_of
from migrations import DROP, Migration, Plan, Refusal, lens, plan
from migrations.plan import Row
from migrations.refusal import (
    DoublesChanged,
    InitialChanged,
    MigrationMisfit,
    MigrationRaised,
    NoDown,
    UndeclaredLoss,
    Undefined,
    UnknownCell,
)
from migrations.rules import Marked, Place, Point
from tests.arrows.test_notation import load


def cell(name: str, init: Any, of: Any = None) -> Arrow[Any, Any]:
    return state(name, init, identity(), of=of)


def clients(*cells: Arrow[Any, Any]) -> Arrow[Any, Any]:
    body: Arrow[Any, Any] = identity()
    for each in cells:
        body = body >> each
    return keyed(body, identity(), "clients")


def planned(
    old: Arrow[Any, Any], new: Arrow[Any, Any], ways: dict[str, Any] | None = None, **more: Any
) -> Result[Plan, Refusal]:
    migration = None if ways is None else Migration("m", old="1", new="2", up=ways, **more)
    return plan(compile(old), compile(new), migration, machine="m")


def moved(old: Arrow[Any, Any], new: Arrow[Any, Any], ways: dict[str, Any] | None, before: Values) -> Values:
    return planned(old, new, ways).unwrap().apply(before).unwrap()


def labels(result: Result[Plan, Refusal]) -> list[tuple[str, str]]:
    return [(row.address, row.label) for row in result.unwrap().rows]


def refused(result: Result[Any, Refusal], kind: type[Refusal], message: str) -> None:
    refusal = result.failure()
    assert type(refusal) is kind
    assert refusal.message == str(refusal) == message
    assert refusal.to_plain()["reason"] == kind.__name__


def pair(n: int) -> tuple[int, int]:
    return (n, n)


# Ways


def test_kept_converted_new_dropped() -> None:
    old = cell("same", 1) >> cell("count", 0) >> cell("gone", "a")
    new = cell("fresh", 9) >> cell("count", (0, 0)) >> cell("same", 2)
    result = planned(old, new, {"count": arr(pair), "gone": DROP})
    assert result.unwrap().rows == (
        Row("fresh", "new", "", "int"),
        Row("count", "converted", "int", "tuple[int, int]", "declared"),
        Row("same", "kept", "int", "int"),
        Row("gone", "dropped", "str", "", "declared"),
    )
    assert result.unwrap().apply((5, 7, "x")) == Success((9, (7, 7), 5))


def test_a_kept_value_is_the_same_object() -> None:
    value = {"a": [1]}
    (after,) = moved(cell("n", value), cell("n", {"b": [2]}), None, (value,))
    assert after is value


def test_a_dropped_cell_may_begin_anew() -> None:
    result = planned(cell("n", 1), cell("n", "a"), {"n": DROP})
    assert labels(result) == [("n", "dropped"), ("n", "new")]
    assert result.unwrap().apply((5,)) == Success(("a",))


def test_a_cell_of_equal_type_may_be_converted() -> None:
    assert moved(cell("n", 0), cell("n", 0), {"n": arr(lambda n: n * 2)}, (4,)) == (8,)


def test_a_refactoring_keeps_every_cell() -> None:
    plain: Arrow[Any, Any] = identity()
    old = named("a", cell("n", 0)) >> cell("m", 1)
    new = (cell("m", 1) & plain) >> arr(str) >> named("a", plain >> cell("n", 0))
    assert labels(planned(old, new)) == [("m", "kept"), ("a/n", "kept")]
    assert moved(old, new, None, (5, 6)) == (6, 5)


def test_down() -> None:
    migration = Migration("m", old="1", new="2", up={"n": arr(pair)}, down={"n": arr(lambda both: both[1])})
    old, new = compile(cell("n", 0)), compile(cell("n", (0, 0)))
    there = plan(old, new, migration).unwrap().apply((4,)).unwrap()
    assert plan(new, old, migration, down=True).unwrap().apply(there) == Success((4,))


@given(st.dictionaries(st.integers(0, 5), st.integers(-2, 2)), st.integers(-2, 2))
def test_rows(rows: dict[int, int], shift: int) -> None:
    """Rows become what the arrow makes of each; those like the first are not stored."""
    table = Map({key: (value,) for key, value in rows.items() if value != 0})
    old, new = clients(cell("n", 0)), clients(cell("n", -shift))
    (after,) = moved(old, new, {"clients/n": arr(lambda n: n - shift)}, (table,))
    wanted = {key: (value - shift,) for key, value in rows.items() if value != 0}
    assert dict(after) == wanted
    assert dict(table) == {key: (value,) for key, value in rows.items() if value != 0}


def test_rows_with_cells_that_come_and_go() -> None:
    old, new = clients(cell("n", 0), cell("gone", 1)), clients(cell("fresh", "x"), cell("n", 0))
    result = planned(old, new, {"clients/gone": DROP})
    assert labels(result) == [
        ("clients", "converted"),
        ("clients (absent keys)", "converted"),
        ("clients/fresh", "new"),
        ("clients/n", "kept"),
        ("clients/gone", "dropped"),
    ]
    assert result.unwrap().apply((Map({"k": (5, 2), "l": (0, 3)}),)) == Success((Map({"k": ("x", 5)}),))


def test_a_row_of_equal_type_is_converted_too() -> None:
    machine = clients(cell("n", 0))
    assert moved(machine, machine, {"clients/n": arr(lambda n: n * 2)}, (Map({"k": (4,)}),)) == (
        Map({"k": (8,)}),
    )


def test_tables_in_tables() -> None:
    def machine(init: Any) -> Arrow[Any, Any]:
        return keyed(keyed(cell("n", init), identity(), "in"), identity(), "out")

    before = (Map({"k": (Map({"l": (4,)}),)}),)
    after = moved(machine(0), machine((0, 0)), {"out/in/n": arr(pair)}, before)
    assert after == (Map({"k": (Map({"l": ((4, 4),)}),)}),)


def test_a_whole_table_is_dropped() -> None:
    result = planned(clients(cell("n", 0)), cell("m", 0), {"clients": DROP})
    assert labels(result) == [("m", "new"), ("clients", "dropped")]
    again = planned(clients(cell("n", 0)), clients(cell("n", "a")), {"clients": DROP})
    assert again.unwrap().apply((Map({"k": (1,)}),)) == Success((Map(),))


def test_a_table_that_only_moved_is_the_same_object() -> None:
    table = Map({"k": (1,)})
    after = moved(
        cell("a", 0) >> clients(cell("n", 0)), clients(cell("n", 0)) >> cell("a", 0), None, (0, table)
    )
    assert after[0] is table


# Refusals


def test_a_loss_is_declared() -> None:
    refused(
        planned(cell("n", 0) >> cell("gone", 0), cell("n", 0)),
        UndeclaredLoss,
        "m: the cell 'gone' would be lost. To drop it, say so in the Migration: up={'gone': DROP}.",
    )
    refused(
        planned(clients(cell("n", 0), cell("gone", 0)), clients(cell("n", 0)), {}),
        UndeclaredLoss,
        "m: the cell 'clients/gone' would be lost. To drop it, say so in the Migration: up={'clients/gone': DROP}.",
    )


def test_another_number_of_equal_names_is_declared() -> None:
    two, one = cell("n", 0) >> cell("n", 0), cell("n", 0)
    assert isinstance(planned(two, one).failure(), DoublesChanged)
    assert planned(two, one, {"n#2": DROP}).unwrap().apply((5, 6)) == Success((5,))
    renamed = Migration("m", old="1", new="2", lenses=[lens.rename("n#2", "m")])
    up = plan(compile(two), compile(one >> cell("m", 0)), renamed, machine="m").unwrap()
    assert up.apply((5, 6)) == Success((5, 6))


def test_what_structure_decides_needs_no_arrow_either_way() -> None:
    old, new = compile(cell("n", Point(1, 2))), compile(cell("n", Place(0, 0, "here")))
    up = plan(old, new, None, machine="m").unwrap()
    assert up.rows == (
        Row("n", "converted", "Point", "Place", "inferred (fields by name, same; down loses name)"),
    )
    (there,) = up.apply((Point(3, 4),)).unwrap()
    assert there == Place(3, 4, "")
    down = plan(new, old, None, machine="m", down=True).unwrap()
    assert down.apply((Place(5, 6, "x"),)) == Success((Point(5, 6),))


def test_the_rows_of_a_table_are_inferred_one_by_one() -> None:
    (after,) = moved(clients(cell("n", 0)), clients(cell("n", 0.0)), None, (Map({1: (3,), 2: (4,)}),))
    assert dict(after) == {1: (3.0,), 2: (4.0,)}
    refused(
        planned(clients(cell("n", Point(0, 0))), clients(cell("n", Marked(0, 0, "")))),
        Undefined,
        "m: the cell 'clients/n' goes from Point to Marked, and structure does not decide: the new field 'name' of "
        "Marked has no default (give it a value as default). Say in the Migration: lenses=[lens.inside('clients/n', "
        "lens.add('name', VALUE))]; or give it an arrow between the values: "
        "up={'clients/n': arrow}; or, where what it holds may go, up={'clients/n': DROP}.",
    )


def test_a_value_that_has_no_counterpart_is_refused_and_nothing_is_altered() -> None:
    result = planned(cell("n", 0), cell("n", 0.0)).unwrap().apply((2**53 + 1,))
    why = "ValueError: 9007199254740993 is not exactly a float"
    refused(result, MigrationRaised, f"m: migrating the cell 'n' raised {why}. Mend the arrow.")


def test_a_value_that_never_was_of_its_type_is_refused() -> None:
    result = planned(cell("n", Point(0, 0)), cell("n", Place(0, 0))).unwrap().apply((Point("x", 0),))  # type: ignore[arg-type]
    assert type(result.failure()) is MigrationMisfit


def test_what_an_arrow_did_is_not_undone_by_inference() -> None:
    """Cells of one type, and an arrow between them: without one back, nobody knows the way."""
    migration = Migration("m", old="1", new="2", up={"n": arr(lambda n: n * 2)}, down={})
    old, new = compile(cell("n", 0)), compile(cell("n", 0))
    for down, kind in (({}, Undefined), (None, NoDown)):
        result = plan(new, old, attrs.evolve(migration, down=down), down=True)
        assert type(result.failure()) is kind


UNDEFINED = [
    (cell("n", 0), cell("n", "a"), "int", "str"),
    (cell("n", 0.5), cell("n", 0), "float", "int"),
    (cell("n", 0), cell("n", [0], list[int]), "int", "list[int]"),
    (cell("clients", 0), clients(), "int", "a table by Any"),
    (clients(), cell("clients", 0), "a table by Any", "int"),
]


@pytest.mark.parametrize(("old", "new", "before", "after"), UNDEFINED)
def test_another_type_needs_an_arrow(old: Any, new: Any, before: str, after: str) -> None:
    name = compile(old).slots[0].address
    refused(
        planned(old, new),
        Undefined,
        f"m: the cell {name!r} goes from {before} to {after}. Give the Migration an arrow between the values: "
        f"up={{{name!r}: arrow}}; or, where what it holds may go, up={{{name!r}: DROP}}.",
    )


def test_another_type_of_key_is_refused() -> None:
    def by(kind: type) -> Arrow[Any, Any]:
        def key(x: Any) -> Any:
            return x

        key.__annotations__["return"] = kind
        return keyed(cell("n", 0), arr(key), "t")

    assert isinstance(planned(by(int), by(str)).failure(), Undefined)
    assert labels(planned(by(int), by(int)))[0] == ("t", "kept")


@pytest.mark.parametrize(
    ("ways", "address", "known"),
    [
        ({"nowhere": arr(abs)}, "nowhere", "n, clients/k"),
        ({"came": arr(abs)}, "came", "n, clients/k"),
        ({"clients": arr(abs)}, "clients", "n, clients/k"),
        ({"came": DROP}, "came", "n, clients, clients/k"),
    ],
)
def test_an_unknown_cell(ways: dict[str, Any], address: str, known: str) -> None:
    old = cell("n", 0) >> clients(cell("k", 0))
    refused(
        planned(old, old >> cell("came", 0), ways),
        UnknownCell,
        f"m: up names the cell {address!r}; the cells there are: {known}.",
    )


def test_keys_not_stored_must_not_change_their_value() -> None:
    refused(
        planned(clients(cell("n", 0)), clients(cell("n", 1))),
        InitialChanged,
        "m: a key of 'clients' that is not stored holds (0,) after the migration, and would hold (1,). "
        "Let the first values of its cells be what the migration makes of the old.",
    )
    assert isinstance(
        planned(clients(cell("n", 0)), clients(cell("n", (0, 1))), {"clients/n": arr(pair)}).failure(),
        InitialChanged,
    )
    assert labels(planned(cell("n", 0), cell("n", 1))) == [("n", "kept")], "a stored cell holds what it holds"


def test_an_arrow_that_raises() -> None:
    result = planned(cell("n", 0), cell("n", 0.5), {"n": arr(lambda n: 1 / n)}).unwrap()
    assert result.apply((4,)) == Success((0.25,))
    refused(
        result.apply((0,)),
        MigrationRaised,
        "m: migrating the cell 'n' raised ZeroDivisionError: division by zero. Mend the arrow.",
    )


def test_an_arrow_that_raises_for_keys_not_stored() -> None:
    result = planned(clients(cell("n", 0)), clients(cell("n", 0.5)), {"clients/n": arr(lambda n: 1 / n)})
    assert isinstance(result.failure(), MigrationRaised)


def test_an_arrow_that_gives_another_type() -> None:
    result = planned(cell("n", 0), cell("n", (0, 0)), {"n": arr(lambda n: (n, str(n)))}).unwrap()
    refused(
        result.apply((4,)),
        MigrationMisfit,
        "m: migrating the cell 'n' gave a value of another type ([1]: expected int, found '4'). "
        "Let the arrow give what the new version declares.",
    )


def test_no_way_back() -> None:
    old, new = compile(cell("n", 0)), compile(cell("n", "a"))
    only_up = Migration("m", old="1", new="2", up={"n": arr(str)})
    refused(
        plan(new, old, only_up, down=True),
        NoDown,
        "m: the migration from version 1 to 2 has no way back. Give it down={address: arrow}.",
    )
    forgets = Migration("m", old="1", new="2", up={"n": arr(str)}, down={})
    assert isinstance(plan(new, old, forgets, down=True).failure(), Undefined)


def test_without_down_what_is_kept_goes_back() -> None:
    program = compile(cell("n", 0))
    assert plan(program, program, Migration("m", old="1", new="2", up={}), down=True).unwrap().apply(
        (3,)
    ) == Success((3,))


def test_nothing_is_altered_by_a_refusal() -> None:
    table = Map({"k": (1,), "l": (0.5,)})
    result = planned(
        clients(cell("n", 0)),
        clients(cell("n", (0, 0))),
        {"clients/n": arr(lambda n: (n, [][n]) if n else (0, 0))},
    )
    before = (table,)
    assert isinstance(result.unwrap().apply(before), Failure)
    assert before == (Map({"k": (1,), "l": (0.5,)}),)


# Classes of equal shape

VERSION = """
from __future__ import annotations
import attrs
from arrows import keyed, arr, state, identity

@attrs.frozen
class Client:
    name: str
    visits: int = 0

    def greet(self):
        return "hello"

def key(x) -> Client:
    return x

table = keyed(state("last", Client("b"), identity()), arr(key), "t")
machine = state("one", Client("a"), state("many", (), table, of=tuple[Client, ...]))
"""


def test_values_follow_their_edited_classes(tmp_path: Path) -> None:
    old, new = load(tmp_path, VERSION), load(tmp_path, VERSION.replace("hello", "good day"))
    assert old.Client is not new.Client
    key = old.Client("k")
    before = (old.Client("x", 1), (old.Client("y"),), Map({key_of(key): (old.Client("z"),)}))
    after = moved(old.machine, new.machine, None, before)
    assert after[0] == new.Client("x", 1)
    assert after[0].greet() == "good day"
    assert after[1] == (new.Client("y"),)
    assert after[2] == Map({key_of(new.Client("k")): (new.Client("z"),)})
    assert {type(each.value) for each in after[2]} == {new.Client}


def test_a_new_class_may_refuse_an_old_value(tmp_path: Path) -> None:
    strict = VERSION.replace(
        "    visits", "    visits: int = attrs.field(default=0, validator=attrs.validators.lt(9))\n    #"
    )
    old, new = load(tmp_path, VERSION), load(tmp_path, strict)
    result = planned(old.machine, new.machine).unwrap()
    failure = result.apply((old.Client("x", 10), (), Map())).failure()
    assert isinstance(failure, MigrationRaised)
    assert "'one' raised ValueError: 'visits' must be < 9" in failure.message


@attrs.frozen
class Total:
    n: int


def test_arrows_may_keep_state_while_they_run() -> None:
    counting: Arrow[Any, Any] = loop(lambda x, n: (Total(n + x), n + x), 1, "n")
    assert moved(cell("n", 0), cell("n", Total(0)), {"n": counting}, (4,)) == (Total(5),)
