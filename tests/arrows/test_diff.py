"""What differs between two machines: cells by address, nodes by path."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from arrows import Arrow, arr, constant, diff, get, identity, keyed, named, put, state, switch
from arrows.diff import CellChange, NodeChange
from tests.arrows.machines import TYPES, machines


def cell(name: str, init: Any, body: Arrow[Any, Any] | None = None) -> Arrow[Any, Any]:
    return state(name, init, body or (put(name) >> get(name)))


def test_cells_by_address() -> None:
    old = named("a", keyed(cell("n", 0), identity(), "k")) >> cell("gone", 1)
    new = named("a", keyed(cell("n", 0.5), identity(), "k")) >> cell("came", "x")
    assert diff(old, new).cells == (
        CellChange("a/k/n", "changed", "int", "float"),
        CellChange("gone", "removed", "int"),
        CellChange("came", "added", "", "str"),
    )


def test_a_first_value_is_no_change_of_a_cell() -> None:
    found = diff(cell("n", 0), cell("n", 1))
    assert found.cells == ()
    assert found.nodes == (NodeChange((), "changed", "state('n': int = 0)", "state('n': int = 1)"),)


def test_nodes_by_path() -> None:
    old = named("a", switch((int, constant(1) >> constant(2)), (str, identity())))
    new = named("a", switch((float, identity()), (int, constant(1) >> constant(3) >> constant(2))))
    assert diff(old, new).nodes == (
        NodeChange((0, 0, 1), "added", "", "constant(3)"),
        NodeChange((0, 1), "removed", "case str"),
        NodeChange((0, 0), "added", "", "case float"),
    )


def test_one_stage_before_forty() -> None:
    stages = [constant(n) for n in range(40)]
    old: Arrow[Any, Any] = identity()
    new: Arrow[Any, Any] = arr(abs) >> old
    for stage in stages:
        old, new = old >> stage, new >> stage
    assert str(diff(old, new)) == "+ node 0: abs"
    assert str(diff(new, old)) == "- node 0: abs"


def test_none() -> None:
    found = diff(cell("n", 0), cell("n", 0))
    assert not found
    assert str(found) == "no difference"
    assert found.to_plain() == {"cells": [], "nodes": []}


@given(TYPES.flatmap(lambda kind: st.tuples(machines(kind, kind), machines(kind, kind))))
def test_a_difference_is_told_just_where_there_is_one(two: tuple[Arrow[Any, Any], Arrow[Any, Any]]) -> None:
    assert not diff(two[0], two[0])
    found = diff(*two)
    assert bool(found.nodes) == (two[0] != two[1])
    assert json.dumps(found.to_plain())
    assert len(str(found).splitlines()) >= len(found.nodes)
