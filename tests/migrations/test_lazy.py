"""A table on its way is the table that it would be at once, whatever is done to it meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from immutables import Map

from arrows.keys import is_initial, keep
from migrations.ahead import AT_ONCE
from migrations.lazy import LazyTable, Thrown, lazily, left, plain
from migrations.planner import Refused
from migrations.refusal import MigrationRaised

FIRST = (0, "")
SIZE = AT_ONCE * 2

keys = st.integers(0, SIZE + 10)
rows = st.tuples(st.integers(0, 3), st.sampled_from(["", "x"]))
operations = st.lists(
    st.one_of(
        st.tuples(st.just("write"), keys, rows),
        st.tuples(st.just("sweep"), st.integers(1, 60), st.just(FIRST)),
        st.tuples(st.just("touch"), keys, st.just(FIRST)),
    ),
    max_size=60,
)


def up(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The old version has a number and a note; the new one has the number doubled, and drops the note."""
    return row[0] * 2, ""


def thrown(row: tuple[Any, ...]) -> Any:
    return {"note": row[1]} if row[1] else None


def down(row: tuple[Any, ...], lost: Any) -> tuple[Any, ...]:
    return row[0] // 2, lost.get("note", "")


def base() -> Map[Any, Any]:
    return Map((key, (key % 5, "note" if key % 3 else "")) for key in range(1, SIZE) if key % 5)


def eager(table: Map[Any, Any]) -> Map[Any, Any]:
    return Map((key, up(row)) for key, row in table.items() if not is_initial(up(row), FIRST))


@settings(max_examples=150, deadline=None)
@given(operations)
def test_it_is_as_the_map_whatever_happens(operations: list[tuple[str, int, Any]]) -> None:
    old = base()
    lazy: Any = lazily(old, up, FIRST)
    model = eager(old)
    written: set[int] = set()
    cursor = iter(old)
    for what, key, row in operations:
        if what == "write":
            lazy, model = (keep(each, key, row, FIRST) for each in (lazy, model))
            written.add(key)
        elif what == "sweep":
            lazy = lazy.swept([each for _, each in zip(range(key), cursor, strict=False)])
        assert lazy.get(key, FIRST) == model.get(key, FIRST)
        assert (key in lazy) == (key in model)
    assert dict(lazy.items()) == dict(model.items())
    assert lazy.left == len([key for key in old if not lazy.is_led(key)])
    assert lazy.whole() == model
    back = lazy.back(down, FIRST, Thrown(old, thrown).get)
    for key, row in old.items():
        if key not in written:
            assert back[key] is row
    expected = {key: down(model.get(key, FIRST), thrown(old.get(key, FIRST)) or {}) for key in written}
    for key, row in expected.items():
        assert back.get(key, FIRST) == row


def test_all_of_it_swept_is_the_whole() -> None:
    lazy = lazily(base(), up, FIRST)
    swept = lazy.swept(lazy.base)
    assert (lazy.left > 0, swept.left, left((swept, 1))) == (True, 0, 0)
    assert plain((swept, 1)) == (eager(base()), 1)


def test_the_first_rows_are_led_at_once() -> None:
    def raising(row: tuple[Any, ...]) -> tuple[Any, ...]:
        raise Refused(MigrationRaised("m", "a", "ValueError: no"))

    with pytest.raises(Refused):
        lazily(base(), raising, FIRST)


def test_a_row_that_is_not_there_cannot_be_deleted() -> None:
    lazy = lazily(base(), up, FIRST)
    with pytest.raises(KeyError):
        lazy.delete(5)
    with pytest.raises(KeyError):
        lazy[5]
    assert isinstance(lazy.delete(1), LazyTable)
