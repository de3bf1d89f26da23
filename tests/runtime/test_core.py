"""The core's decisions, on a node without a loop: order, bounds, failures, fairness, what observers hear."""

from __future__ import annotations

import json
import logging
import math
import sys
from typing import Any

import attrs
import pytest
from returns.result import Failure, Success

from arrows.build import arr, constant, emit, get, keyed, loop, perform
from arrows.dispatch import switch
from arrows.effect import Effect
from arrows.notation import proc
from arrows.origin import BuildError
from migrations.migration import Migration
from runtime import observe
from runtime.application import Application
from runtime.errors import BadMessage, Overloaded, StepFailed, UnknownMachine
from runtime.gateway import encoded
from runtime.refusal import CannotCompile, NameTaken, NeedsEffects, UnknownApplication
from runtime.testing import TestNode


@attrs.frozen
class Increment:
    """Count one more."""


@attrs.frozen
class Read:
    """Tell the count."""


@attrs.frozen
class Reset:
    """Begin again; at zero this is the deliberate bug of the notes."""


@attrs.frozen
class Ack:
    """Done."""


@attrs.frozen
class Value:
    value: int


@proc
def counter(msg: Increment | Read | Reset, *, count: int = 0) -> Ack | Value:
    match msg:
        case Increment():
            count += 1
            return Ack()
        case Read():
            return Value(count)
        case Reset():
            if count == 0:
                raise ValueError("reset at zero")
            count = 0
            return Ack()


@attrs.frozen
class Add:
    by: int


@proc
def total(msg: Add, *, sum: int = 0) -> int:
    sum += msg.by
    return sum


def misbehave(what: str, count: int) -> tuple[float, int]:
    match what:
        case "exit":
            sys.exit(3)
        case "recurse":
            return misbehave(what, count)
        case "memory":
            raise MemoryError
        case "interrupt" if count == 1:
            raise KeyboardInterrupt
        case "nan":
            return math.nan, count + 1
    return float(count + 1), count + 1


TROUBLE = loop(misbehave, init=0, name="count")


def application(**machines: object) -> Application:
    return Application("app", version="1", machines=machines)  # type: ignore[arg-type]


def node(**machines: object) -> TestNode:
    started = TestNode()
    started.start(application(**machines)).unwrap()
    return started


@pytest.mark.parametrize(
    ("messages", "last"),
    [
        ([Increment(), Increment(), Read()], Value(2)),
        ([Increment(), Increment()], Ack()),
        ([Increment(), Reset(), Read()], Value(0)),
    ],
)
def test_the_counter_of_the_notes(messages: list[object], last: object) -> None:
    running = node(counter=counter)
    assert [running.call("counter", each) for each in messages][-1] == last


def test_a_step_that_raises_answers_its_caller_and_keeps_the_state(caplog: pytest.LogCaptureFixture) -> None:
    running = node(counter=counter)
    crash, after = running.send("counter", Reset()), running.send("counter", Increment())
    running.drain()
    with pytest.raises(StepFailed) as failed:
        crash.result()
    assert isinstance(failed.value.error, ValueError)
    assert after.result() == Ack()
    assert running.call("counter", Read()) == Value(1)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("midflight", logging.ERROR)
    assert failed.value.reference in record.getMessage()
    assert "reset at zero" in caplog.text
    assert "Traceback" in caplog.text
    assert "reset at zero" not in json.dumps(failed.value.to_plain()), "the cause is for the log alone"
    machine = running.machine("counter")
    assert (machine.stepped, machine.failed, machine.waiting) == (2, 1, 0)


@pytest.mark.parametrize("what", ["exit", "recurse", "memory"])
def test_nothing_a_step_raises_ends_the_node(what: str) -> None:
    running = node(trouble=TROUBLE)
    running.call("trouble", "fine")
    with pytest.raises(StepFailed):
        running.call("trouble", what)
    assert running.call("trouble", "fine") == 2.0


def test_an_interrupt_passes_on_and_loses_no_message() -> None:
    running = node(trouble=TROUBLE)
    sent = [running.send("trouble", each) for each in ("fine", "interrupt", "fine")]
    with pytest.raises(KeyboardInterrupt):
        running.drain()
    assert [each.done() for each in sent] == [True, False, False]
    assert sent[0].result() == 1.0
    assert running.machine("trouble").waiting == 2
    with pytest.raises(KeyboardInterrupt):
        running.drain()


def test_a_reply_that_does_not_encode_is_a_failed_step() -> None:
    running = node(trouble=TROUBLE)
    with pytest.raises(StepFailed):
        running.call("trouble", "nan", encode=encoded)
    assert running.call("trouble", "fine", encode=encoded) == b"1.0"


def test_a_message_that_does_not_fit_never_reaches_the_machine() -> None:
    running = node(counter=counter, total=total)
    with pytest.raises(BadMessage) as bad:
        running.call("counter", Add(1))
    assert bad.value.accepted == ('{"type": "Increment"}', '{"type": "Read"}', '{"type": "Reset"}')
    with pytest.raises(BadMessage):
        running.call("total", 1)
    assert [each.stepped + each.failed for each in running.status().applications[0].machines] == [0, 0]


def test_a_message_of_an_equal_class_is_adopted() -> None:
    twin = attrs.make_class("Add", {"by": attrs.field(type=int)}, frozen=True)
    assert node(total=total).call("total", twin(by=3)) == 3
    with pytest.raises(BadMessage) as bad:
        node(total=total).call("total", twin(by="3"))
    assert bad.value.misfit.path == "by"


def test_an_unknown_machine_names_the_known() -> None:
    with pytest.raises(UnknownMachine) as unknown:
        node(counter=counter, total=total).call("countre", Read())
    assert unknown.value.known == ("counter", "total")


def test_a_full_inbox_turns_away_and_loses_nothing() -> None:
    running = TestNode()
    running.start(Application("app", version="1", machines={"total": total}, inbox=3)).unwrap()
    sent = [running.send("total", Add(1)) for _ in range(3)]
    with pytest.raises(Overloaded) as full:
        running.cast("total", Add(1))
    assert full.value.retry_after > 0
    running.drain()
    assert [each.result() for each in sent] == [1, 2, 3]
    assert running.call("total", Add(1)) == 4


def test_a_busy_machine_does_not_starve_another() -> None:
    running = node(busy=total, other=total)
    busy = [running.send("busy", Add(1)) for _ in range(1000)]
    other = running.send("other", Add(1))
    running.step(limit=100)
    assert other.done()
    assert sum(each.done() for each in busy) == 99
    running.drain()
    assert [each.result() for each in busy] == list(range(1, 1001))


def test_names_belong_to_one_application() -> None:
    running = node(counter=counter)
    again = running.start(application(other=counter)).failure()
    assert again == NameTaken("application", "app", "app")
    other = Application("other", version="1", machines={"fine": total, "counter": counter})
    assert running.start(other).failure() == NameTaken("machine", "counter", "app")
    assert [each.name for each in running.status().applications] == ["app"]


def test_machines_start_in_order_and_stop_in_reverse_with_what_waits_answered() -> None:
    events: list[observe.Event] = []
    running = TestNode(observers=[events.append])
    running.start(application(one=total, two=counter, three=total)).unwrap()
    waiting = [running.send("one", Add(2)), running.send("two", Read())]
    last = running.stop("app").unwrap()
    assert [each.result() for each in waiting] == [2, Value(0)]
    assert [each.stepped for each in last.machines] == [1, 1, 0]
    order = [
        (type(e).__name__, e.machine) for e in events if isinstance(e, observe.Started | observe.Stopped)
    ]
    assert order == [("Started", each) for each in ("one", "two", "three")] + [
        ("Stopped", each) for each in ("three", "two", "one")
    ]
    with pytest.raises(UnknownMachine):
        running.call("one", Add(1))
    assert running.stop("app").failure() == UnknownApplication("app", ())


def test_observers_hear_everything_under_one_trace_and_cannot_do_harm() -> None:
    events: list[observe.Event] = []

    def broken(event: observe.Event) -> None:
        raise RuntimeError(event)

    running = TestNode(observers=[broken, events.append])
    running.start(application(counter=counter)).unwrap()
    running.call("counter", Increment(), trace="abc")
    running.call("counter", Reset())
    for wrong, error in ((Reset(), StepFailed), (Add(1), BadMessage)):
        with pytest.raises(error):
            running.call("counter", wrong)
    heard = [(type(e).__name__, e.trace) for e in events]
    assert heard[:3] == [("Started", ""), ("Accepted", "abc"), ("Stepped", "abc")]
    assert {"Failed", "Rejected"} <= {name for name, _ in heard}
    accepted = [trace for name, trace in heard if name == "Accepted"]
    answered = [trace for name, trace in heard if name in ("Stepped", "Failed")]
    assert accepted == answered
    assert len(set(accepted)) == len(accepted)


def test_references_come_from_the_seed() -> None:
    def reference(seed: int) -> str:
        running = TestNode(seed=seed)
        running.start(application(counter=counter)).unwrap()
        with pytest.raises(StepFailed) as failed:
            running.call("counter", Reset())
        return failed.value.reference

    assert reference(1) == reference(1) != reference(2)


def _kind(message: Add) -> int:
    return message.by % 100


def test_a_status_is_json_of_bounded_size() -> None:
    running = node(table=keyed(total, by=arr(_kind), name="kinds"), odd=TROUBLE)
    for by in range(1, 100):
        running.call("table", Add(by))
    running.call("odd", "nan")
    plain = json.loads(json.dumps(running.status().to_plain(), allow_nan=False))
    table, odd = plain["applications"][0]["machines"]
    (cell,) = table["cells"]
    assert plain["durability"] == "memory"
    assert (cell["address"], cell["size"]) == ("kinds", 99)
    assert 0 < len(cell["value"]) < 99
    assert cell["value"][0]["cells"][0]["address"] == "kinds/sum"
    assert odd["cells"] == [{"address": "count", "type": "int", "value": 1}]


def test_an_application_is_checked_when_it_is_made() -> None:
    several: list[dict[str, Any]] = [
        {"name": "a/b"},
        {"name": ""},
        {"name": "a" * 101},
        {"version": "1 2"},
        {"machines": {}},
        {"machines": {"x": 1}},
        {"inbox": 0},
        {"migrations": [Migration("other", old="0", new="1", up={})]},
        {"migrations": [Migration("m", old="0", new="1", up={})] * 2},
    ]
    for wrong in several:
        with pytest.raises(BuildError):
            Application(**{"name": "a", "version": "1", "machines": {"m": total}, **wrong})


def test_a_digest_does_not_depend_on_the_label() -> None:
    one = Application("a", version="1", machines={"m": total})
    assert one.digest == Application("a", version="2", machines={"m": total}).digest
    assert one.digest != Application("a", version="1", machines={"m": counter}).digest
    assert one.digest != Application("a", version="1", machines={"m": total}, inbox=5).digest


def test_a_machine_that_cannot_be_compiled_is_a_refusal() -> None:
    refused = TestNode().start(application(lost=switch((int, get("nowhere")))))
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), CannotCompile)
    assert refused.failure().to_plain()["machine"] == "lost"
    assert isinstance(TestNode().start(application(fine=total)), Success)


@attrs.frozen
class Ask(Effect[int]):
    n: int


def test_a_node_runs_no_machine_that_performs_or_emits_what_it_does_not_do() -> None:
    for machine in (perform(Ask), constant(Ask(1)) >> emit(Ask)):
        refused = TestNode().start(application(fine=total, asks=machine))
        assert refused.failure() == NeedsEffects("app", "asks", ("Ask",))
        assert str(refused.failure()).startswith(
            "app: asks performs or emits Ask, and a node emits Send, Publish, After and Cancel"
        )
