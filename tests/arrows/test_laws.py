"""Every law holds for both readers, on random machines; and a wrong one is found out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arrows import arr, compile, evaluate, left
from arrows.either import Left, Right
from arrows.law import Kind, Law, Machine, Sort
from arrows.laws import LAWS
from arrows.testing import LAMBDAS, double, machines, types, values

Step = Callable[[Any, Any], Any]
READERS: dict[str, Callable[[Machine], Step]] = {
    "evaluate": lambda machine: lambda state, x: evaluate(machine, state, x),
    "compile": lambda machine: lambda state, x: _compiled(machine, state, x),
}


def _compiled(machine: Machine, state: Any, x: Any) -> Any:
    program = compile(machine)
    return program.step(program.initial() if state is None else state, x)


def answers(step: Step, inputs: list[Any]) -> list[str]:
    """What a machine answers from its first state on: outputs and errors, told so that 1, 1.0 and True differ."""
    state, found = None, []
    for each in inputs:
        try:
            state, output = step(state, each)
        except Exception as error:
            found.append(f"{type(error).__name__}{error.args}")
        else:
            found.append(repr(output))
    return found


def known(kind: Kind, letters: dict[str, Any]) -> Any:
    """A kind with a type for each letter."""
    if isinstance(kind, tuple):
        return (kind[0], *(known(each, letters) for each in kind[1:]))
    return letters.get(kind, kind)


def letters_of(kind: Kind) -> set[str]:
    if isinstance(kind, tuple):
        return set().union(*map(letters_of, kind[1:]))
    return {kind} if len(kind) == 1 else set()


@st.composite
def instances(draw: st.DrawFn, law: Law) -> tuple[tuple[Machine, Machine], list[Any]]:
    """The two sides of a law for arrows that are drawn, and inputs."""
    kinds = [law.takes, *(kind for sort in law.variables.values() for kind in (sort.takes, sort.gives))]
    letters = {letter: draw(types()) for letter in sorted(set().union(*map(letters_of, kinds)))}

    def one(sort: Sort) -> Any:
        if sort.is_function:
            return draw(st.sampled_from([double, *LAMBDAS]))
        return draw(
            machines(known(sort.takes, letters), known(sort.gives, letters), depth=2, raises=not law.total)
        )

    given_ = {name: one(sort) for name, sort in law.variables.items()}
    inputs = draw(st.lists(values(known(law.takes, letters)), min_size=1, max_size=4))
    return law.sides(**given_), inputs


def holds(law: Law, reader: str, examples: int = 40) -> None:
    """Try a law; raises AssertionError with the smallest case against it."""

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(instances(law))
    def tried(case: tuple[tuple[Machine, Machine], list[Any]]) -> None:
        (one, other), inputs = case
        read = READERS[reader]
        assert answers(read(one), inputs) == answers(read(other), inputs)

    tried()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_holds(law: Law, reader: str) -> None:
    holds(law, reader)


def test_each_law_says_what_it_is() -> None:
    assert len({law.name for law in LAWS}) == len(LAWS) > 30
    assert all(law.says for law in LAWS)


def test_the_page_has_every_law() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "language.md").read_text()
    table = page.partition("<!-- laws -->\n")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == [
        f"| {law.name.replace('_', ' ')} | {law.says.replace('|', chr(92) + '|')} |" for law in LAWS
    ]


F, G = Sort("a", "b"), Sort("c", "d")
WRONG = [
    Law("swapped", "", {"f": F, "g": F}, ("pair", "a", "a"), lambda f, g: (f * g, g * f)),
    Law("doubled", "", {"f": Sort("int", "int")}, "int", lambda f: (f >> f, f)),
    Law("which side", "", {"f": F}, ("either", "a", "a"), lambda f: (left(f) >> arr(repr), arr(repr))),
    Law(
        "interchange of what raises",
        "",
        {name: Sort("int", "int") for name in "fghk"},
        ("pair", "int", "int"),
        lambda f, g, h, k: ((f * g) >> (h * k), (f >> h) * (g >> k)),
    ),
    Law(
        "a machine twice behind a choice",
        "",
        {"h": Sort("int", "int")},
        ("either", "int", "int"),
        lambda h: ((arr(abs) | arr(abs)) >> h, (arr(abs) >> h) | (arr(abs) >> h)),
    ),
]


@pytest.mark.parametrize("law", WRONG, ids=lambda law: law.name)
def test_what_is_no_law_is_found_out(law: Law) -> None:
    with pytest.raises(AssertionError):
        holds(law, "compile", examples=3000)


def test_answers_tell_sides_apart() -> None:
    assert answers(READERS["compile"](arr(repr)), [Left(1), Right(1)]) == [
        "'Left(value=1)'",
        "'Right(value=1)'",
    ]
