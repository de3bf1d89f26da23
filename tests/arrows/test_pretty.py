"""Machines as text and as pictures."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from hypothesis import given

from arrows import (
    Arrow,
    Left,
    arr,
    attempt,
    constant,
    diff,
    get,
    identity,
    keyed,
    mermaid,
    named,
    pretty,
    put,
    state,
    switch,
)
from arrows.term import Constant, Primitive, sequence
from arrows.testing import machines, types


def half(x: int) -> int:
    return x // 2


CASES: dict[str, Arrow[Any, Any]] = {
    "half >> constant('a')": arr(half) >> constant("a"),
    "identity * (half >> half)": identity() * (arr(half) >> arr(half)),
    "switch((Left, half), (Right, identity))": arr(half) | identity(),
    "switch((int, half), (str, constant(0)))": switch((int, arr(half)), (str, constant(0))),
    "state('n': int = 0)[put('n') >> get('n')]": state("n", 0, put("n") >> get("n")),
    "keyed('k')[field(name), attempt[half]]": keyed(attempt(arr(half)), Primitive("field", ("name",)), "k"),
    "named('a')[construct(Left, (value,))]": named("a", Primitive("construct", (Left, ("value",)))),
}


@pytest.mark.parametrize("text", CASES)
def test_what_fits_stands_on_a_line(text: str) -> None:
    assert pretty(CASES[text]) == text


def test_what_does_not_fit_stands_below() -> None:
    machine = named(
        "outer", switch((int, arr(half) >> constant("x" * 30) >> constant("y" * 60)), (float, arr(round)))
    )
    assert pretty(machine) == textwrap.dedent(
        f"""\
        named('outer')
          switch
            int: compose
              half
              constant('{"x" * 30}')
              constant('{"y" * 38}…)
            float: round"""
    )


def test_a_picture() -> None:
    machine: Arrow[Any, Any] = keyed(state("n", 0, get("n") >> put("n")), identity(), "k")
    either: Arrow[Any, Any] = arr(half) | Constant("a<b")
    assert mermaid(sequence(machine, either)) == textwrap.dedent(
        """\
        flowchart LR
          in((in))
          subgraph n1 ["keyed('k')"]
            n2[("state('n': int = 0)")]
            n3["get('n')"]
            n4["put('n')"]
          end
          n5{"class?"}
          n6["half"]
          n7["constant('a&lt;b')"]
          out((out))
          in --> n3
          n2 -.-> n3
          n3 --> n4
          n4 -.-> n2
          n4 --> n5
          n5 -->|"Left"| n6
          n5 -->|"Right"| n7
          n6 --> out
          n7 --> out"""
    )


@given(types().flatmap(lambda kind: machines(kind, kind)))
def test_every_machine_has_a_text_and_a_picture(machine: Arrow[Any, Any]) -> None:
    assert pretty(machine)
    lines = mermaid(machine).splitlines()
    assert sum(line.strip().startswith("subgraph") for line in lines) == sum(
        line.strip() == "end" for line in lines
    )
    boxes = {
        line.split("[")[0].split("{")[0].strip() for line in lines if "-->" not in line and "-.->" not in line
    }
    used = {part for line in lines if "-->" in line for part in (line.split()[0], line.split()[-1])}
    assert used - {"in", "out"} <= boxes


def test_an_integer_that_python_does_not_write_has_a_text_too() -> None:
    long, other = constant(10**5000), constant(10**5000 + 1)
    assert pretty(long) == "constant(int of 5001 digits)"
    assert "int of 5001 digits" in mermaid(long, diff(long, other))
    assert str(diff(long, constant(1))) == "~ node 0: constant(int of 5001 digits) -> constant(1)"
