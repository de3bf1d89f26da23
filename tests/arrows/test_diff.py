"""What differs between two machines: cells by address, nodes by path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from arrows import Arrow, arr, constant, diff, get, identity, keyed, named, put, state, switch
from arrows.changed_lines import changed_lines, segments
from arrows.diff import CellChange
from arrows.edit import Altered, Deleted, Inserted
from arrows.parts import Case
from arrows.source import SOURCE
from arrows.term import node
from arrows.testing import machines, types


def cell(name: str, init: Any, body: Arrow[Any, Any] | None = None) -> Arrow[Any, Any]:
    return state(name, init, body or (put(name) >> get(name)))


def test_cells_by_address() -> None:
    old = named("a", keyed(cell("n", 0), identity(), "k")) >> cell("gone", 1)
    new = named("a", keyed(cell("n", 0.5), identity(), "k")) >> arr(str) >> cell("came", "x")
    assert diff(old, new).cells == (
        CellChange("a/k/n", "changed", "int", "float"),
        CellChange("gone", "removed", "int"),
        CellChange("came", "added", "", "str"),
    )


def test_a_first_value_is_no_change_of_a_cell() -> None:
    found = diff(cell("n", 0), cell("n", 1))
    assert found.cells == ()
    (edit,) = found.edits
    assert isinstance(edit, Altered)
    assert str(found) == "~ node 0: state('n': int = 0) -> state('n': int = 1)"


def test_nodes_by_path() -> None:
    old = named("a", switch((int, constant(1) >> constant(2)), (str, identity())))
    new = named("a", switch((float, identity()), (int, constant(1) >> constant(3) >> constant(2))))
    assert diff(old, new).edits == (
        Deleted((0, 0, 0, 0, 1), Case(str, node(identity()))),
        Inserted((0, 0, 0, 0, 0), Case(float, node(identity()))),
        Inserted((0, 0, 0, 0, 1, 0, 1), node(constant(3))),
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


@given(types().flatmap(lambda kind: st.tuples(machines(kind, kind), machines(kind, kind))))
def test_a_difference_is_told_just_where_there_is_one(two: tuple[Arrow[Any, Any], Arrow[Any, Any]]) -> None:
    assert not diff(two[0], two[0])
    found = diff(*two)
    assert bool(found.edits) == (two[0] != two[1])
    assert json.dumps(found.to_plain())
    assert len(str(found).splitlines()) >= len(found.edits)


def test_two_versions_in_the_lines_they_were_written_in(tmp_path: Path) -> None:
    def version(number: int, line: str) -> Arrow[Any, Any]:
        file = tmp_path / f"v{number}.py"
        file.write_text(
            "from arrows import proc\n\n\n@proc\ndef add(by: int, *, total: int = 0) -> int:\n"
            f"    {line}\n    return total\n"
        )
        names: dict[str, Any] = {"__name__": f"v{number}", SOURCE: {str(file): file.read_text()}}
        exec(compile(file.read_text(), str(file), "exec"), names)
        return names["add"]  # type: ignore[no-any-return]

    found = diff(version(1, "total += by"), version(2, "total -= by"))
    (line,) = changed_lines(found)
    assert (line.old_text, line.new_text) == ("total += by", "total -= by")
    assert str(line).splitlines() == [
        f"- {tmp_path}/v1.py:6: total += by",
        f"+ {tmp_path}/v2.py:6: total -= by",
    ]
    assert json.dumps(line.to_plain())
    assert changed_lines(found, lambda place: "") == ()


def test_each_line_has_a_style() -> None:
    found = diff(cell("n", 0) >> constant(1), arr(abs) >> cell("n", 0.5))
    assert "\n".join(text for _, text in segments(found)) == str(found)
    assert {style for style, _ in segments(found)} == {"added", "changed", "removed"}
