"""Upgrades between two messages: what is kept, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

import sys
from typing import Any

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from arrows.build import arr, constant
from arrows.dispatch import switch
from arrows.notation import proc
from migrations.migration import DROP, Migration
from migrations.refusal import MigrationMisfit, MigrationRaised, NoDown, Undefined
from runtime import observe
from runtime.application import Application
from runtime.errors import Overloaded, RolledBack, StepFailed
from runtime.pending import Pending
from runtime.refusal import (
    AlreadyRunning,
    CannotCompile,
    MachineRemoved,
    MessageNotAccepted,
    NothingToRollBack,
    UnexpectedVersion,
    UnknownApplication,
)
from runtime.testing import TestNode


@attrs.frozen
class Add:
    by: int


@attrs.frozen
class Read:
    pass


@attrs.frozen
class Told:
    version: int
    count: int


@proc
def one(msg: Add | Read, *, count: int = 0) -> Told:
    match msg:
        case Add(by):
            if by < 0:
                raise ValueError(by)
            count += by
            return Told(1, count)
        case Read():
            return Told(1, count)


@proc
def two(msg: Add | Read, *, count: tuple[int, int] = (0, 0)) -> Told:
    match msg:
        case Add(by):
            count = (count[0], count[1] + by)
            return Told(2, count[1])
        case Read():
            return Told(2, count[1])


@proc
def adds_only(msg: Add, *, count: int = 0) -> int:
    count += msg.by
    return count


def _pair(n: int) -> tuple[int, int]:
    return (n, n)


def _second(pair: tuple[int, int]) -> int:
    return pair[1]


def _doubled(add: Any) -> Any:
    return add.doubled()


def _explode(n: int) -> tuple[int, int]:
    raise RuntimeError(n)


def _leave(n: int) -> tuple[int, int]:
    sys.exit(n)


def _wrong(n: int) -> Any:
    return (n, str(n))


def way(up: Any = _pair, down: Any = _second, machine: str = "a") -> Migration:
    back = None if down is None else {"count": arr(down)}
    return Migration(machine, old="1", new="2", up={"count": arr(up)}, down=back)


def v1(**machines: Any) -> Application:
    return Application("app", version="1", machines=machines or {"a": one, "b": one})


def v2(*migrations: Migration, **machines: Any) -> Application:
    machines = machines or {"a": two, "b": two}
    return Application("app", version="2", machines=machines, migrations=migrations)


BOTH = (way(), way(machine="b"))


def started(application: Application | None = None, **options: Any) -> TestNode:
    node = TestNode(**options)
    node.start(application or v1()).unwrap()
    return node


def test_the_swap_falls_between_two_messages_and_keeps_what_waits() -> None:
    node = started()
    sent = [node.send("a", Add(1)) for _ in range(5)]
    node.step(limit=2)
    done = node.upgrade(v2(*BOTH), expected=v1().digest).unwrap()
    later = node.send("a", Read())
    node.drain()
    assert [each.result() for each in sent] == [Told(1, 1), Told(1, 2), Told(2, 3), Told(2, 4), Told(2, 5)]
    assert later.result() == Told(2, 5)
    assert (done.old_version, done.new_version, done.back) == ("1", "2", False)
    assert (done.old, done.new) == (v1().digest, v2().digest)
    assert [(row.address, row.label) for row in done.rows["a"]] == [("count", "converted")]
    assert node.status().applications[0].previous == "1"


def test_a_rollback_goes_through_down_and_forward() -> None:
    node = started()
    node.call("a", Add(2))
    node.upgrade(v2(*BOTH)).unwrap()
    node.call("a", Add(3))
    done = node.rollback("app").unwrap()
    assert done.back
    assert done.new == v1().digest
    assert node.call("a", Read()) == Told(1, 5)
    assert node.rollback("app").failure() == NothingToRollBack("app")


REFUSALS = {
    "unexpected": (v2(*BOTH), "0" * 64, UnexpectedVersion),
    "unexpected, named too shortly": (v2(*BOTH), v1().digest[:5], UnexpectedVersion),
    "the same": (v1(), None, AlreadyRunning),
    "no way": (v2(way()), None, Undefined),
    "raises in the second machine": (v2(way(), way(_explode, machine="b")), None, MigrationRaised),
    "exits": (v2(way(), way(_leave, machine="b")), None, MigrationRaised),
    "does not fit": (v2(way(), way(_wrong, machine="b")), None, MigrationMisfit),
    "removes a machine": (v2(way(), a=two), None, MachineRemoved),
    "takes fewer messages": (v2(a=adds_only, b=one), None, MessageNotAccepted),
    "cannot be compiled": (v2(*BOTH, a=arr(lambda x: undefined), b=two), None, CannotCompile),  # type: ignore[name-defined]  # noqa: F821
    "is not there": (Application("other", version="1", machines={"z": one}), None, UnknownApplication),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_changes_nothing_and_is_heard(case: str) -> None:
    application, expected, reason = REFUSALS[case]
    events: list[observe.Event] = []
    node = started(observers=[events.append])
    node.call("a", Add(2))
    waiting = [node.send("a", Add(1)), node.send("b", Add(1))]
    before = node.status()
    refusal = node.upgrade(application, expected).failure()
    assert refusal.reason == reason.__name__, refusal
    assert str(refusal)
    assert node.status() == before
    heard = [each.refusal for each in events if isinstance(each, observe.UpgradeRefused)]
    assert heard == [refusal]
    node.drain()
    assert [each.result() for each in waiting] == [Told(1, 3), Told(1, 1)]


def test_the_same_upgrade_again_is_not_the_expected_version() -> None:
    node = started()
    node.upgrade(v2(*BOTH), expected=v1().digest).unwrap()
    refusal = node.upgrade(v2(*BOTH), expected=v1().digest).failure()
    assert refusal == UnexpectedVersion("app", v1().digest, v2().digest)


def test_a_short_digest_names_a_version() -> None:
    node = started()
    node.upgrade(v2(*BOTH), expected=v1().digest[:12]).unwrap()


def test_a_new_machine_starts_fresh_and_goes_back_only_untouched() -> None:
    node = started(v1(a=one))
    more = Application("app", version="2", machines={"a": one, "new": one})
    node.upgrade(more).unwrap()
    node.rollback("app").unwrap()
    assert [each.name for each in node.status().applications[0].machines] == ["a"]
    node.upgrade(more).unwrap()
    node.call("new", Add(1))
    assert node.rollback("app").failure() == MachineRemoved("app", "new")
    assert node.call("new", Read()) == Told(1, 1)


def test_without_down_there_is_no_way_back() -> None:
    node = started(v1(a=one))
    node.upgrade(v2(way(down=None), a=two)).unwrap()
    assert isinstance(node.rollback("app").failure(), NoDown)
    assert node.call("a", Read()) == Told(2, 0)


def test_a_rollback_turns_away_what_waits_and_the_old_version_does_not_take() -> None:
    node = started(v1(a=adds_only))
    node.upgrade(Application("app", version="2", machines={"a": one})).unwrap()
    pending = node.send("a", Read())
    assert len(node.rollback("app").unwrap().turned) == 1
    with pytest.raises(RolledBack, match="went back from version 2"):
        pending.result()
    assert node.call("a", Add(1)) == 1


def edited() -> type:
    """The class `Add` as a later version of its file has it."""

    @attrs.frozen
    class Add:
        by: int

        def doubled(self) -> int:
            return 2 * self.by

    return Add


def test_waiting_messages_get_the_classes_of_the_new_version() -> None:
    twin = edited()
    node = started(v1(a=switch((Add, constant("old")))))
    sent = [node.send("a", Add(3)), node.send("a", Add(4))]
    taken = switch((twin, arr(_doubled)))
    node.upgrade(Application("app", version="2", machines={"a": taken})).unwrap()
    node.drain()
    assert [each.result() for each in sent] == [6, 8]


def test_a_dropped_and_declared_cell_starts_anew() -> None:
    node = started(v1(a=one))
    node.call("a", Add(4))
    fresh = Migration("a", old="1", new="2", up={"count": DROP})
    node.upgrade(v2(fresh, a=two)).unwrap()
    assert node.call("a", Read()) == Told(2, 0)


class Interleaving(RuleBasedStateMachine):
    """Calls, casts, steps, upgrades, rollbacks and refusals in any order, beside a list and two numbers."""

    machines = st.sampled_from(["a", "b"])

    def __init__(self) -> None:
        super().__init__()
        self.node = TestNode()
        self.node.start(attrs.evolve(v1(), inbox=20)).unwrap()
        self.version = 1
        self.rolled_back = True
        self.counts = {"a": 0, "b": 0}
        self.waiting: dict[str, list[tuple[int, Pending | None]]] = {"a": [], "b": []}
        self.settled: list[tuple[Pending, object]] = []

    @rule(machine=machines, by=st.integers(-1, 3), cast=st.booleans())
    def send(self, machine: str, by: int, cast: bool) -> None:
        if len(self.waiting[machine]) == 20:
            with pytest.raises(Overloaded):
                self.node.send(machine, Add(by))
        elif cast:
            self.node.cast(machine, Add(by))
            self.waiting[machine].append((by, None))
        else:
            self.waiting[machine].append((by, self.node.send(machine, Add(by))))

    @rule(machine=machines)
    def fill(self, machine: str) -> None:
        while len(self.waiting[machine]) < 20:
            self.send(machine, 1, cast=False)

    @rule(limit=st.integers(1, 50))
    def step(self, limit: int) -> None:
        before = {machine: self.node.machine(machine).waiting for machine in self.waiting}
        self.node.step(limit)
        for machine, waiting in self.waiting.items():
            for _ in range(before[machine] - self.node.machine(machine).waiting):
                self._model(machine, *waiting.pop(0))
        taken = sum(before.values()) - sum(map(len, self.waiting.values()))
        assert taken == min(limit, sum(before.values()))

    def _model(self, machine: str, by: int, pending: Pending | None) -> None:
        expected: object = StepFailed
        if by >= 0 or self.version == 2:
            self.counts[machine] += by
            expected = Told(self.version, self.counts[machine])
        if pending is not None:
            self.settled.append((pending, expected))

    @rule()
    def upgrade(self) -> None:
        result = self.node.upgrade(attrs.evolve(v2(*BOTH), inbox=20))
        if self.version == 1:
            result.unwrap()
            self.version, self.rolled_back = 2, False
        else:
            assert isinstance(result.failure(), AlreadyRunning)

    @rule()
    def rollback(self) -> None:
        result = self.node.rollback("app")
        if self.rolled_back:
            assert isinstance(result.failure(), NothingToRollBack)
        else:
            result.unwrap()
            self.version, self.rolled_back = 1, True

    @rule(case=st.sampled_from([each for each in REFUSALS if each not in ("the same", "no way")]))
    def refused(self, case: str) -> None:
        application, expected, _ = REFUSALS[case]
        if self.version == 1:
            before = self.node.status()
            self.node.upgrade(application, expected).failure()
            assert self.node.status() == before

    @invariant()
    def nothing_is_lost_and_order_is_kept(self) -> None:
        for machine, waiting in self.waiting.items():
            assert self.node.machine(machine).waiting == len(waiting)
            assert not any(pending.done() for _, pending in waiting if pending)
        for pending, expected in self.settled:
            if expected is StepFailed:
                with pytest.raises(StepFailed):
                    pending.result()
            else:
                assert pending.result() == expected
        self.settled.clear()
        for machine, count in self.counts.items():
            (cell,) = self.node.machine(machine).cells
            assert (cell.value if self.version == 1 else cell.value[1]) == count


Interleaving.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestInterleaving = Interleaving.TestCase
