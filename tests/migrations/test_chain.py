"""Chains: the shortest way through migrations, and that going it at once is stepping through it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map
from returns.result import Failure

from arrows import Arrow, arr, compile, identity, keyed, state
from arrows.cells import Values
from arrows.keys import key_of
from migrations import Migration, lens
from migrations.chain import Ambiguous, Gap, NotAtHand, Route, path, route
from migrations.refusal import UndeclaredLoss


def edges(*ends: str) -> list[Migration]:
    return [Migration("m", old=each[0], new=each[1]) for each in ends]


def labels(found: Any) -> list[str]:
    return [edge.new for edge in found.unwrap()]


def test_the_shortest_path_is_taken() -> None:
    known = edges("12", "23", "34", "45", "35", "21")
    assert labels(path("m", "1", "4", known)) == ["2", "3", "4"]
    assert labels(path("m", "1", "5", known)) == ["2", "3", "5"]
    assert labels(path("m", "1", "2", known)) == ["2"]
    assert labels(path("m", "1", "1", known)) == []
    assert labels(path("other", "1", "5", known)) == []


def test_where_nothing_speaks_of_either_end_structure_decides() -> None:
    assert labels(path("m", "7", "9", edges("12", "23"))) == []
    assert labels(path("m", "3", "1", edges("12", "23"))) == []


@pytest.mark.parametrize(
    ("known", "old", "new", "words"),
    [
        (
            edges("12", "34"),
            "1",
            "4",
            "no migrations lead from version 1 to 4; there are 1 to 2, 3 to 4. Give one: ",
        ),
        (edges("12"), "1", "3", "there are 1 to 2"),
        (edges("23"), "1", "3", "there are 2 to 3"),
        (edges("12", "13"), "2", "3", "there are 1 to 3"),
    ],
    ids=["a hole", "the end is missing", "the begin is missing", "a fork"],
)
def test_a_gap(known: list[Migration], old: str, new: str, words: str) -> None:
    refusal: Any = path("m", old, new, known).failure()
    assert isinstance(refusal, Gap)
    assert words in str(refusal)


def test_several_ways_of_one_length_are_listed() -> None:
    refusal: Any = path("m", "1", "4", edges("12", "13", "24", "34")).failure()
    assert isinstance(refusal, Ambiguous)
    assert "several ways lead from version 1 to 4: 1 to 2 to 4; 1 to 3 to 4." in str(refusal)
    assert labels(path("m", "1", "4", edges("12", "13", "24", "34", "14"))) == ["4"]


@given(
    st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_no_migration_is_applied_twice(ends: set[tuple[int, int]], old: int, new: int) -> None:
    known = [Migration("m", old=str(a), new=str(b)) for a, b in sorted(ends) if a != b]
    found = path("m", str(old), str(new), known)
    if isinstance(found, Failure):
        return
    way = found.unwrap()
    assert len({edge.new for edge in way} | {str(old)}) == len(way) + bool(way) or not way
    assert all(one.new == other.old for one, other in pairwise(way))
    if way:
        assert (way[0].old, way[-1].new) == (str(old), str(new))


# Going it at once


def cell(name: str, init: Any) -> Arrow[Any, Any]:
    return state(name, init, identity())


def table(*cells: Arrow[Any, Any]) -> Arrow[Any, Any]:
    body: Arrow[Any, Any] = identity()
    for each in cells:
        body = body >> each
    return keyed(body, identity(), "clients")


VERSIONS: dict[str, Arrow[Any, Any]] = {
    "1": cell("n", 0) >> cell("gone", "") >> table(cell("cents", 0)),
    "2": cell("count", 0) >> cell("more", 7) >> table(cell("cents", 0), cell("seen", 1)),
    "3": cell("count", 0.0) >> cell("more", 9) >> table(cell("euros", 0.0), cell("seen", 1)),
    "4": cell("total", (0.0, 9)) >> table(cell("euros", 0.0)),
}

KNOWN = [
    Migration(
        "m",
        old="1",
        new="2",
        lenses=[
            lens.rename("n", "count"),
            lens.drop("gone"),
            lens.add("more", 8),
            lens.add("clients/seen", 1),
        ],
    ),
    Migration(
        "m",
        old="2",
        new="3",
        lenses=[
            lens.rename("clients/cents", "clients/euros"),
            lens.inside("clients/euros", lens.convert(arr(lambda n: n / 4), arr(lambda x: int(x * 4)))),
        ],
    ),
    Migration(
        "m",
        old="3",
        new="4",
        lenses=[
            lens.merge(("count", "more"), "total", identity(), identity()),
            lens.drop("clients/seen"),
        ],
    ),
]


def way(old: str, new: str) -> Route:
    programs = {label: compile(arrow) for label, arrow in VERSIONS.items()}
    return route("m", (old, programs[old]), (new, programs[new]), KNOWN, programs).unwrap()


@given(
    st.integers(-(2**50), 2**50),
    st.text(),
    st.dictionaries(st.text(max_size=2), st.integers(-(2**50), 2**50).filter(bool), max_size=4),
)
def test_skipping_equals_stepping_through(n: int, gone: str, rows: dict[str, int]) -> None:
    first: Values = (n, gone, Map({key_of(key): (cents,) for key, cents in rows.items()}))
    for last in "234":
        at_once = way("1", last)
        stepped: Values = first
        for old in range(1, int(last)):
            stepped = way(str(old), str(old + 1)).plan().unwrap().apply(stepped).unwrap()
        up = at_once.plan().unwrap()
        assert up.apply(first).unwrap() == stepped
        down = at_once.plan(down=True, lost=True).unwrap()
        assert down.apply(stepped, up.lost(first).unwrap()).unwrap() == first
        back: Values = stepped
        for old in range(int(last) - 1, 0, -1):
            back = way(str(old), str(old + 1)).plan(down=True).unwrap().apply(back).unwrap()
        assert at_once.plan(down=True).unwrap().apply(stepped).unwrap() == back


def test_the_rows_say_of_which_step_they_are() -> None:
    found = [(row.address, row.label, row.how) for row in way("1", "3").survey().plan.rows]
    assert ("count", "moved", "1 to 2: n to count") in found
    assert ("count", "converted", "2 to 3: inferred (wider number)") in found


def test_a_version_between_must_be_at_hand() -> None:
    one, four = compile(VERSIONS["1"]), compile(VERSIONS["4"])
    refusal: Any = route("m", ("1", one), ("4", four), KNOWN, {}).failure()
    assert isinstance(refusal, NotAtHand)
    assert "the way from version 1 to 2 to 3 to 4 needs version 2 and 3 at hand" in str(refusal)


def test_what_one_step_refuses_refuses_the_way() -> None:
    programs = {label: compile(arrow) for label, arrow in VERSIONS.items()}
    known = [KNOWN[0], Migration("m", old="2", new="3"), KNOWN[2]]
    found = route("m", ("1", programs["1"]), ("4", programs["4"]), known, programs).unwrap()
    assert isinstance(found.plan().failure(), UndeclaredLoss)


def test_it_leads_down_where_the_migrations_lead_up() -> None:
    programs = {label: compile(arrow) for label, arrow in VERSIONS.items()}
    ends = ("3", programs["3"]), ("2", programs["2"])
    down = route("m", *ends, KNOWN, programs).unwrap()
    assert down.leads_down
    assert down.ends == ends
    state = (5.0, 9, Map({key_of("a"): (2.5, 1)}))
    (after,) = [down.plan().unwrap().apply(state).unwrap()]
    assert after == (5, 9, Map({key_of("a"): (10, 1)}))
    assert down.plan(down=True).unwrap().apply(after).unwrap() == state
    gone: Any = route("m", ("4", programs["4"]), ("1", programs["1"]), KNOWN, {}).failure()
    assert isinstance(gone, NotAtHand)
