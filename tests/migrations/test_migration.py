"""Migrations as values."""

from __future__ import annotations

from typing import Any

import pytest

from arrows import BuildError, arr, get, put
from migrations import DROP, Migration


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ({"n": abs}, r"up\['n'\] is <built-in function abs>, not an arrow\nGive an arrow"),
        ({5: DROP}, r"up\[5\]"),
        ({"n": None}, r"up\['n'\] is None"),
        ({"n": get("n")}, "no cell 'n' in scope"),
        ({"n": arr(abs) >> put("m")}, "no cell 'm' in scope"),
    ],
)
def test_what_is_no_way_is_refused_where_it_is_written(ways: Any, words: str) -> None:
    with pytest.raises(BuildError, match=words) as refused:
        Migration("m", old="1", new="2", up=ways)
    assert refused.value.where is not None
    assert refused.value.where.file == __file__


def test_down_is_checked_too() -> None:
    with pytest.raises(BuildError, match=r"down\['n'\]"):
        Migration("m", old="1", new="2", up={}, down={"n": 1})  # type: ignore[dict-item]


def test_an_empty_down_is_a_way_back() -> None:
    assert Migration("m", old="1", new="2", up={}).down is None
    assert Migration("m", old="1", new="2", up={}, down={}).down == {}
