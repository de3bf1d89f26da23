"""A difference as a picture: every edit is seen in its colour, and what is left without them is the new machine."""

from __future__ import annotations

import re
from typing import Any

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
    mermaid,
    named,
    parallel,
    put,
    state,
    switch,
)
from arrows.draw import dot
from arrows.marked import Marked, marked
from arrows.parts import Tree, machine
from arrows.term import Primitive, sequence
from arrows.testing import machines, types

Machine = Arrow[Any, Any]
MACHINES = types().flatmap(lambda kind: st.tuples(machines(kind, kind), machines(kind, kind)))
A: Machine = arr(abs)
B, C = constant(1), constant(2)


def boxes(old: Machine, new: Machine) -> dict[str, list[str]]:
    """The texts in each colour, in the order in which they are drawn."""
    chart = mermaid(old, diff(old, new))
    found: dict[str, list[str]] = {}
    for text, look in re.findall(r'"(?P<text>[^"]*)"[\])}]+:::(\w+)', chart.partition("subgraph legend")[0]):
        found.setdefault(look, []).append(text)
    for name, look in re.findall(r"\n  class (\w+) (\w+)", chart):
        (title,) = re.findall(rf'subgraph {name} \["([^"]*)"\]', chart)
        found.setdefault(look, []).append(title)
    return found


def cell(name: str, init: int = 0) -> Machine:
    return state(name, init, put(name) >> get(name))


FORK = switch((int, A), (str, B))
EACH: dict[str, tuple[Machine, Machine, dict[str, list[str]]]] = {
    "a stage that came": (A >> C, A >> B >> C, {"inserted": ["constant(1)"]}),
    "a stage that went": (A >> B >> C, A >> C, {"deleted": ["constant(1)"]}),
    "a stage that is another": (A >> B, A >> C, {"replaced": ["constant(2)<br/>was constant(1)"]}),
    "a scope that came": (A, A >> named("x", B), {"inserted": ["constant(1)", "named('x')"]}),
    "a scope that came around": (A >> B, named("x", A >> B), {"inserted": ["named('x')"]}),
    "a scope that went from around": (
        attempt(A >> B),
        A >> B,
        {"deleted": ["attempt<br/>what was in it stayed"]},
    ),
    "a cell that went from around": (
        state("n", 0, A >> B),
        A >> B,
        {"deleted": ["state('n': int = 0)<br/>what was in it stayed"]},
    ),
    "the other side of a parallel that came around": (
        A >> B,
        parallel(A >> B, C),
        {"inserted": ["parallel", "constant(2)"]},
    ),
    "a cell called otherwise": (
        cell("old"),
        cell("new"),
        {"moved": ["state('new': int = 0)<br/>was called old"]},
    ),
    "a first value": (
        cell("n", 0),
        cell("n", 1),
        {"replaced": ["state('n': int = 1)<br/>was state('n': int = 0)"]},
    ),
    "a stage that moved": (
        A >> named("x", B >> C) >> constant(3),
        named("x", B >> A >> C) >> constant(3),
        {"left": ["abs"], "moved": ["abs<br/>moved"]},
    ),
    "a case that came": (
        FORK,
        switch((int, A), (str, B), (bytes, C)),
        {"inserted": ["case bytes", "constant(2)"]},
    ),
    "a case that went": (FORK, switch((int, A)), {"deleted": ["case str", "constant(1)"]}),
    "plumbing that came": (A, A >> Primitive("copy"), {"inserted": ["copy"]}),
    "an empty scope that came": (A, A >> named("x", identity()), {"inserted": ["named('x')"]}),
}


@pytest.mark.parametrize("name", EACH)
def test_every_edit_is_seen(name: str) -> None:
    old, new, expected = EACH[name]
    assert len(diff(old, new).edits) == 1
    assert boxes(old, new) == expected
    graph = dot(old, diff(old, new))
    assert graph.count("fillcolor") >= sum(map(len, expected.values()))


def live(found: Marked, part: Tree, row: int) -> list[Tree]:
    gone = {each for each, mark in found.marks.items() if mark.gone}
    return [each for each in found.row(part, row) if each not in gone]


@given(MACHINES)
def test_what_is_shown_but_for_what_went_is_the_new_machine(two: tuple[Machine, Machine]) -> None:
    old, new = two
    difference = diff(old, new)
    found = marked(old, difference)
    assert machine(found.root) == new
    for part in found.root.below():
        for row, parts in enumerate(part.rows):
            assert live(found, part, row) == parts
    for edit in difference.edits:
        assert found.marks, edit
    assert dot(old, difference).count("{") == dot(old, difference).count("}")


@given(MACHINES)
def test_a_picture_with_a_difference_has_a_colour_for_each_kind_of_edit(two: tuple[Machine, Machine]) -> None:
    old, new = two
    difference = diff(old, new)
    looks = {
        "Inserted": "inserted",
        "Wrapped": "inserted",
        "Deleted": "deleted",
        "Unwrapped": "deleted",
        "Replaced": "replaced",
    }
    chart, graph = mermaid(old, difference), dot(old, difference)
    assert ("subgraph legend" in chart) == ("cluster_legend" in graph) == bool(difference.edits)
    assert graph.count(" -> ") == chart.count("-->") + chart.count("-.->")
    if len(difference.edits) == 1:
        (edit,) = difference.edits
        wanted = looks.get(type(edit).__name__)
        assert wanted is None or f"legend_{wanted}" in chart


def test_nothing_is_coloured_where_nothing_changed() -> None:
    assert mermaid(A >> B, diff(A >> B, A >> B)) == mermaid(A >> B)


def test_what_went_stands_where_it_was() -> None:
    old, new = sequence(A, B, C, constant(3)), sequence(A, C, constant(3))
    lines = [line.strip() for line in mermaid(old, diff(old, new)).splitlines()]
    went = next(line for line in lines if "constant(1)" in line).partition("[")[0]
    first = next(line for line in lines if "abs" in line).partition("[")[0]
    behind = next(line for line in lines if "constant(2)" in line).partition("[")[0]
    assert {f"{first} --> {went}", f"{went} --> {behind}", f"{first} --> {behind}"} <= set(lines)


def test_a_difference_of_another_machine_is_refused() -> None:
    with pytest.raises(BuildError, match="does not fit this machine"):
        mermaid(A, diff(B >> C, C))


@given(MACHINES)
def test_no_wire_is_said_inside_a_frame(two: tuple[Machine, Machine]) -> None:
    """Else its ends would be drawn in the frame."""
    for text in (mermaid(two[0], diff(*two)), dot(two[0], diff(*two))):
        wires = [line for line in text.splitlines() if re.search(r"-->|-\.->|->", line)]
        assert all(line.startswith("  ") and line[2] != " " for line in wires)
