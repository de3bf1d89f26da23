"""The readers agree: evaluate, compile, and compile of what was encoded and decoded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrows import (
    Arrow,
    Left,
    NoCase,
    Right,
    arr,
    attempt,
    compile,
    constant,
    decode,
    digest,
    encode,
    evaluate,
    get,
    identity,
    keyed,
    loop,
    pretty,
    put,
    state,
    switch,
)
from arrows.cells import Values, initial, layout
from arrows.term import Primitive, node
from arrows.testing import machines, types, values


def outcome(step: Any, before: Values, given: Any) -> tuple[Values, str]:
    """The state and what came out: a value or an error, told so that 1, 1.0 and True differ."""
    try:
        after, output = step(before, given)
    except Exception as error:
        return before, f"{type(error).__name__}{error.args}"
    return after, repr(output)


def assert_alike(machine: Arrow[Any, Any], inputs: list[Any], *others: Arrow[Any, Any]) -> None:
    programs = [compile(each) for each in (machine, *others)]
    before = programs[0].initial()
    assert before == initial(layout(node(machine)).slots)
    for each in inputs:
        after, said = outcome(lambda s, x: evaluate(machine, s, x), before, each)
        for program in programs:
            found = outcome(program.step, before, each)
            assert found == (after, said), f"{each!r} into\n{pretty(machine)}\n{program.source}"
        before = after


def cases(functions: bool) -> st.SearchStrategy[tuple[Arrow[Any, Any], list[Any]]]:
    return st.tuples(types(), types()).flatmap(
        lambda kinds: st.tuples(
            machines(*kinds, functions=functions), st.lists(values(kinds[0]), min_size=1, max_size=4)
        )
    )


@settings(max_examples=250)
@given(cases(functions=True))
def test_compile_agrees_with_evaluate(case: tuple[Arrow[Any, Any], list[Any]]) -> None:
    assert_alike(*case)


@settings(max_examples=250)
@given(cases(functions=False))
def test_what_was_sent_does_the_same(case: tuple[Arrow[Any, Any], list[Any]]) -> None:
    machine, inputs = case
    received = decode(encode(machine).unwrap()).unwrap()
    assert received == machine
    assert digest(received) == digest(machine)
    assert_alike(machine, inputs, received)


# What chance may miss


def fail(x: Any) -> Any:
    raise ValueError(x)


COUNT: Arrow[Any, Any] = loop(lambda x, n: (n + x, n + x), 0, "n")
"""Adds up."""


def test_a_raise_behind_a_write_leaves_the_state() -> None:
    machine = state("n", 0, put("n") >> arr(fail))
    program = compile(machine)
    with pytest.raises(ValueError, match="None"):
        program.step((7,), 1)
    assert_alike(machine, [1, 2])


def test_attempt_undoes_only_its_own_writes() -> None:
    inner: Arrow[Any, Any] = attempt((identity() & put("n")) >> arr(fail))
    machine = state("n", 0, (COUNT & inner) >> ((constant(5) >> put("n")) & get("n")))
    assert_alike(machine, [1, 2])
    assert compile(machine).step((0, 0), 3)[0] == (5, 3)


def test_attempt_in_keyed_in_switch() -> None:
    row = state("n", 0, (attempt(COUNT >> put("n") >> arr(fail)) & (get("n") & COUNT)))
    machine = switch((Left, keyed(row, identity(), "left")), (Right, COUNT))
    assert_alike(machine, [Left(1), Right(1), Left(1), Left(2), Right(4)])


def test_a_raise_in_a_row_stores_no_row() -> None:
    machine = keyed(COUNT >> arr(lambda x: 1 // (x - 3)), identity(), "rows")
    assert_alike(machine, [1, 3, 2, 3])


def test_cells_do_not_leak_between_branches() -> None:
    one = constant(1) >> put("n")
    machine = state("n", 0, ((one | (one >> arr(fail))) & identity()) >> get("n"))
    assert_alike(machine, [Right(0), Left(0), Right(0)])


def test_an_outer_row_is_not_stored_for_an_empty_inner_table() -> None:
    inner = keyed(COUNT, constant("k"), "inner")
    machine = keyed(inner, constant("k"), "outer")
    assert_alike(machine, [0, 1, -1])
    program = compile(machine)
    after, _ = program.step(program.step(program.initial(), 1)[0], -1)
    assert after == program.initial()


def test_equal_keys_of_other_types_are_other_keys() -> None:
    machine = keyed(COUNT >> constant(None), identity(), "rows")
    program, before = compile(machine), compile(machine).initial()
    for key in (1, True, 1.0, "1", 1.5):
        before, _ = program.step(before, key) if not isinstance(key, str) else (before, None)
    assert len(before[0]) == 4
    assert_alike(machine, [1, True, 1.0, 2])


class Awkward:
    """Asked whether it is true, it counts; the third time it raises."""

    def __init__(self) -> None:
        self.asked = 0

    def __bool__(self) -> bool:
        self.asked += 1
        return True


@pytest.mark.parametrize("how", ["compile", "evaluate"])
def test_a_test_is_asked_once(how: str) -> None:
    split = Primitive("split")
    twice: Arrow[Any, Any] = (identity() & get("it")) >> split >> (identity() & identity())
    machine = state("it", None, (put("it") & constant(1)) >> twice, of=object)
    it = Awkward()
    step = compile(machine).step if how == "compile" else lambda s, x: evaluate(machine, s, x)
    step((None,), it)
    assert it.asked == 1


def test_a_test_nobody_decides_is_asked_where_it_stands() -> None:
    machine: Arrow[Any, Any] = (Primitive("split") * identity()) >> Primitive("pick", ((0,),))
    assert_alike(machine, [((1, 0), 2), ((1, 5), 2)])


@pytest.mark.parametrize("number", [-1, -(2**70), 2**70, 0, True])
def test_numbers_in_the_text_of_a_step(number: int) -> None:
    for name in ("pow", "sub", "is", "eq"):
        assert_alike((constant(number) & constant(2)) >> Primitive(name), [0])
    assert_alike(constant(number) >> Primitive("field", ("real",)), [0])
    assert_alike((constant((number,)) & constant(0)) >> Primitive("item"), [0])
    assert_alike((constant(number) & constant(0)) >> Primitive("item"), [0])


@pytest.mark.parametrize("text", ["", "'\"\\\n", "\ud800", "{x}", "état"])
def test_texts_in_the_text_of_a_step(text: str) -> None:
    assert_alike((identity() & constant(text)) >> Primitive("add"), ["a", 1])
    assert_alike((constant(text) & constant(0)) >> Primitive("item"), [0])


def test_order_left_before_right_and_once() -> None:
    seen: list[str] = []

    def say(word: str) -> Arrow[Any, Any]:
        return arr(lambda x: seen.append(word) or x)  # type: ignore[func-returns-value]

    machine = ((say("a") & say("b")) * (say("c") | say("d"))) >> say("e") >> Primitive("copy") >> say("f")
    compile(machine).step((), (1, Right(2)))
    assert seen == ["a", "b", "d", "e", "f"]


def test_no_case_names_the_cases() -> None:
    machine = switch((int, identity()), (str, identity()))
    assert_alike(machine, [1, True, "a", 1.5, None])
    with pytest.raises(NoCase, match="no case for float: the cases are int, str"):
        compile(machine).step((), 1.5)


class Base:
    pass


class Derived(Base):
    pass


def test_a_subclass_takes_its_parents_case() -> None:
    machine = switch((Base, constant("base")), (int, constant("int")))
    assert compile(machine).step((), Derived()) == ((), "base")
    assert evaluate(machine, None, Derived()) == ((), "base")


def test_an_open_side_is_not_built() -> None:
    """Sides and pairs that only plumb do not show in the function."""
    machine: Arrow[Any, Any] = (identity() + COUNT) >> (COUNT | identity())
    source = compile(machine).source
    assert "Left(" not in source
    assert "Right(" not in source


def test_a_number_too_long_to_be_written() -> None:
    machine: Arrow[Any, Any] = (identity() & constant(10**5000)) >> Primitive("lt")
    assert compile(machine).step((), 1) == evaluate(machine, None, 1) == ((), True)
