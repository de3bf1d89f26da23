"""Delay, accumulate, hold, changes and modes: what they do, for every reader, and that they are data."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrows import (
    Arrow,
    BuildError,
    accumulate,
    arr,
    changes,
    compile,
    constant,
    decode,
    delay,
    encode,
    evaluate,
    hold,
    modes,
    proc,
    run,
)

INTS = st.lists(st.integers(-3, 3), max_size=8)


@attrs.frozen
class Idle:
    pass


@attrs.frozen
class Busy:
    left: int


@proc
def begin(at: tuple[int, Idle]) -> tuple[str, Idle | Busy]:
    work, idle = at
    return ("began", Busy(work)) if work > 0 else ("nothing to do", idle)


@proc
def go_on(at: tuple[int, Busy]) -> tuple[str, Idle | Busy]:
    _, busy = at
    return ("goes on", Busy(busy.left - 1)) if busy.left > 1 else ("done", Idle())


WORKER = modes((Idle, begin), (Busy, go_on), init=Idle())


@proc
def plus(at: tuple[int, int]) -> int:
    by, total = at
    return total + by


def everywhere(arrow: Arrow[Any, Any], inputs: list[Any], classes: tuple[type, ...] = ()) -> list[Any]:
    """What every reader answers; they must agree, and the machine must be data."""
    answers = run(arrow, inputs)
    state: Any = None
    for value, answer in zip(inputs, answers, strict=True):
        state, found = evaluate(arrow, state, value)
        assert found == answer
    assert run(decode(encode(arrow).unwrap(), classes).unwrap(), inputs) == answers
    return answers


@given(INTS)
def test_a_delay_is_one_step_late(inputs: list[int]) -> None:
    assert everywhere(delay(0), inputs) == [0, *inputs][: len(inputs)]


@given(INTS)
def test_accumulate_gives_what_it_keeps(inputs: list[int]) -> None:
    assert everywhere(accumulate(plus, 0, "total"), inputs) == [
        sum(inputs[: n + 1]) for n in range(len(inputs))
    ]


@given(INTS)
def test_holding_the_changes_is_the_input(inputs: list[int]) -> None:
    assert everywhere(changes(0) >> hold(0), inputs) == inputs


@given(INTS)
def test_a_change_differs_from_the_input_before(inputs: list[int]) -> None:
    before = [0, *inputs]
    expected = [new if new != old else None for old, new in zip(before, inputs, strict=False)]
    assert everywhere(changes(0), inputs) == expected


def test_hold_keeps_what_is_false_but_not_none() -> None:
    assert everywhere(hold(7), [None, 0, None, False]) == [7, 0, 0, False]


def test_a_mode_has_data_and_says_what_is_next() -> None:
    told = everywhere(WORKER, [0, 2, 9, 9, 1], (Idle, Busy))
    assert told == ["nothing to do", "began", "goes on", "done", "began"]


def test_the_cell_of_modes_is_typed_by_its_classes() -> None:
    (slot,) = compile(WORKER).slots
    assert (slot.address, str(slot.shape)) == ("mode", "Idle | Busy")  # type: ignore[union-attr]


def test_two_delays_stay_apart() -> None:
    both = delay(0, "near") >> delay(0, "far")
    assert [slot.address for slot in compile(both).slots] == ["near", "far"]
    assert everywhere(both, [1, 2, 3]) == [0, 0, 1]


def test_a_mode_that_is_none_of_them_is_an_error_and_changes_nothing() -> None:
    wrong: Arrow[int, str] = modes((Idle, arr(lambda _: ("gone", 3))), (Busy, go_on), init=Idle())
    program = compile(wrong)
    state, _ = program.step(program.initial(), 1)
    with pytest.raises(TypeError, match=r"none of Idle \| Busy"):
        program.step(state, 1)


def test_what_cannot_be_modes_is_refused() -> None:
    again = constant(("on", Idle()))
    with pytest.raises(BuildError, match="overlap"):
        modes((int, constant(("on", 1))), (bool, constant(("on", True))), init=1)
    with pytest.raises(BuildError, match="first value is not of its type"):
        modes((Idle, again), init=Busy(1))
    with pytest.raises(BuildError, match="cannot name a cell"):
        modes((Idle, again), init=Idle(), name="a/b")
