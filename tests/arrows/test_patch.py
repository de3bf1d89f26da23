"""`patch(old, diff(old, new)) == new`, and a change that is one to a person is one edit."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrows import (
    Arrow,
    BuildError,
    arr,
    attempt,
    constant,
    diff,
    get,
    identity,
    named,
    parallel,
    patch,
    put,
    state,
)
from arrows.edit import Deleted, Edit, Inserted, Moved, Renamed, Replaced, Unwrapped, Wrapped
from arrows.limits import MAX_DEPTH
from arrows.parts import Case, Tree, built, machine, planted, rooted
from arrows.renaming import rename
from arrows.term import Keyed, Named, Node, State, Switch, node, sequence
from arrows.testing import machines, types

Machine = Arrow[Any, Any]
MACHINES = types().flatmap(lambda kind: machines(kind, kind))
ROWS = (
    types()
    .flatmap(lambda kind: st.lists(machines(kind, kind), min_size=1, max_size=8))
    .map(lambda parts: sequence(*parts))
)


class Fresh:
    """A class that no random machine knows."""


def one_edit(old: Machine, new: Machine) -> Edit:
    found = diff(old, new)
    assert patch(old, found) == new
    (edit,) = found.edits
    return edit


@given(types().flatmap(lambda kind: st.tuples(machines(kind, kind), machines(kind, kind))))
def test_a_machine_is_patched_into_any_other(two: tuple[Machine, Machine]) -> None:
    old, new = two
    assert patch(old, diff(old, new)) == new
    assert patch(new, diff(new, old)) == old


def inside(root: Tree) -> list[Tree]:
    return [each for each in root.below() if each is not root]


@st.composite
def edited(draw: st.DrawFn, old: Machine) -> tuple[str, Node]:
    """A machine with one change at a random place, and what the change is."""
    root = rooted(node(old))
    parts = inside(root)
    one = draw(st.sampled_from(parts))
    parent = one.parent
    assert parent is not None
    place = one.path()[-1]
    several = len(parent.rows[one.row]) > 1
    ways = ["insert", "replace"]
    ways += (
        ["delete"] * several + ["move"] * several + ["rename"] * isinstance(one.head, State | Named | Keyed)
    )
    way = draw(st.sampled_from(ways))
    if isinstance(one.head, Case):
        new: Any = planted(Case(Fresh, node(constant("fresh"))))
    else:
        came = [
            constant("fresh"),
            state("fresh", 0, constant("fresh") >> constant("more")),
            named("fresh", arr(abs)),
        ]
        known = [] if way == "replace" else [built(each) for each in parts if not isinstance(each.head, Case)]
        new = planted(draw(st.sampled_from([*map(node, came), *known])))
    match way:
        case "insert":
            parent.put(one.row, place + draw(st.integers(0, 1)), new)
        case "replace":
            one.swap(new)
        case "delete":
            one.take()
        case "rename":
            rename(one, "fresh")
        case "move":
            one.take()
            rows = [
                (each, row)
                for each in root.below()
                for row in range(len(each.rows))
                if isinstance(each.head, Switch) == isinstance(one.head, Case)
            ]
            target, row = draw(st.sampled_from(rows))
            target.put(row, draw(st.integers(0, len(target.rows[row]))), one)
    return way, machine(root)


@hypothesis.settings(max_examples=500)
@given(st.data())
def test_one_change_is_one_edit(data: st.DataObject) -> None:
    old = data.draw(st.one_of(MACHINES, ROWS))
    way, new = data.draw(edited(old))
    hypothesis.assume(old != new)
    try:
        found = diff(old, new)
    except BuildError:
        hypothesis.reject()  # it moved a `get` out of its cell's scope, say
    hypothesis.note(f"{way}\n{found}")
    assert patch(old, found) == new
    assert len(found.edits) == 1


def stages(count: int) -> list[Machine]:
    return [constant(n) for n in range(count)]


def chain(parts: list[Machine]) -> Machine:
    return sequence(*parts)


def test_one_stage_before_forty() -> None:
    forty = stages(40)
    found = one_edit(chain(forty), chain([arr(abs), *forty]))
    assert isinstance(found, Inserted)
    assert str(found) == "+ node 0: abs"


def test_a_cell_before_forty_of_its_type() -> None:
    def cell(n: int) -> Machine:
        return state(f"cell{n}", 0, put(f"cell{n}") >> get(f"cell{n}"))

    forty = [cell(n) for n in range(40)]
    found = diff(chain(forty), chain([cell(99), *forty]))
    assert len(found.edits) == 1
    assert [str(each) for each in found.cells] == ["+ cell cell99: int"]


def test_forty_equal_stages_and_one_more() -> None:
    same: list[Machine] = [arr(abs)] * 40
    assert isinstance(one_edit(chain(same), chain([*same, arr(abs)])), Inserted)


def test_a_cell_under_another_name_is_one_edit() -> None:
    def cell(name: str) -> Machine:
        return state(name, 0, put(name) >> get(name) >> (get(name) & identity()))

    found = one_edit(cell("old"), cell("new"))
    assert isinstance(found, Renamed)
    assert str(found) == "~ node 0: old is called new"


def test_a_cell_that_hides_another_is_not_renamed_with_it() -> None:
    inner = state("n", 0, get("n"))
    old = state("n", 1, get("n") >> inner)
    new = state("m", 1, get("m") >> inner)
    assert isinstance(one_edit(old, new), Renamed)


def test_a_scope_around_what_was_there_is_one_edit() -> None:
    parts = stages(5)
    old = chain(parts)
    news: tuple[Machine, ...] = (
        chain([*parts[:2], attempt(chain(parts[2:4])), parts[4]]),
        named("all", old),
        parallel(old, identity()),
    )
    for new in news:
        assert isinstance(one_edit(old, new), Wrapped)
        assert isinstance(one_edit(new, old), Unwrapped)


def test_a_stage_that_moved_into_a_scope() -> None:
    old: Machine = arr(abs) >> named("in", constant(1) >> constant(2)) >> constant(3)
    new: Machine = named("in", constant(1) >> arr(abs) >> constant(2)) >> constant(3)
    assert isinstance(one_edit(old, new), Moved)


def test_what_equality_does_not_tell_apart_is_told() -> None:
    for one, other in ((1, True), (1, 1.0), (0.0, -0.0), ((1,), (True,))):
        assert len(diff(constant(one), constant(other)).edits) == 1
        assert not diff(constant(one), constant(one))


def test_values_that_are_not_hashable() -> None:
    assert not diff(constant([1, {"a": [2]}]), constant([1, {"a": [2]}]))
    assert isinstance(one_edit(constant([1, {"a": 1}]), constant([1, {"a": 2}])), Replaced)


def test_functions_loaded_twice_are_one_content() -> None:
    def made() -> Machine:
        def stage(x: int) -> int:
            return x + 1

        return arr(stage) >> constant(2)

    old, new = made(), made()
    assert old != new
    found = diff(old, new)
    assert not found
    assert patch(old, found) == new


def test_a_patch_for_another_machine_is_refused() -> None:
    found = diff(arr(abs) >> constant(1), arr(abs) >> constant(2))
    others: list[Machine] = [arr(abs), arr(abs) >> constant(3), constant(0)]
    for other in others:
        with pytest.raises(BuildError, match="does not fit this machine: ~ node 1"):
            patch(other, found)


def test_wide_and_deep() -> None:
    many = stages(10_000)
    assert isinstance(one_edit(chain(many), chain([*many[:7000], arr(abs), *many[7000:]])), Inserted)
    deep: list[Machine] = [arr(abs), constant(0)]
    for level in range(MAX_DEPTH):
        deep = [named(f"n{level}", each) if level % 2 else attempt(each) for each in deep]
    assert isinstance(one_edit(*deep), Replaced)


def test_nothing_in_common() -> None:
    old, new = chain(stages(3000)), chain([constant(str(n)) for n in range(3000)])
    found = diff(old, new)
    assert len(found.edits) == 3000
    assert patch(old, found) == new


def test_a_row_the_other_way_round() -> None:
    parts = stages(400)
    old, new = chain(parts), chain(parts[::-1])
    found = diff(old, new)
    assert patch(old, found) == new
    assert len(found.edits) == 399


def test_what_moved_out_of_a_scope_that_went() -> None:
    kept = named("kept", chain(stages(5)))
    old = chain([named("gone", chain([arr(abs), kept, arr(str)])), constant(8), constant(9)])
    found = diff(old, chain([constant(8), kept, constant(9)]))
    assert [type(each) for each in found.edits] == [Moved, Deleted]
    assert patch(old, found) == chain([constant(8), kept, constant(9)])
    new = chain([arr(len), constant(8), kept, constant(9)])
    found = diff(old, new)
    assert [type(each) for each in found.edits] == [Moved, Replaced]
    assert patch(old, found) == new
