"""`perform` and `emit`: segments, suspensions as data, and both readers alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from arrows import (
    Arrow,
    BadAnswer,
    BuildError,
    Done,
    Effect,
    Suspended,
    UnknownContinuation,
    accumulate,
    arr,
    attempt,
    compile,
    constant,
    decode,
    diff,
    digest,
    emit,
    encode,
    evaluate,
    get,
    identity,
    keyed,
    loop,
    modes,
    named,
    patch,
    perform,
    pretty,
    put,
    run,
    state,
    switch,
)
from arrows.evaluate import begin, resume
from arrows.plain import from_plain, to_plain
from arrows.shape import Record, shape_of
from arrows.term import Function, Identity, Keyed, Node, Perform, Primitive, children, node, sequence
from arrows.testing import machines, types, values

ROOT = Path(__file__).parent.parent.parent


@attrs.frozen
class Ask(Effect[int]):
    n: int


@attrs.frozen
class Say(Effect[None]):
    n: int


def asking(n: int) -> Ask:
    return Ask(n)


def saying(n: int) -> Say:
    return Say(n)


ask: Arrow[int, int] = arr(asking) >> perform(Ask)
say: Arrow[int, None] = arr(saying) >> emit(Say)

ADD: Arrow[Any, int] = (identity() & get("n")) >> Primitive("add") >> (put("n") & identity()) >> get("n")
"""Adds the input to the cell `n`."""

COUNT = state("n", 0, ask >> ADD)


# What a segment is


def test_two_suspended_increments_add_up_in_either_order() -> None:
    program = compile(COUNT)
    for order in ((0, 1), (1, 0)):
        now, one, _ = program.begin(program.initial(), 5)
        now, other, _ = program.begin(now, 6)
        assert isinstance(one, Suspended)
        assert isinstance(other, Suspended)
        for at in order:
            now, end, _ = program.resume(now, (one, other)[at], 1)
        assert now == (2,)
        assert end == Done(2)


def test_what_was_written_before_is_seen_by_other_inputs() -> None:
    program = compile(state("n", 0, put("n") >> constant(1) >> ask >> get("n")))
    now, waiting, _ = program.begin(program.initial(), 5)
    assert now == (5,)
    assert isinstance(waiting, Suspended)
    now, _, _ = program.begin(now, 7)
    assert program.resume(now, waiting, 0) == ((7,), Done(7), ())


def fail(x: Any) -> Any:
    raise ValueError(x)


def test_a_raise_undoes_the_present_segment_only() -> None:
    one, two = constant(1) >> put("n"), constant(2) >> put("n")
    tell = constant(9) >> say
    machine = state("n", 0, one >> tell >> constant(3) >> ask >> two >> tell >> arr(fail))
    program = compile(machine)
    now, waiting, said = program.begin(program.initial(), None)
    assert (now, said) == ((1,), (Say(9),))
    assert isinstance(waiting, Suspended)
    with pytest.raises(ValueError, match="None"):
        program.resume(now, waiting, 0)
    with pytest.raises(ValueError, match="None"):
        resume(machine, now, waiting, 0)


def test_attempt_undoes_writes_and_emits_of_the_present_segment() -> None:
    two = constant(2) >> put("n")
    inner = attempt(say >> constant(3) >> ask >> two >> constant(4) >> say >> arr(fail))
    machine = state("n", 0, constant(1) >> (put("n") & inner))
    program = compile(machine)
    now, waiting, said = program.begin(program.initial(), 0)
    assert (now, said) == ((1,), (Say(1),))
    assert isinstance(waiting, Suspended)
    now, end, said = program.resume(now, waiting, 0)
    assert (now, said) == ((1,), ())
    assert isinstance(end, Done)
    assert isinstance(end.output[1], Failure)
    assert_alike(machine, [0, 1], [0, 0])


def test_a_row_is_stored_where_it_waits_and_read_afresh_behind() -> None:
    body = state("n", 0, put("n") >> constant(1) >> ask >> ADD)
    program = compile(keyed(body, identity(), "rows"))
    now, waiting, _ = program.begin(program.initial(), 7)
    assert dict(now[0]) == {7: (7,)}
    assert isinstance(waiting, Suspended)
    assert waiting.live == {"rows": 7}
    now, end, _ = program.resume(now, waiting, 2)
    assert (dict(now[0]), end) == ({7: (9,)}, Done(9))


def test_the_key_of_a_row_is_kept_as_it_is() -> None:
    program = compile(keyed(constant(1) >> COUNT, identity(), "rows"))
    for key in (True, 1.5, (1, "a"), b"x"):
        now, waiting, _ = program.begin(program.initial(), key)
        assert isinstance(waiting, Suspended)
        assert repr(waiting.live) == repr({"rows": key})
        now, _, _ = program.resume(now, waiting, 2)
        after, _, _ = program.begin(now, key)
        assert program.resume(after, waiting, 3)[1] == Done(5)


def test_emits_are_in_order_and_a_raise_has_told_nothing() -> None:
    machine: Arrow[Any, Any] = arr(lambda n: (n, n + 1)) >> (say * say) >> arr(lambda _: 5) >> say
    assert compile(machine).begin((), 1)[2] == (Say(1), Say(2), Say(5))
    with pytest.raises(ValueError, match="None"):
        compile(say >> arr(fail)).begin((), 1)


def test_emits_of_branches_meet() -> None:
    tell: Arrow[Any, Any] = identity() & say
    machine = switch((int, say >> constant(1)), (str, constant(2))) >> tell
    assert compile(machine).begin((), 7)[2] == (Say(7), Say(1))
    assert compile(machine).begin((), "a")[2] == (Say(2),)
    assert_alike(machine, [7, "a"], [0, 0])


# Suspensions


def test_a_suspension_is_data_that_another_process_goes_on_with(tmp_path: Path) -> None:
    source = tmp_path / "shop.py"
    source.write_text(
        "import attrs\n"
        "from arrows import Effect, compile, get, identity, perform, put, state, arr\n"
        "@attrs.frozen\n"
        "class Ask(Effect[int]):\n"
        "    n: int\n"
        "def ask(n: int) -> Ask:\n"
        "    return Ask(n)\n"
        "machine = (identity() * (arr(ask) >> perform(Ask))) >> state('n', 0, put('n') & get('n'), of=object)\n"
    )
    begun = (
        "import json, shop; from arrows.plain import to_plain; from arrows import compile\n"
        "print(json.dumps(to_plain(compile(shop.machine).begin((0,), ('a', 4))[1])))"
    )
    resumed = (
        "import json, sys, shop; from arrows import Suspended, compile\n"
        "told = json.loads(sys.stdin.read())\n"
        "waits = Suspended(told['continuation'], shop.Ask(told['effect']['n']), told['live'])\n"
        "print(compile(shop.machine).resume((0,), waits, 9))"
    )

    def process(code: str, given: str, seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code],
            input=given,
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])},
        ).stdout

    kept = process(begun, "", "1")
    assert json.loads(kept)["live"] == {"held": "a"}
    assert process(resumed, kept, "2") == "((('a', 9),), Done(output=(None, ('a', 9))), ())\n"


def test_a_suspension_reads_back_from_json() -> None:
    _, waiting, _ = compile(COUNT).begin((0,), 5)
    plain = json.loads(json.dumps(to_plain(waiting)))
    assert plain["effect"] == {"type": "Ask", "n": 5}
    effect = from_plain(plain["effect"], Record(Ask)).unwrap()
    assert Suspended(plain["continuation"], effect, plain["live"]) == waiting


def continuation(machine: Arrow[Any, Any]) -> str:
    (found,) = compile(machine).continuations
    return found


def test_what_is_done_already_does_not_change_a_continuation() -> None:
    one: Arrow[Any, Any] = arr(lambda n: n + 1) >> ask >> arr(str)
    other: Arrow[Any, Any] = arr(lambda n: n + 2) >> named("gone", identity()) >> ask >> arr(str)
    assert continuation(one) == continuation(other)


def again(n: int) -> int:
    return n + 1


@pytest.mark.parametrize(
    "other",
    [
        ask >> ADD >> arr(again),
        ask >> constant(1) >> ADD,
        (ask & identity()) >> arr(lambda pair: pair[0]) >> ADD,
        (constant(1) & ask) >> arr(lambda pair: pair[1]) >> ADD,
        attempt(ask >> ADD),
    ],
)
def test_what_is_left_changes_a_continuation(other: Arrow[Any, Any]) -> None:
    assert continuation(state("n", 0, other)) != continuation(COUNT)


def test_equal_rests_over_other_cells_are_other_continuations() -> None:
    machine = switch((int, COUNT), (str, arr(len) >> COUNT))
    program = compile(machine)
    assert len(program.continuations) == 2
    now, waiting, _ = program.begin(program.initial(), "abc")
    assert isinstance(waiting, Suspended)
    assert program.resume(now, waiting, 4)[0] == (0, 4)


def test_a_wrong_answer_and_a_strange_suspension() -> None:
    program = compile(COUNT)
    now, waiting, _ = program.begin(program.initial(), 1)
    assert isinstance(waiting, Suspended)
    for go in (program.resume, lambda *given: resume(COUNT, *given)):
        with pytest.raises(BadAnswer, match="the answer to Ask: expected int, found 'one'"):
            go(now, waiting, "one")
        with pytest.raises(UnknownContinuation, match=r"does not go on from 000000000000 \(Ask\)"):
            go(now, attrs.evolve(waiting, continuation="0" * 64), 1)
        with pytest.raises(UnknownContinuation):
            go(now, attrs.evolve(waiting, live={"more": 1}), 1)


def test_what_cannot_be_kept_is_named() -> None:
    machine: Arrow[Any, Any] = (identity() * ask) >> arr(str)
    with pytest.raises(TypeError, match=r"'held' must be kept while Ask\(n=1\) is performed"):
        compile(machine).begin((), (object(), 1))


def test_an_effect_of_another_class_is_an_error_of_the_step() -> None:
    for machine in (perform(Ask), emit(Ask)):
        with pytest.raises(TypeError, match=r"Say\(n=1\) is not a Ask"):
            compile(machine).begin((), Say(1))  # type: ignore[arg-type]


def test_step_and_evaluate_of_a_machine_with_effects_say_what_to_use() -> None:
    program = compile(COUNT)
    for go in (program.step, lambda s, x: evaluate(COUNT, s, x)):
        with pytest.raises(TypeError, match="this machine performs Ask: step it with `begin` and `resume`"):
            go(program.initial(), 1)
    with pytest.raises(TypeError, match="the machine performs Ask: give run"):
        run(COUNT, [1])
    assert run(COUNT, [1, 2], answer=lambda effect: effect.n) == [1, 3]
    assert run(say, [1]) == [None]


# What is refused when it is built


@pytest.mark.parametrize(
    "build",
    [
        lambda: loop(ask * identity(), 0, "x"),
        lambda: loop(named("deep", state("n", 0, ask)) * identity(), 0, "x"),
        lambda: accumulate(Primitive("add") >> ask, 0, "x"),
        lambda: modes((int, ask * identity()), init=0, name="x"),
    ],
)
def test_no_state_is_held_on_a_wire_while_waiting(build: Any) -> None:
    with pytest.raises(BuildError, match="'x' performs Ask while it holds its state on a wire") as told:
        build()
    assert "@proc" in told.value.remedy


@attrs.frozen
class Vague(Effect):  # type: ignore[type-arg]
    n: int


def test_what_is_no_effect_is_refused() -> None:
    with pytest.raises(BuildError, match="int is not a class of effects"):
        perform(int)  # type: ignore[arg-type]
    with pytest.raises(BuildError, match="Vague does not say how it is answered"):
        perform(Vague)
    with pytest.raises(BuildError, match=r"perform\(Ask\(n=1\)\) is written in a @proc"):
        perform(Ask(1))
    with pytest.raises(BuildError, match="the arrow that reads the key performs or emits"):
        keyed(constant(1), ask, "rows")
    with pytest.raises(BuildError, match="the arrow that reads the key performs or emits"):
        keyed(constant(1), say, "rows")


@attrs.frozen
class Either(Effect[int | None]):
    pass


@attrs.frozen
class Derived(Ask):
    m: int = 0


def test_the_type_of_an_answer() -> None:
    assert node(perform(Either)) == Perform(Either, shape_of(int | None))
    assert node(perform(Derived)) == Perform(Derived, shape_of(int))


# Other readers


def test_a_machine_with_effects_is_a_value_like_any_other() -> None:
    machine: Arrow[Any, Any] = state(
        "n", 0, Primitive("pack", (1,)) >> Primitive("construct", (Ask, ("n",))) >> perform(Ask) >> put("n")
    )
    received = decode(encode(machine).unwrap()).unwrap()
    assert received == machine
    assert digest(received) == digest(machine)
    assert pretty(perform(Ask) >> arr(saying) >> emit(Say)) == "perform(Ask) >> saying >> emit(Say)"
    other = machine >> constant(Say(1)) >> emit(Say)
    assert patch(machine, diff(machine, other)) == other
    assert digest(other) != digest(machine)


# Both readers, on anything


def outward(draw: st.DrawFn, term: Node) -> Node:
    """The machine with some of its functions asking the outside world for what they would answer."""
    match term:
        case Function(spread=None):
            make: list[Arrow[Any, Any]] = [Primitive("pack", (1,))]
            way = draw(st.sampled_from(["call", "perform", "emit", "perform"]))
            if way == "perform":
                return sequence(*make, Primitive("construct", (Ask, ("n",))), perform(Ask))
            if way == "emit":
                told = sequence(*make, Primitive("construct", (Say, ("n",))), emit(Say))
                return sequence(Primitive("copy"), Identity() * told, Primitive("pick", ((0,),)))
            return term
        case Keyed(body=body):
            return attrs.evolve(term, body=outward(draw, body))
        case _:
            inner = [outward(draw, each) for each in children(term)]
            return with_children(term, inner)


def with_children(term: Any, inner: list[Node]) -> Node:
    if not inner:
        return term  # type: ignore[no-any-return]
    if hasattr(term, "steps"):
        return sequence(*inner)
    if hasattr(term, "left"):
        return attrs.evolve(term, left=inner[0], right=inner[1])  # type: ignore[no-any-return]
    if hasattr(term, "cases"):
        cases = tuple((cls, each) for (cls, _), each in zip(term.cases, inner, strict=True))
        return attrs.evolve(term, cases=cases)  # type: ignore[no-any-return]
    return attrs.evolve(term, body=inner[0])  # type: ignore[no-any-return]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Arrow[Any, Any], list[Any], list[int]]:
    kind, other = draw(types()), draw(types())
    machine = outward(draw, node(draw(machines(kind, other))))
    inputs = draw(st.lists(values(kind), min_size=1, max_size=4))
    return machine, inputs, draw(st.lists(st.integers(0, 3), min_size=8, max_size=8))


def told(step: Any, before: Any, *given: Any) -> tuple[Any, Any, str]:
    """The state, how the step ended, and both with what was emitted or raised as text."""
    try:
        after, end, emitted = step(before, *given)
    except Exception as error:
        return before, None, f"{type(error).__name__}{error.args}"
    return after, end, repr((end, emitted))


def assert_alike(machine: Arrow[Any, Any], inputs: list[Any], order: list[int]) -> None:
    """Step both readers through the inputs; now and then one that waits goes on, in the order given."""
    program = compile(machine)
    now = program.initial()
    waiting: list[Suspended] = []
    turns = iter(order)
    pending = [*inputs]
    while pending or waiting:
        if pending and (not waiting or next(turns, 1) % 2):
            x = pending.pop(0)
            found = told(program.begin, now, x)
            expected = told(lambda s, x: begin(machine, s, x), now, x)
        else:
            suspended = waiting.pop(next(turns, 0) % len(waiting))
            answer = len(repr(suspended.effect.n))
            found = told(program.resume, now, suspended, answer)
            expected = told(lambda *given: resume(machine, *given), now, suspended, answer)
        assert (found[0], found[2]) == (expected[0], expected[2]), f"{pretty(machine)}\n{program.source}"
        now, end, _ = found
        if isinstance(end, Suspended):
            waiting.append(end)


@settings(max_examples=400)
@given(cases())
def test_both_readers_suspend_and_resume_alike(case: tuple[Arrow[Any, Any], list[Any], list[int]]) -> None:
    assert_alike(*case)


def test_success_goes_on_behind_an_attempt() -> None:
    machine = attempt(ask) >> switch((Success, constant("fine")), (Failure, constant("no")))
    assert run(machine, [1], answer=lambda _: 1) == ["fine"]
    assert_alike(machine, [1, 2], [0, 1])
