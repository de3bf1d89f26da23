"""Machines in lines: what a reader of a terminal sees of a machine, and of what changed in it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from arrows.diff import diff
from arrows.term import Arrow, sequence
from arrows.testing import machines, types
from arrows.tree import tree
from midflight import arr, attempt, constant, keyed, named, switch
from runtime.loader import load
from tests.conftest import ROOT


def shown(old: Arrow[Any, Any], new: Arrow[Any, Any] | None = None) -> list[str]:
    return [str(line) for line in tree(old, None if new is None else diff(old, new))]


def test_the_counter_and_what_its_next_version_changes() -> None:
    old, new = (
        load(str(ROOT / f"examples/counter/v{number}.py")).unwrap().machines["counter"] for number in (1, 2)
    )
    assert shown(old) == [
        "state('count': int = 0)",
        "case Incr",
        "  get('count') >> field(by) >> add >> put('count') >> Ok",
        "case Read",
        "  get('count') >> Total",
    ]
    assert shown(old, new) == [
        "~state('count': tuple[int, int] = (0, 0)) (was state('count': int = 0))",
        "case Incr",
        "  get('count') >> +constant(0) >> +item >> +get('count') >> +constant(1) >> +item >> field(by) >> +add >> "
        "~pack(2) (was add) >> put('count') >> Ok",
        "case Read",
        "  get('count') >> +constant(1) >> +item >> Total",
    ]


def test_what_went_is_shown_where_it_was() -> None:
    first: Arrow[Any, Any] = arr(abs)
    one, last = constant(1), arr(str)
    old = sequence(first, one, last)
    assert shown(old, sequence(first, last)) == ["abs >> -constant(1) >> str"]
    assert shown(old, sequence(last, first, one))[0].count(">str (moved)") == 1


def test_scopes_and_cases_are_indented() -> None:
    machine = named("shop", attempt(switch((int, arr(abs)), (str, arr(len)))))
    assert shown(keyed(machine, by=arr(hash), name="shops")) == [
        "hash >> keyed('shops')",
        "  named('shop')",
        "    attempt",
        "      case int",
        "        abs",
        "      case str",
        "        len",
    ]


def test_a_case_that_became_another_is_shown_once() -> None:
    old = attempt(switch((int, arr(abs)), (str, arr(len))))
    new = attempt(switch((int, arr(abs)), (bytes, arr(len))))
    assert shown(old, new) == [
        "attempt",
        "  case int",
        "    abs",
        "  ~case bytes (was case str)",
        "    len",
    ]


@settings(max_examples=60)
@given(types().flatmap(lambda kind: st.tuples(machines(kind, kind), machines(kind, kind))))
def test_any_two_machines(two: tuple[Arrow[Any, Any], Arrow[Any, Any]]) -> None:
    """What is not marked as gone is, in its order, the new machine."""
    old, new = two
    assert not any(word.look for line in tree(old) for word in line.words)
    there = [word.text for line in tree(new) for word in line.words]
    left = [
        word.text
        for line in tree(old, diff(old, new))
        for word in line.words
        if word.look not in ("deleted", "left") and word.text in there
    ]
    assert left == there
