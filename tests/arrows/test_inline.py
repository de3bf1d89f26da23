"""A function leaf that is written out does what its call does."""

from __future__ import annotations

import gc
import linecache
import operator
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrows import Arrow, Program, arr, compile, compose, evaluate, fanout, loop, parallel

STEP = 3

# Nested functions and names from outside are called; all else is written out.
ONES: tuple[Callable[[Any], Any], ...] = (
    lambda x: x + 1,
    lambda x: 2 * x,
    lambda x: 7 - x,
    lambda x: -x,
    lambda x: not x,
    lambda x: x // 3 % 5,
    lambda x: 10 // x,
    lambda x: 10 % x if x else x,
    lambda x: x and 3,
    lambda x: x or 4,
    lambda x: x if x > 2 else 0,
    lambda x: 5 if x < 0 < 9 else 6,
    lambda x: 0 < x < 9,
    lambda x: (x, 1),
    lambda x: (x + 1, x, x * 2),
    lambda x: x[0],
    lambda x: "abc"[x],
    lambda x: x.real,
    lambda x: x.nothing,
    lambda x: x,
    lambda x: 8,
    lambda x: None,
    lambda x: "text",
    lambda x: x == "text",
    lambda x: 1.5,
    lambda x: x**2,
    lambda x: x + STEP,
    lambda x: abs(x) + 1,
    lambda x: [x],
    lambda x: (lambda: x)(),  # noqa: PLC3002
    lambda x, y=2: x * y,  # type: ignore[misc]
    lambda *x: x,
)
INPUTS = st.one_of(st.integers(-9, 9), st.booleans(), st.none(), st.sampled_from(["", "a"]))


def told(step: Callable[[], Any]) -> str:
    try:
        return repr(step())
    except Exception as error:
        return f"{type(error).__name__}{error.args}"


@given(st.lists(st.sampled_from(ONES), min_size=1, max_size=12), INPUTS)
def test_a_row_of_leaves_does_what_the_calls_do(row: list[Callable[[Any], Any]], x: Any) -> None:
    def calls() -> Any:
        value = x
        for each in row:
            value = each(value)
        return value

    machine: Arrow[Any, Any] = _row(row)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program = compile(machine)
    assert told(lambda: program.step((), x)[1]) == told(calls), program.source
    assert told(lambda: evaluate(machine, (), x)[1]) == told(calls)


def _row(row: list[Callable[[Any], Any]]) -> Arrow[Any, Any]:
    first, *others = (arr(each) for each in row)
    for each in others:
        first = first >> each
    return first


def source(machine: Arrow[Any, Any]) -> str:
    return compile(machine).source.replace(__file__, "FILE")


def test_stages_become_one_expression() -> None:
    text = source(compose(arr(lambda x: x + 1), arr(lambda x: x * 2), arr(lambda x: 3 - x)))
    assert "v1 = 3 - (x + 1) * 2  # FILE:" in text
    assert "f1(" not in text


def test_what_is_used_twice_or_late_is_evaluated_once_and_first() -> None:
    text = source(compose(arr(lambda x: x + 1), arr(lambda x: x * x)))
    assert "v1 = x + 1  #" in text
    assert "v2 = v1 * v1  #" in text
    text = source(compose(arr(lambda x: x.a), arr(lambda x: 1 if True else x)))
    assert "v1 = x.a  #" in text


def test_the_pair_of_a_loop_is_never_built() -> None:
    text = source(loop(lambda x, total: (total, x + total), init=0, name="total"))
    assert "(v" in text
    assert "f1(" not in text
    assert "[v" not in text


def double(x: int) -> int:
    return x * 2


@pytest.mark.parametrize(
    "function",
    [
        double,
        operator.neg,
        abs,
        lambda x: abs(x) + 1,
        lambda x: x + STEP,
        lambda x: [x],
        eval("lambda x: x + 1"),
    ],
)
def test_what_a_debugger_or_a_name_could_tell_is_called(function: Any) -> None:
    assert "f1(x)" in source(arr(function))


def test_operands_step_in_the_order_of_the_calls() -> None:
    class Loud:
        def __init__(self, name: str, said: list[str]) -> None:
            self.name, self.said = name, said

        def __add__(self, other: object) -> Loud:
            self.said.append(self.name)
            return self

    said: list[str] = []
    add: Arrow[Any, Any] = arr(lambda x: x + 1)
    machine = compose(
        parallel(add, add), fanout(arr(lambda p: p[1]), arr(lambda p: p[0])), parallel(add, add)
    )
    compile(machine).step((), (Loud("a", said), Loud("b", said)))
    assert said == ["a", "b", "b", "a"]


def test_a_traceback_shows_the_expression_and_names_its_place() -> None:
    program: Program[Any, Any] = compile(compose(arr(lambda x: x + 1), arr(lambda x: 10 // x)))
    with pytest.raises(ZeroDivisionError) as caught:
        program.step((), -1)
    shown = "".join(traceback.format_exception(caught.value))
    line = next(
        at for at, each in enumerate(Path(__file__).read_text().splitlines(), 1) if "10 // x)))" in each
    )
    assert f"v1 = 10 // (x + 1)  # {__file__}:{line}, in <lambda>" in shown


def test_a_program_dropped_takes_its_lines_with_it() -> None:
    before = {name for name in linecache.cache if name.startswith("<midflight step")}
    program = compile(arr(double))
    (name,) = {name for name in linecache.cache if name.startswith("<midflight step")} - before
    assert linecache.getline(name, 1) == "def step(state, x):\n"
    del program
    gc.collect()
    assert name not in linecache.cache
