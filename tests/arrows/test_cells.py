"""Addresses of cells, and keys of rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from arrows import Arrow, compile, get, identity, keyed, loop, named, proc, put, state
from arrows.canonical import canonical
from arrows.cells import Table, flat, layout
from arrows.keys import keep, key_of, value_of
from arrows.shape import shape_of
from arrows.term import node


def cell(name: str, body: Arrow[Any, Any] | None = None) -> Arrow[Any, Any]:
    return state(name, 0, body or identity())


def addresses(machine: Arrow[Any, Any]) -> list[str]:
    return [slot.address for slot in flat(layout(node(machine)).slots)]


CASES: list[tuple[Arrow[Any, Any], list[str]]] = [
    (cell("a", cell("b")), ["a", "b"]),
    (cell("a") >> (cell("b") * cell("c")), ["a", "b", "c"]),
    (named("x", cell("a", named("y", cell("b")))), ["x/a", "x/y/b"]),
    (keyed(cell("a"), identity(), "k"), ["k", "k/a"]),
    (named("x", keyed(named("y", cell("a")), identity(), "k")), ["x/k", "x/k/y/a"]),
    (keyed(keyed(cell("a"), identity(), "i"), identity(), "o"), ["o", "o/i", "o/i/a"]),
    (cell("a") & cell("a") & cell("a"), ["a", "a#2", "a#3"]),
    (named("x", cell("a")) >> cell("a") >> named("x", cell("a")), ["x/a", "a", "x/a#2"]),
    (keyed(cell("a"), identity(), "k") & keyed(cell("a"), identity(), "k"), ["k", "k/a", "k#2", "k#2/a"]),
    (cell("k") >> keyed(cell("a"), identity(), "k"), ["k", "k#2", "k#2/a"]),
]


@pytest.mark.parametrize(
    ("machine", "expected"), CASES, ids=lambda each: "-".join(each) if isinstance(each, list) else ""
)
def test_addresses(machine: Arrow[Any, Any], expected: list[str]) -> None:
    assert addresses(machine) == expected


def test_refactoring_moves_nothing() -> None:
    assert addresses(cell("a") >> cell("b")) == addresses(
        (identity() & (cell("a") >> identity())) >> second_of(cell("b"))
    )


def second_of(machine: Arrow[Any, Any]) -> Arrow[Any, Any]:
    return identity() * machine


def test_the_nearest_cell_of_a_name_is_meant() -> None:
    machine: Arrow[Any, Any] = state("n", 1, state("n", 2, put("n")) & get("n"))
    program = compile(machine)
    assert program.step(program.initial(), 5) == ((1, 5), (None, 1))


def test_types_come_from_annotations_else_from_the_first_value() -> None:
    def body(x: int, s: int | None) -> tuple[int, int | None]:
        return x, s

    machines: list[Arrow[Any, Any]] = [cell("a"), state("a", 1, identity(), of=float)]
    machines += [loop(body, None, "n"), state("t", (), identity())]
    shapes = [slot.shape for each in machines for slot in compile(each).slots if not isinstance(slot, Table)]
    assert shapes == [shape_of(each) for each in (int, float, int | None, tuple[()])]


def test_a_table_knows_the_type_of_its_keys() -> None:
    @proc
    def by(x: tuple[int, str]) -> str:
        return x[1]

    (slot,) = compile(keyed(cell("a"), by, "k")).slots
    assert isinstance(slot, Table)
    assert slot.key == shape_of(str)


_KEYS = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, -0.0, 1.0, 2.5, "", "1", b"1"]),
    lambda inner: st.tuples(inner, inner),
    max_leaves=3,
)


@given(_KEYS, _KEYS)
def test_keys_are_equal_just_where_their_bytes_are(one: Any, other: Any) -> None:
    assert repr(value_of(key_of(one))) == repr(one)
    same = canonical(one) == canonical(other)
    assert (key_of(one) == key_of(other)) == same
    assert not same or hash(key_of(one)) == hash(key_of(other))


@given(_KEYS, _KEYS)
def test_rows_like_the_first_are_not_kept(value: Any, first: Any) -> None:
    rows = keep(Map(), "k", (value,), (first,))
    assert (len(rows) == 0) == (canonical(value) == canonical(first))
    assert len(keep(rows, "k", (first,), (first,))) == 0


@pytest.mark.parametrize("key", [{1}, [object()], lambda: 1])
def test_what_is_no_data_is_no_key(key: Any) -> None:
    with pytest.raises(TypeError, match="not plain data"):
        key_of(key)
