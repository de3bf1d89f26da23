"""A trace tells what every step did, and both of its pictures show all of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from arrows import Arrow, arr, delay, identity, keyed, loop, run, trace

SVG = "{http://www.w3.org/2000/svg}"


def share(x: int, total: int) -> tuple[int, int]:
    return 12 // x, total + x


SHARES = loop(share, init=0, name="total")


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
