"""A message with an id is done once, and everybody who gives it gets the same, whatever happens in between."""

from __future__ import annotations

import asyncio
import enum
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arrows.build import arr, loop
from arrows.either import Left, Right
from arrows.plain import from_plain, to_plain
from runtime import bounds
from runtime.application import Application
from runtime.errors import (
    BadId,
    BadMessage,
    CallError,
    IdReused,
    Overloaded,
    RaisedBefore,
    StepFailed,
    Unavailable,
    UnknownMachine,
)
from runtime.fingerprint import fingerprint
from runtime.gateway import encoded
from runtime.keeper import NOTHING
from runtime.loader import load
from runtime.node import Node
from runtime.packing import parsed
from runtime.pending import Pending
from runtime.replies import Answers, written
from runtime.requests import Answered, Window
from runtime.store import Rejected
from runtime.testing import TestNode
from runtime.upgrade import compiled
from runtime.versions import kept
from tests.runtime.engines import Power, Simulated
from tests.runtime.named import own

NAMED = Path(__file__).parent / "named"
V1, V2 = (load(str(NAMED / name)).unwrap() for name in ("v1.py", "v2.py"))
SECONDS = bounds.REQUEST_SECONDS


def on(power: Power | None, application: Application = V1) -> tuple[TestNode, Simulated | None]:
    """A node that runs the application: on what a power cut left, or in memory."""
    store = None if power is None else Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(application).unwrap()
    return node, store


def again(power: Power, node: TestNode, how: str, application: Application = V1) -> TestNode:
    """The node after a stop or a crash."""
    if how == "stop":
        node.close()
        assert power.tail() == {}
    return on(power, application)[0]


def add(node: TestNode, n: int) -> Any:
    """The message as the running version's callers have it."""
    return from_plain({"type": "Add", "n": n}, node._host.core.open_machine("book").program.takes).unwrap()


def look(node: TestNode) -> Any:
    return from_plain({"type": "Look"}, node._host.core.open_machine("book").program.takes).unwrap()


def seen(node: TestNode) -> Any:
    return node.call("book", look(node))


def ask(node: TestNode, n: int, name: str) -> Any:
    return to_plain(node.call("book", add(node, n), id=name))


def failed(node: TestNode, n: int, name: str) -> StepFailed:
    with pytest.raises(StepFailed) as told:
        node.call("book", add(node, n), id=name)
    return told.value


DONE = {"type": "Done", "n": 7, "at": 1}
kinds = pytest.mark.parametrize("kept", [False, True], ids=["memory", "disk"])
ways = pytest.mark.parametrize("how", ["crash", "stop"])


# Once


@kinds
def test_a_repeat_gets_the_same_reply_and_no_step(kept: bool) -> None:
    node, _ = on(Power() if kept else None)
    assert ask(node, 7, "a") == DONE
    assert ask(node, 7, "a") == DONE
    assert ask(node, 7, "b") == {**DONE, "at": 2}
    assert seen(node) == (7, 7)
    assert node.machine("book").stepped == 3


@kinds
def test_a_repeat_joins_one_that_waits(kept: bool) -> None:
    node, _ = on(Power() if kept else None)
    first, second = (node.send("book", add(node, 7), id="a") for _ in range(2))
    third = node.send("book", add(node, 7), id="a", encode=encoded)
    assert node.machine("book").waiting == 1
    node.drain()
    assert to_plain(first.result()) == to_plain(second.result()) == json.loads(third.result()) == DONE
    assert seen(node) == (7,)


def test_a_repeat_waits_for_the_commit_of_the_first() -> None:
    node, store = on(Power())
    assert store
    node.drain()
    store.automatic = False
    first = node.send("book", add(node, 7), id="a")
    node.step()
    second = node.send("book", add(node, 7), id="a")
    node.step()
    assert not first.done()
    assert not second.done()
    store.advance()
    while node.hear():
        pass
    assert to_plain(first.result()) == to_plain(second.result()) == DONE


@kinds
def test_another_message_under_the_same_id_is_refused_and_changes_nothing(kept: bool) -> None:
    node, _ = on(Power() if kept else None)
    pending = node.send("book", add(node, 7), id="a")
    for _ in ("while it waits", "afterwards"):
        with pytest.raises(IdReused, match="book was asked something else under the id 'a'"):
            node.call("book", add(node, 8), id="a")
        node.drain()
        assert to_plain(pending.result()) == DONE
    assert ask(node, 7, "a") == DONE
    assert seen(node) == (7,)


@kinds
def test_an_error_is_remembered(kept: bool) -> None:
    node, _ = on(Power() if kept else None)
    first, joined = (node.send("book", add(node, -1), id="a") for _ in range(2))
    node.drain()
    with pytest.raises(StepFailed) as told:
        first.result()
    with pytest.raises(StepFailed, match=told.value.reference):
        joined.result()
    later = failed(node, -1, "a")
    assert (str(later), later.to_plain()) == (str(told.value), told.value.to_plain())
    assert isinstance(later.error, RaisedBefore)
    assert str(later.error) == "ValueError: -1"
    assert later.error.__traceback__ is None, "what a step held is not held for as long as the id"
    assert node.machine("book").failed == 1
    assert failed(node, -1, "b").reference != later.reference


def test_an_error_whose_text_raises_is_remembered_too() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def work(n: int, count: int) -> tuple[int, int]:
        raise Odd

    node = TestNode()
    node.start(Application("a", version="1", machines={"m": loop(work, init=0, name="n")})).unwrap()
    for _ in range(2):
        with pytest.raises(StepFailed) as told:
            node.call("m", 1, id="a")
    assert str(told.value.error) == "Odd"


def test_what_was_not_taken_is_not_remembered() -> None:
    small = attrs.evolve(V1, inbox=1)
    node, _ = on(None, small)
    waiting = node.send("book", add(node, 1), id="first")
    with pytest.raises(Overloaded):
        node.send("book", add(node, 2), id="a")
    with pytest.raises(Overloaded):
        node.send("book", add(node, 1), id="first")  # as many wait for it as may wait
    with pytest.raises(BadMessage):
        node.send("book", "nonsense", id="a")
    with pytest.raises(UnknownMachine):
        node.send("look", "nonsense", id="a")
    node.drain()
    assert waiting.done()
    assert ask(node, 3, "a") == {"type": "Done", "n": 3, "at": 2}
    node._host.core.close(node._host.core.applications["named"])
    with pytest.raises(Unavailable):
        node.send("book", add_closed(node, 3), id="a")


def add_closed(node: TestNode, n: int) -> Any:
    return from_plain({"type": "Add", "n": n}, node._host.core.machines["book"].program.takes).unwrap()


def test_an_id_belongs_to_a_machine() -> None:
    machines = {
        name: loop(lambda by, sum: (sum + by, sum + by), init=0, name="sum") for name in ("one", "two")
    }
    node = TestNode()
    node.start(Application("a", version="1", machines=machines)).unwrap()
    assert [node.call(name, by, id="a") for name, by in (("one", 1), ("two", 2), ("one", 1))] == [1, 2, 1]


@pytest.mark.parametrize("wrong", ["", "x" * (bounds.MAX_ID + 1)])
def test_an_id_is_a_text_of_some_length(wrong: str) -> None:
    node, _ = on(None)
    with pytest.raises(BadId, match="an id is a text of 1 to 255 characters"):
        ask(node, 1, wrong)
    assert ask(node, 1, "é\ud800" + "x" * 253)["at"] == 1


def test_what_is_no_data_has_no_id() -> None:
    node = TestNode()
    node.start(Application("a", version="1", machines={"m": arr(lambda n: n), "o": arr(object_of)})).unwrap()
    with pytest.raises(BadMessage, match="plain data, as the request has an id"):
        node.call("m", object(), id="a")
    with pytest.raises(StepFailed):
        node.call("o", 1, id="a")
    with pytest.raises(StepFailed) as told:
        node.call("m", float("inf"), id="b")
    assert "has no JSON form" in str(told.value.error)
    assert node.call("m", float("inf")) == float("inf")


def object_of(_: int) -> object:
    return object()


def test_each_caller_gets_the_reply_as_it_wants_it() -> None:
    node, _ = on(Power())
    assert ask(node, 7, "a") == DONE
    text = node.call("book", add(node, 7), id="a", encode=encoded)
    assert text == node.call("book", add(node, 7), id="a", encode=encoded) == encoded_done()

    def refuse(_: Any) -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        node.call("book", add(node, 7), id="a", encode=refuse)
    assert isinstance(failed_with(node, refuse), StepFailed)
    assert seen(node) == (7,)


def encoded_done() -> bytes:
    return json.dumps(DONE).encode()


def failed_with(node: TestNode, encode: Callable[[Any], Any]) -> CallError:
    with pytest.raises(CallError) as told:
        node.call("book", add(node, 9), id="b", encode=encode)
    return told.value


# Through restarts, upgrades, rollbacks and commits that fail


@ways
def test_ids_are_known_after_a_restart(how: str) -> None:
    power = Power()
    node, _ = on(power)
    ask(node, 7, "a")
    wrong = failed(node, -1, "b")
    node.call("book", add(node, 8))
    for _ in range(3):
        node = again(power, node, how)
        assert ask(node, 7, "a") == DONE
        assert type(node.call("book", add(node, 7), id="a")).__name__ == "Done"
        with pytest.raises(IdReused):
            ask(node, 8, "a")
        later = failed(node, -1, "b")
        assert (later.reference, str(later.error)) == (wrong.reference, "ValueError: -1")
    assert seen(node) == (7, 8)


@kinds
@ways
def test_an_upgrade_and_a_rollback_let_ids_be(kept: bool, how: str) -> None:
    power = Power()
    node, _ = on(power if kept else None)
    first = node.call("book", add(node, 7), id="a")
    wrong = failed(node, -1, "b").reference
    node.upgrade(V2).unwrap()
    for restart in (False, True, True):
        node = again(power, node, how, V2) if kept and restart else node
        assert ask(node, 7, "a") == DONE, "the class is gone, and the answer is what it was"
        assert node.call("book", add(node, 7), id="a", encode=encoded) == encoded_done()
        assert failed(node, -1, "b").reference == wrong
        with pytest.raises(IdReused):
            ask(node, 8, "a")
    second = ask(node, 8, "c")
    assert second["text"] == "written as number 2"
    node.rollback("named").unwrap()
    for restart in (False, True, True):
        node = again(power, node, how) if kept and restart else node
        assert ask(node, 7, "a") == DONE
        reply = node.call("book", add(node, 7), id="a")
        assert type(reply) is type(first)
        assert json.loads(node.call("book", add(node, 8), id="c", encode=encoded)) == second
    assert seen(node) == (7, 8)


@ways
def test_a_program_gets_its_own_classes_after_a_restart(how: str) -> None:
    power = Power()
    node, _ = on(power, own.app)
    for _ in range(3):
        assert node.call("till", 250, id="a") == own.Paid(250)
        assert node.call_all("till", [1, 2], id="b") == [own.Paid(251), own.Paid(253)]
        node = again(power, node, how, own.app)


def test_one_that_waits_is_joined_behind_an_upgrade() -> None:
    node, _ = on(None)
    first = node.send("book", add(node, 7), id="a")
    node.upgrade(V2).unwrap()
    second = node.send("book", add(node, 7), id="a")
    node.drain()
    assert first.result() == second.result()
    assert seen(node) == (7,)


def test_a_rejected_commit_leaves_nothing_behind() -> None:
    power = Power()
    node, store = on(power)
    assert store
    ask(node, 1, "old")
    store.automatic = False
    committing = node.send("book", add(node, 2), id="a")
    node.step()
    joined = node.send("book", add(node, 2), id="a")
    stepped = node.send("book", add(node, -3), id="b")
    node.step()
    waiting = node.send("book", add(node, 4), id="c")
    store.advance(Rejected("the disk is full"))
    while node.hear():
        pass
    for each in (committing, joined, stepped):
        with pytest.raises(Unavailable, match="the disk is full"):
            each.result()
    store.automatic = True
    node.drain()
    assert to_plain(waiting.result()) == {"type": "Done", "n": 4, "at": 2}
    assert ask(node, 5, "a") == {"type": "Done", "n": 5, "at": 3}, "the id is free again"
    assert ask(node, 6, "b") == {"type": "Done", "n": 6, "at": 4}
    assert ask(node, 1, "old")["at"] == 1
    node, _ = on(power)
    assert [ask(node, n, name)["at"] for n, name in ((1, "old"), (4, "c"), (5, "a"), (6, "b"))] == [
        1,
        2,
        3,
        4,
    ]


def test_a_rejected_commit_brings_back_what_it_forgot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "REQUESTS", 2)
    node, store = on(Power())
    assert store
    ask(node, 1, "a")
    ask(node, 2, "b")
    store.automatic = False
    node.send("book", add(node, 3), id="c")
    node.step()
    store.advance(Rejected("the disk is full"))
    while node.hear():
        pass
    store.automatic = True
    assert ask(node, 1, "a")["at"] == 1
    assert seen(node) == (1, 2)


def test_what_was_taken_behind_a_rejected_upgrade_is_not_dropped() -> None:
    node, store = on(Power())
    assert store
    node.drain()
    store.automatic = False
    waiting = node.send("book", add(node, 1), id="a")
    host = node._host
    host.change("named", host.prepare(V2, None), Pending()).unwrap()
    joined = node.send("book", add(node, 1), id="a")
    new = node.send("book", look(node), id="b")
    other = node.send("book", add(node, 2), id="c")
    assert not node.step(), "nothing is stepped by a version that may not stand"
    store.advance(Rejected("the disk is full"))
    while node.hear():
        pass
    store.automatic = True
    node.drain()
    assert to_plain(waiting.result()) == to_plain(joined.result()) == {"type": "Done", "n": 1, "at": 1}
    assert new.result() == (1,)
    with pytest.raises(Unavailable, match="in a version that could not be written down"):
        other.result()  # a float, which the old version does not take
    assert ask(node, 3, "c")["at"] == 2
    assert seen(node) == (1, 3)


@ways
def test_several_messages_have_one_id(how: str) -> None:
    power = Power()
    node, _ = on(power)

    def several(*numbers: int) -> Any:
        return to_plain(node.call_all("book", [add(node, n) for n in numbers], id="a"))

    replies = several(1, 2)
    assert [each["at"] for each in replies] == [1, 2]
    with pytest.raises(StepFailed):
        node.call_all("book", [add(node, 3), add(node, -4)], id="b")
    for _ in range(2):
        assert several(1, 2) == replies
        with pytest.raises(IdReused):
            several(2, 1)
        with pytest.raises(StepFailed):
            node.call_all("book", [add(node, 3), add(node, -4)], id="b")
        assert seen(node) == (1, 2)
        node = again(power, node, how)
    reply = node.call_all("book", [add(node, 1), add(node, 2)], id="a")
    assert type(reply[0]) is type(node.call("book", add(node, 5)))


# The window


def window(node: TestNode) -> list[tuple[str, int, Any]]:
    return [(each.id, each.now, to_plain(each.reply)) for each in node._host.core.machines["book"].window]


@kinds
def test_the_window_holds_so_many(monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    monkeypatch.setattr(bounds, "REQUESTS", 3)
    power = Power()
    node, _ = on(power if kept else None)
    for n in range(4):
        ask(node, n, str(n))
    for n in (1, 2, 3):
        assert ask(node, n, str(n))["at"] == n + 1
    assert ask(node, 0, "0")["at"] == 5, "this one is forgotten, and done again"
    assert [name for name, _, _ in window(node)] == ["2", "3", "0"]
    for how in ("crash", "stop", "crash") if kept else ():
        before = window(node)
        node = again(power, node, how)
        assert window(node) == before


@kinds
def test_the_window_holds_for_so_long(kept: bool) -> None:
    power = Power()
    node, _ = on(power if kept else None)
    ask(node, 7, "a")
    node.now = 1.0
    ask(node, 8, "b")
    node.now = SECONDS - 0.001
    assert ask(node, 7, "a")["at"] == 1
    node.now = float(SECONDS)
    assert ask(node, 8, "b")["at"] == 2
    assert ask(node, 9, "a")["at"] == 3, "it is forgotten, and the id is free for another message"
    assert [(name, now) for name, now, _ in window(node)] == [("b", 1000), ("a", SECONDS * 1000)]
    for how in ("crash", "stop", "crash") if kept else ():
        before = window(node)
        node = again(power, node, how)  # whose clock begins anew, and goes on from where it was
        assert window(node) == before
        assert ask(node, 8, "b")["at"] == 2
    node.now += 2.0
    assert ask(node, 8, "b")["at"] == 4
    assert [name for name, _, _ in window(node)] == ["a", "b"]


def test_time_never_goes_back() -> None:
    power = Power()
    node, _ = on(power)
    node.now = 100.0
    ask(node, 1, "a")
    node.now = 50.0
    ask(node, 2, "b")
    for how in ("crash", "stop"):
        node = again(power, node, how)
        assert node.now == 0.0
        ask(node, 3, how)
    assert [now for _, now, _ in window(node)] == [100_000] * 4


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=60),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_a_window_is_what_a_list_would_be(asked: list[tuple[int, int]], most: int, seconds: int) -> None:
    with patch.object(bounds, "REQUESTS", most), patch.object(bounds, "REQUEST_SECONDS", seconds):
        held, model, now = Window(), list[Answered](), 0
        for name, later in asked:
            now += later * 1000
            answer = Answered(str(name), "", now, None)
            held = held.having(answer)
            model = [each for each in model if each.id != answer.id] + [answer]
            model = model[-most:]
            fresh = [each for each in model if each.now > now - seconds * 1000]
            assert [each for each in held if each in fresh] == fresh
            assert len(list(held)) == len(held) <= most
            assert [held.found(str(each), now) for each in range(13)] == [
                next((one for one in fresh if one.id == str(each)), None) for each in range(13)
            ]


def test_the_old_leave_a_few_at_a_time() -> None:
    held = Window()
    for n in range(100):
        held = held.having(Answered(str(n), "", 0, None))
    late = held.having(Answered("x", "", SECONDS * 1000, None))
    assert len(held) - len(late) == bounds.FORGET - 1


def test_a_snapshot_holds_a_few_answers_in_each_part() -> None:
    power = Power()
    node, _ = on(power)
    for n in range(bounds.PART_OF_ANSWERS * 2):
        ask(node, n, str(n))
    node.close()
    parts = [json.loads(data) for key, data in power.table.items() if key.startswith("snapshot/")]
    assert max(map(len, parts)) == bounds.PART_OF_ANSWERS
    assert len(window(on(power)[0])) == bounds.PART_OF_ANSWERS * 2


# What is written down


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@attrs.frozen
class Inner:
    colour: Colour
    data: bytes


@attrs.frozen
class Outer:
    inner: tuple[Inner, ...]
    by: dict[int, frozenset[int]]
    ratio: float | None = None


REPLY = Outer((Inner(Colour.BLUE, b"\0x"),), {2**70: frozenset({1, 2})}, 0.1)


def gives_outer(_: int) -> Outer:
    return REPLY


def gives_either(n: int) -> Left[int] | Right[Outer]:
    return Left(n) if n else Right(REPLY)


def gives_anything(n: int) -> Any:
    return (n, [n], {"a": REPLY})


def reread(reply: Any, by: Any) -> Any:
    program = compiled(Application("a", version="1", machines={"m": arr(by)})).unwrap().programs["m"]
    data = json.dumps(written(Answered("a", "b", 1, reply))).encode()
    return Answers(program).read(parsed(data)).reply


def test_a_reply_is_read_as_it_was() -> None:
    assert reread(REPLY, gives_outer) == REPLY
    assert to_plain(reread(Right(REPLY), gives_either)) == to_plain(Right(REPLY))
    assert reread(Left(1), gives_either) == Left(1)
    assert to_plain(reread(gives_anything(1), gives_anything)) == to_plain(gives_anything(1))
    assert reread((1, [1.5, None]), gives_anything) == (1, [1.5, None])


def test_a_reply_whose_classes_are_gone_is_the_same_json() -> None:
    for reply in (REPLY, Left(REPLY), [Colour.RED, Colour.BLUE, Colour.RED]):
        assert to_plain(reread(reply, len)) == to_plain(reply)


def gives_other() -> Any:
    @attrs.frozen
    class Inner:
        colour: int
        data: int = attrs.field()

        @data.validator
        def _few(self, _: object, data: int) -> None:
            if data > 3:
                raise ValueError("no")

    def gives(_: int) -> Any:
        return Inner(1, 2)

    gives.__annotations__["return"] = Inner
    return gives


@pytest.mark.parametrize("data", [3, 4])
def test_a_reply_that_does_not_fit_the_class_of_its_name_is_the_same_json(data: int) -> None:
    reply = attrs.make_class("Inner", ["colour", "data"], frozen=True)("red", data)
    assert to_plain(reread(reply, gives_other())) == {"type": "Inner", "colour": "red", "data": data}


@attrs.frozen
class Odd:
    type: int


def gives_odd(n: int) -> list[Odd] | Outer | int:
    return n


def test_a_version_that_may_reply_with_what_is_no_data_reads_what_is() -> None:
    for reply in (5, REPLY, (5, 6)):
        assert to_plain(reread(reply, gives_odd)) == to_plain(reply)


def test_messages_are_told_apart() -> None:
    other = attrs.make_class("Inner", ["colour", "data"], frozen=True)
    same = [Inner(Colour.RED, b""), other(Colour.RED, b"")]
    assert len(set(map(fingerprint, same))) == 1
    different = [
        *same[:1],
        Inner(Colour.BLUE, b""),
        Inner(Colour.RED, b"1"),
        1,
        1.5,
        True,
        "1",
        [1],
        (1,),
        None,
        -0.5,
    ]
    assert len(set(map(fingerprint, different))) == len(different)


# The node on asyncio


def run(body: Callable[[Node], Awaitable[None]], data: Path | None) -> None:
    async def main() -> None:
        async with Node(data) as node:
            (await node.start(V1)).unwrap()
            await body(node)

    asyncio.run(main())


def message(node: Node, n: int) -> Any:
    return from_plain({"type": "Add", "n": n}, node.accepts("book")).unwrap()


@kinds
def test_a_cancelled_caller_harms_nobody(tmp_path: Path, kept: bool) -> None:
    async def body(node: Node) -> None:
        first, second = (asyncio.ensure_future(node.call("book", message(node, 7), id="a")) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert to_plain(await second) == DONE
        assert to_plain(await node.call("book", message(node, 7), id="a")) == DONE
        assert node.machine("book").stepped == 1

    run(body, tmp_path / "data" if kept else None)


def test_a_real_node_knows_ids_after_a_stop(tmp_path: Path) -> None:
    references = set()

    async def body(node: Node) -> None:
        replies = await asyncio.gather(
            *(node.call("book", message(node, 7), id=str(n % 50)) for n in range(200))
        )
        assert sorted({each.at for each in replies}) == list(range(1, 51))
        with pytest.raises(StepFailed) as told:
            await node.call("book", message(node, -1), id="wrong")
        references.add(told.value.reference)
        assert node.machine("book").stepped in (0, 50)

    for _ in range(3):
        run(body, tmp_path / "data")
    assert len(references) == 1


def test_nobody_needs_to_wait() -> None:
    async def body(node: Node) -> None:
        for _ in range(2):
            node.ask("book", message(node, 7), None, id="a")
            node.ask("book", message(node, -7), None, id="b")
            await asyncio.sleep(0.01)
        assert (node.machine("book").stepped, node.machine("book").failed) == (1, 1)
        assert to_plain(await node.call("book", message(node, 7), id="a")) == DONE

    run(body, None)


def test_who_repeats_in_a_loop_lets_others_in() -> None:
    async def body(node: Node) -> None:
        turns = []

        async def other() -> None:
            for n in range(10):
                turns.append(n)
                await asyncio.sleep(0)

        beside = asyncio.ensure_future(other())
        for _ in range(20):
            await node.call("book", message(node, 7), id="a")
        assert len(turns) == 10
        await beside

    run(body, None)


# At random


KEPT_V2 = kept(V2).unwrap()
DEEDS = ["new", "new", "again", "again", "plain", "step", "step", "advance", "advance", "hear", "hear"]
RARE = ["wrong", "other", "reject", "crash", "lost", "swap", "back", "close"]


@attrs.define
class Story:
    """What the callers of one id saw: each outcome as JSON, with what raised as its reference."""

    n: int
    pending: list[Pending] = attrs.field(factory=list)
    outcomes: set[str] = attrs.field(factory=set)

    def look(self) -> None:
        for each in [each for each in self.pending if each.done()]:
            self.pending.remove(each)
            try:
                self.outcomes.add(json.dumps(to_plain(each.result())))
            except StepFailed as error:
                self.outcomes.add(error.reference)
            except Unavailable:
                pass
        assert len(self.outcomes) <= 1, "callers of one id saw different outcomes"


def told(schedule: list[tuple[str, int]]) -> None:
    """Run a schedule. Each message is another number, so the book shows what was done twice."""
    power, stories, plain, number = Power(), dict[str, Story](), list[int](), 0

    def fresh() -> tuple[TestNode, Simulated]:
        store = Simulated(power, automatic=True)
        node = TestNode(store=store, seed=len(power.log) + number)
        kept = node._host.keeper.parked.get("named") if node._host.keeper else None
        node.start(V2 if kept and kept.compiled.digest == V2.digest else V1).unwrap()
        if kept is None:
            node.upgrade(V2).unwrap()  # from here on both versions are kept
            node.rollback("named").unwrap()
            node.drain()
        store.automatic = False
        return node, store

    def ask(name: str) -> None:
        stories[name].pending.append(node.send("book", add(node, stories[name].n), id=name))

    node, store = fresh()
    for deed, pick in schedule:
        known = list(stories)[pick % len(stories)] if stories else None
        match deed:
            case "new" | "wrong":
                number += 1
                stories[str(number)] = Story(number if deed == "new" else -number)
                ask(str(number))
            case "plain":
                number += 1
                node.send("book", add(node, number))
                plain.append(number)
            case "again" if known:
                ask(known)
            case "other" if known and stories[known].outcomes:
                with pytest.raises(IdReused):
                    node.send("book", add(node, 1_000_000), id=known)
            case "step":
                node.step(3)
            case "advance":
                store.advance()
            case "hear":
                node.hear()
            case "reject":
                store.advance(Rejected("no room"))
            case "swap" | "back":
                host = node._host
                change = host.prepare(V2, None) if deed == "swap" else host.core.prepare_back("named")
                if host.keeper and not host.keeper.held:
                    puts = KEPT_V2 if deed == "swap" else NOTHING
                    host.change("named", change, Pending(), puts)
            case "close":
                store.automatic = True
                while store.advance():
                    pass
                node.close()
                store.automatic = False
            case "crash" | "lost":
                if deed == "lost":
                    store.advance(told=False)
                for story in stories.values():
                    story.look()
                    story.pending.clear()
                node, store = fresh()
        for story in stories.values():
            story.look()
    store.automatic = True
    while store.advance():
        pass
    node.drain()
    for restart in (False, True):
        node = again(power, node, "crash", node_version(node)) if restart else node
        for name in stories:
            ask(name)
        node.drain()
        for story in stories.values():
            story.look()
            assert story.outcomes, "no answer"
    counts = defaultdict[int, int](int)
    for n in seen(node):
        counts[n] += 1
    assert set(counts.values()) <= {1}, "done twice"
    assert {story.n for story in stories.values() if story.n > 0} <= set(counts), "answered and not done"
    assert set(counts) <= {story.n for story in stories.values()} | set(plain), "done and not asked for"


def node_version(node: TestNode) -> Application:
    return V1 if node.status().applications[0].version == "1" else V2


schedules = st.lists(
    st.tuples(st.sampled_from(DEEDS * 2 + RARE), st.integers(0, 20)), min_size=5, max_size=80
)


def small() -> Any:
    return patch.multiple(bounds, SNAPSHOT_AFTER=8, PART=3)


@settings(max_examples=30, deadline=None)
@given(schedules)
def test_an_id_is_done_once_and_all_who_ask_see_one_outcome(schedule: list[tuple[str, int]]) -> None:
    with small():
        told(schedule)


@pytest.mark.long
@settings(max_examples=2000, deadline=None)
@given(schedules)
def test_an_id_is_done_once_in_thousands_of_schedules(schedule: list[tuple[str, int]]) -> None:
    with small():
        told(schedule)
