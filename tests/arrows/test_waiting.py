"""`perform` and `emit` in a `@proc`: what is kept while it waits, and what is refused."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from arrows import (
    Arrow,
    BuildError,
    Done,
    Effect,
    Suspended,
    compile,
    decode,
    emit,
    encode,
    perform,
    proc,
    run,
)
from arrows.evaluate import begin, resume


@attrs.frozen
class Receipt:
    id: int


@attrs.frozen
class Declined:
    why: str


@attrs.frozen
class Charge(Effect[Receipt | Declined]):
    card: str
    cents: int


@attrs.frozen
class Fetch(Effect[int]):
    what: str


@attrs.frozen
class Paid(Effect[None]):
    id: int


@attrs.frozen
class Buy:
    card: str
    cents: int
    item: str


@attrs.frozen
class Look:
    pass


@proc
def charge(order: Buy) -> Receipt | Declined:
    return perform(Charge(order.card, order.cents))


@proc
def shop(msg: Buy | Look, *, sold: int = 0) -> str | int:
    match msg:
        case Buy(_, cents, item):
            before = sold
            unread = 1
            if cents > 100:  # noqa: SIM108 - a call that waits stands alone
                answer = charge(msg)
            else:
                answer = Receipt(unread - 1)
            match answer:
                case Receipt(id):
                    sold += 1
                    emit(Paid(id))
                    text = "sold "
                case _:
                    text = "kept "
            return text + item if before == 0 else text
        case Look():
            return sold


def suspended(machine: Arrow[Any, Any], state: Any, x: Any) -> tuple[Any, Suspended]:
    program = compile(machine)
    after, end, _ = program.begin(program.initial() if state is None else state, x)
    assert isinstance(end, Suspended)
    assert begin(machine, state, x)[:2] == (after, end)
    return after, end


def test_what_is_read_behind_is_kept_by_name() -> None:
    now, one = suspended(shop, None, Buy("c", 500, "pear"))
    assert one.effect == Charge("c", 500)
    assert one.live == {"before": 0, "item": "pear"}
    now, other = suspended(shop, now, Buy("d", 700, "apple"))
    for go in (compile(shop).resume, lambda *given: resume(shop, *given)):
        state, end, said = go(now, other, Declined("poor"))
        assert (state, end, said) == ((0,), Done("kept apple"), ())
        state, end, said = go(state, one, Receipt(7))
        assert (state, end, said) == ((1,), Done("sold pear"), (Paid(7),))


def test_the_way_without_waiting() -> None:
    inputs: list[Buy | Look] = [Buy("c", 5, "fig"), Look(), Buy("c", 5, "fig")]
    assert run(shop, inputs) == ["sold fig", 1, "sold "]


def test_a_performing_proc_is_data() -> None:
    received = decode(encode(shop).unwrap(), [Buy, Look, Charge, Paid, Receipt, Declined]).unwrap()
    assert received == shop
    again: Arrow[Any, Any] = received
    assert run(again, [Buy("c", 500, "fig"), Look()], answer=lambda _: Receipt(1)) == ["sold fig", 1]


@proc
def asked(what: str, *, count: int = 0) -> tuple[int, int]:
    first = perform(Fetch(what))
    count = count + first
    a, b = (first, what)
    first = perform(Fetch("second"))
    perform(Fetch(b))
    count = perform(Fetch("third"))
    return a, first


def test_each_wait_keeps_what_is_read_behind_it() -> None:
    program = compile(asked)
    now, end, _ = program.begin(program.initial(), "x")
    kept, answers = [], iter([10, 20, 30, 40])
    while isinstance(end, Suspended):
        kept.append((end.effect.what, end.live))
        now, end, _ = program.resume(now, end, next(answers))
    assert kept == [
        ("x", {"what": "x"}),
        ("second", {"a": 10, "b": "x"}),
        ("x", {"a": 10, "first": 20}),
        ("third", {"a": 10, "first": 20}),
    ]
    assert (now, end) == ((40,), Done((10, 20)))
    assert run(asked, ["x"], answer=lambda effect: len(effect.what)) == [(1, 6)]


@proc
def increment(by: int, *, n: int = 0) -> int:
    more = perform(Fetch("more"))
    n += by + more
    return n


def test_two_suspended_increments_add_up() -> None:
    for order in ((0, 1), (1, 0)):
        now, one = suspended(increment, None, 1)
        now, other = suspended(increment, now, 1)
        for at in order:
            now, _, _ = compile(increment).resume(now, (one, other)[at], 0)
        assert now == (2,)


@proc
def outer(what: str) -> tuple[str, int]:
    n = increment(3)
    return what, n


def test_an_arrow_that_performs_is_called_like_any_other() -> None:
    now, end = suspended(outer, None, "w")
    assert end.live == {"what": "w", "by": 3}
    assert compile(outer).resume(now, end, 1)[:2] == ((4,), Done(("w", 4)))


@proc
def same(by: int) -> tuple[int, int]:
    n = increment(by)
    return by, n


def test_names_that_are_kept_twice_are_numbered() -> None:
    _, end = suspended(same, None, 3)
    assert end.live == {"by": 3, "by#2": 3}


@proc
def chosen(what: str) -> str:
    match perform(Fetch(what)):
        case 0:
            return "none"
        case n if n > 5:
            answer = perform(Fetch("more"))
        case _:
            answer = 1
    return what if answer else "no"


def test_an_answer_is_matched() -> None:
    answers = {"a": 0, "b": 9, "c": 1, "more": 0}
    assert run(chosen, ["a", "b", "c"], answer=lambda effect: answers[effect.what]) == ["none", "no", "c"]


@proc
def ends(n: int) -> None:
    if n:
        perform(Fetch("one"))
    else:
        emit(Paid(n))


def test_a_wait_at_the_end_of_a_branch() -> None:
    assert run(ends, [0, 1], answer=lambda _: 1) == [None, None]


def refused(source: Any) -> BuildError:
    with pytest.raises(BuildError) as told:
        proc(source)
    return told.value


def test_a_wait_in_the_middle_of_a_line() -> None:
    def added(what: str) -> int:
        return perform(Fetch(what)) + 1

    def tested(what: str) -> int:
        if perform(Fetch(what)):
            return 1
        return 2

    def grown(what: str, *, n: int = 0) -> int:
        n += perform(Fetch(what))
        return n

    def called(what: str) -> int:
        return abs(increment(1))

    for source, word in ((added, "perform"), (tested, "perform"), (grown, "perform"), (called, "increment")):
        told = refused(source)
        assert told.what == f"{word}(...) waits for an answer in the middle of a line"
        assert told.remedy.startswith("Bind it on a line of its own")
        assert told.where is not None
        assert told.where.line > source.__code__.co_firstlineno


def test_a_wait_inside_another() -> None:
    def nested(what: str) -> int:
        return increment(perform(Fetch(what)))

    assert refused(nested).what == "one call that performs inside another"


def test_an_effect_that_is_not_known_at_the_call() -> None:
    def later(what: Fetch) -> int:
        return perform(what)

    def said(what: Paid) -> None:
        emit(what)

    assert refused(later).what == "@proc cannot tell the effect of 'perform(what)' before it runs"
    assert refused(later).remedy == "Write it at the call: perform(Effect(...))."
    assert refused(said).remedy == "Write it at the call: emit(Effect(...))."
