"""A trace tells what every step did, and both of its pictures show all of it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from arrows import Arrow, Effect, arr, delay, emit, identity, keyed, loop, perform, proc, run, trace
from arrows.effect import Suspended
from arrows.representation import represent

SVG = "{http://www.w3.org/2000/svg}"


def share(x: int, total: int) -> tuple[int, int]:
    return 12 // x, total + x


SHARES = loop(share, init=0, name="total")


@attrs.frozen
class Ask(Effect[int]):
    n: int


@attrs.frozen
class Say(Effect[None]):
    n: int


@proc
def asking(n: int, *, seen: int = 0) -> int:
    seen += 1
    answer = perform(Ask(n))
    emit(Say(answer))
    return answer


def bad(text: str) -> str:
    raise ValueError(text)


@given(st.lists(st.integers(1, 9), max_size=6))
def test_a_trace_has_the_outputs_of_a_run(inputs: list[int]) -> None:
    found = trace(SHARES, inputs)
    assert [each.output for each in found.moments] == run(SHARES, inputs)
    assert [each.state for each in found.moments] == [(sum(inputs[: n + 1]),) for n in range(len(inputs))]


def test_a_step_that_raises_keeps_the_state_and_the_next_goes_on() -> None:
    found = trace(SHARES, [2, 0, 3])
    assert [each.state for each in found.moments] == [(2,), (2,), (5,)]
    assert [type(each.error) for each in found.moments] == [type(None), ZeroDivisionError, type(None)]
    assert "raises ZeroDivisionError" in str(found)


def test_the_table_has_a_line_for_each_step_whatever_an_error_says() -> None:
    assert len(trace(arr(bad), ["a\nb", "c"]).table().splitlines()) == 5


def test_the_rows_of_a_keyed_are_shown_by_key() -> None:
    by_name: Arrow[str, str] = keyed(delay("", "last"), by=identity(), name="names")
    assert "{'a': ('a',)}" in trace(by_name, ["a"]).table()


@given(st.lists(st.one_of(st.text(max_size=5), st.floats(), st.integers(), st.none()), max_size=5))
def test_the_svg_is_well_formed_and_names_every_cell(inputs: list[object]) -> None:
    first: object = None
    machine = delay(first, "near", of=object) >> delay(first, "far", of=object)
    root = ET.fromstring(trace(machine, inputs).svg())
    assert {"input", "near", "far", "output"} <= {each.text for each in root.iter(f"{SVG}text")}


def test_numbers_are_a_line_and_what_raised_is_marked() -> None:
    root = ET.fromstring(trace(SHARES, [2, 0, 10**400]).svg())
    assert not list(root.iter(f"{SVG}polyline")), "a number too large to draw is written"
    root = ET.fromstring(trace(SHARES, [2, 0, 3]).svg())
    assert len(list(root.iter(f"{SVG}polyline"))) == 1
    assert [each.text for each in root.iter(f"{SVG}title") if "raises" in (each.text or "")] == [
        "raises ZeroDivisionError: integer division or modulo by zero"
    ]


def test_no_steps_are_a_trace_too() -> None:
    assert trace(SHARES, []).table().splitlines()[0].split() == ["step", "input", "total", "output"]
    ET.fromstring(trace(SHARES, []).svg())


def test_an_integer_that_python_does_not_write_is_told_by_its_length() -> None:
    first: object = 0
    body: Arrow[Any, Any] = arr(lambda pair: (pair[0], pair))
    found = trace(loop(body, init=first, name="last"), [10**5000, 1])
    assert "int of 5001 digits" in found.table()
    assert "(1, (int of 5001 digits, 0))" in found.table()
    ET.fromstring(found.svg())
    assert json.loads(json.dumps(found.to_plain()))["steps"][0]["input"] == "int of 5001 digits"


@given(st.integers(4400, 9000), st.integers(-1, 1), st.sampled_from([1, -1]))
def test_the_length_of_an_integer_is_exact(digits: int, beside: int, sign: int) -> None:
    expected = digits + (beside >= 0)
    assert represent(sign * (10**digits + beside)) == f"int of {expected} digits"


def test_a_value_without_a_text_is_told_by_its_class() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError

    assert represent({"a": [Odd()], "b": frozenset({1})}).startswith("{'a': [a test_")
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert represent(nested).endswith("]")


def test_a_machine_of_effects_waits_or_is_answered() -> None:
    found = trace(asking, [1, 2])
    assert [type(each.output) for each in found.moments] == [Suspended, Suspended]
    assert found.moments[-1].state == (2,)
    assert "waits for Ask(n=1)" in found.table()
    answered = trace(asking, [1, 2], answer=lambda effect: effect.n * 10)
    assert [each.output for each in answered.moments] == [10, 20]
    assert [each.emitted for each in answered.moments] == [(Say(10),), (Say(20),)]
    assert "Say(n=20)" in answered.table()
    assert "emitted" in {each.text for each in ET.fromstring(answered.svg()).iter(f"{SVG}text")}
