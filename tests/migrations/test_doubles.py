"""Cells of equal address: their number must stay until they are named."""

from __future__ import annotations

from typing import Any

import pytest

from arrows.term import Arrow
from midflight import arr, compile, compose, keyed, loop, named, plan
from migrations.refusal import DoublesChanged


def add(by: int, total: int) -> tuple[int, int]:
    return total + by, total + by


def same(by: int) -> int:
    return by


COUNT = loop(add, init=0, name="count")
ONE, TWO, THREE = COUNT, compose(COUNT, COUNT), compose(COUNT, COUNT, COUNT)


def inside(body: Arrow[int, int]) -> Arrow[int, int]:
    return keyed(body, arr(same), "clients")


@pytest.mark.parametrize(
    ("old", "new", "numbers"),
    [(ONE, TWO, (1, 2)), (TWO, ONE, (2, 1)), (TWO, THREE, (2, 3)), (THREE, TWO, (3, 2))],
)
@pytest.mark.parametrize(("around", "address"), [(compose, "count"), (inside, "clients/count")])
def test_another_number_is_refused(
    old: Any, new: Any, numbers: tuple[int, int], around: Any, address: str
) -> None:
    refused = plan(compile(around(old)), compile(around(new)), None, machine="m").failure()
    assert refused == DoublesChanged("m", address, *numbers)


@pytest.mark.parametrize("around", [compose, inside])
def test_the_same_number_is_kept(around: Any) -> None:
    found = plan(compile(around(TWO)), compile(around(TWO >> arr(same))), None).unwrap()
    assert {row.label for row in found.rows} == {"kept"}


def test_a_name_of_its_own_for_what_comes_is_enough() -> None:
    found = plan(compile(ONE), compile(compose(COUNT, named("more", COUNT))), None).unwrap()
    assert [(row.address, row.label) for row in found.rows] == [("count", "kept"), ("more/count", "new")]
