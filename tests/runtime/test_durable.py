"""A node on a store: nothing acknowledged is lost, nothing is applied twice, whatever the engine does."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from arrows.build import arr, constant, get, identity, put, state
from arrows.dispatch import switch
from runtime import bounds
from runtime.application import Application
from runtime.errors import StepFailed, Unavailable
from runtime.in_order import InOrder
from runtime.keeper import NOTHING, Keeper
from runtime.pending import Pending
from runtime.refusal import CannotKeep, NotRecovered
from runtime.store import Change, Done, Rejected, Store, Uncertain
from runtime.testing import NotOpened, TestNode
from runtime.upgrade import compiled
from runtime.versions import kept
from tests.runtime.book import Add, All, by_key, ledger, v1, v2
from tests.runtime.engines import Power, Remote, Scattered, Simulated
from tests.runtime.stores import Conformance


class TestRemote(Conformance):
    """An engine that is late, hears of its writes in any order, refuses, and forgets what it had not written."""

    @pytest.fixture(autouse=True)
    def power(self) -> None:
        self.disk = Power()
        self.seed = random.randrange(2**32)
        print("seed", self.seed)

    def opened(self, directory: Path) -> Remote:
        return Remote(self.disk, self.seed)

    def full(self, store: Store) -> Callable[[], None]:
        assert isinstance(store, Remote)
        store.full = True
        return lambda: setattr(store, "full", False)

    def cut(self, store: Store, directory: Path) -> Store:
        assert isinstance(store, Remote)
        store.cut()
        return self.opened(directory)


def test_what_is_heard_in_any_order_is_told_in_the_order_given() -> None:
    power = Power()
    store = Scattered(power)
    told: list[int] = []
    for number in range(1, 4):
        store.commit(Change({number: b""}), lambda error, number=number: told.append(number))  # type: ignore[misc]
    heard = []
    while store.waiting:
        Simulated.advance(store)
    for done, error in reversed(store.answers):
        done(error)
        heard.append(list(told))
    assert heard == [[], [], [1, 2, 3]]


@pytest.mark.parametrize("error", [Rejected("full"), Uncertain("who knows")])
def test_a_refusal_that_is_heard_late_is_never_passed_by_what_came_later(error: Exception) -> None:
    """A change that is refused before one that is durable: nobody can tell any more, and all hear so."""
    order, told = InOrder(), list[Exception | None]()
    first, second, third = (order.take(told.append) for _ in range(3))
    third(Rejected("full"))
    second(None)
    first(error)
    assert [type(each) for each in told] == [Uncertain] * 3
    last = order.take(told.append)
    last(None)
    assert isinstance(told[-1], Uncertain), "an engine that is uncertain once says no more"


def node_on(power: Power, *, automatic: bool = True) -> tuple[TestNode, Simulated]:
    store = Simulated(power, automatic=automatic)
    return TestNode(store=store), store


def hear(node: TestNode) -> None:
    while node.hear():
        pass


def test_a_node_goes_on_where_it_was() -> None:
    power = Power()
    node, _ = node_on(power)
    assert isinstance(node.start(v1), Success)
    for n in (1, 2, 3):
        node.call("ledger", Add(n))
    with pytest.raises(StepFailed):
        node.call("ledger", Add(-1))
    node.call("rows", Add(5))
    again, _ = node_on(power)
    assert again.start(v1).unwrap().machines[0].failed == 1
    assert again.call("ledger", All()) == (1, 2, 3)
    assert again.call("rows", All()) == (5,)


@pytest.mark.parametrize("clean", [True, False])
def test_upgrades_and_rollbacks_are_repeated(clean: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 0)
    power = Power()
    node, _ = node_on(power)
    node.start(v1)
    node.call("ledger", Add(1))
    node.call("ledger", Add(2))
    assert isinstance(node.upgrade(v2, probation=None), Success)
    node.call("ledger", Add(3))
    if clean:
        node.close()
        assert power.tail() == {}
    node, _ = node_on(power)
    assert node.start(v2).unwrap().previous == "1"
    assert node.call("ledger", All()) == (3, 2, 1)
    assert isinstance(node.rollback("book"), Success)
    node.call("ledger", Add(4))
    node, _ = node_on(power)
    assert node.start(v1).unwrap().version == "1"
    assert node.call("ledger", All()) == (1, 2, 3, 4)


def test_an_edited_application_on_existing_data_is_an_ordinary_upgrade_or_its_refusal() -> None:
    power = Power()
    node, _ = node_on(power)
    node.start(v1)
    node.call("ledger", Add(1))
    node.call("ledger", Add(2))
    lost = Application("book", version="3", machines={"ledger": ledger})
    again, _ = node_on(power)
    assert isinstance(again.start(lost), Failure)
    assert again.status().applications == ()
    assert again.start(v2).unwrap().version == "2"
    assert again.call("ledger", All()) == (2, 1)


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("strange", [{k * (2**61 - 1): 1 for k in range(20)}, {"n": 1 << 20_000}])
def test_what_no_stranger_may_send_as_a_machine_is_read_back_where_a_machine_took_it(
    clean: bool, strange: Any
) -> None:
    power = Power()
    node, _ = node_on(power)
    last = state("last", None, get("last") & put("last"), of=Any)
    echo = Application("echo", version="1", machines={"m": identity(), "last": last})
    assert isinstance(node.start(echo), Success)
    assert node.call("m", strange, id="a") == strange
    node.call("last", strange)
    if clean:
        node.close()
    node, _ = node_on(power)
    node.start(echo).unwrap()
    assert node.call("m", strange, id="a") == strange
    assert node.call("last", 1)[0] == strange


def test_nobody_sees_a_reply_before_it_is_durable() -> None:
    power = Power()
    node, store = node_on(power)
    node.start(v1)
    hear(node)
    store.automatic = False
    one = node.send("ledger", Add(1))
    node.step()
    assert not one.done()
    other = node.send("ledger", Add(2))  # stepped while the first is being written
    node.step()
    assert len(store.waiting) == 1
    store.advance()
    hear(node)
    assert one.result() == (1,)
    assert not other.done()
    store.advance()
    hear(node)
    assert other.result() == (2,)


def test_a_rejected_commit_undoes_what_was_stepped_since() -> None:
    power = Power()
    node, store = node_on(power)
    node.start(v1)
    node.call("ledger", Add(1))
    store.automatic = False
    one = node.send("ledger", Add(2))
    node.step()
    other = node.send("ledger", Add(3))
    node.step()
    store.advance(Rejected("the disk is full"))
    hear(node)
    for each in (one, other):
        with pytest.raises(Unavailable, match="the disk is full"):
            each.result()
    store.automatic = True
    node.call("ledger", Add(4))
    assert node.call("ledger", All()) == (1, 4)
    again, _ = node_on(power)
    again.start(v1)
    assert again.call("ledger", All()) == (1, 4)
    assert again.machine("ledger").stepped == 4


def test_a_rejected_upgrade_is_undone() -> None:
    power = Power()
    node, store = node_on(power)
    node.start(v1)
    node.call("ledger", Add(1))
    node.call("ledger", Add(2))
    waiting = node.send("ledger", Add(3))
    host = node._host
    store.automatic = False
    assert isinstance(host.change("book", host.prepare(v2, None), Pending()), Success)
    assert not node.step(), "nothing is stepped by the new version before its upgrade is kept"
    store.advance(Rejected("the disk is full"))
    hear(node)
    store.automatic = True
    node.drain()
    assert waiting.result() == (3,)
    assert node.status().applications[0].version == "1"
    assert node.call("ledger", All()) == (1, 2, 3)


def test_a_snapshot_is_written_between_batches_and_takes_the_log_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", 10)
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 0)
    monkeypatch.setattr(bounds, "PART", 3)
    power = Power()
    node, _ = node_on(power)
    assert isinstance(node.start(by_key), Success)
    for n in range(55):
        node.call("by", Add(n))
    assert len(power.log) < 20
    again, _ = node_on(power)
    again.start(by_key)
    assert again.call("by", Add(3)) == (3,)
    assert again.machine("by").cells[0].size == 7
    assert sum(key.startswith("snapshot/") for key in power.table) <= 3 + 4


def test_a_reply_that_changed_stops_recovery_and_names_the_record() -> None:
    power = Power()
    node, _ = node_on(power)
    node.start(v1)
    for n in range(3):
        node.call("ledger", Add(n))
    number = max(power.log)
    power.log[number] = power.log[number].replace(b'"step"', b'"step"').replace(b"[0,[2]]", b"[0,[7]]")
    with pytest.raises(NotOpened) as told:
        node_on(power)
    refusal = told.value.refusal
    assert isinstance(refusal, NotRecovered)
    assert refusal.entry == number
    assert "ledger answers a message otherwise than it did" in refusal.message


def test_what_is_in_no_file_and_no_data_cannot_be_kept() -> None:
    node, _ = node_on(Power())
    made = Application("a", version="1", machines={"m": arr(lambda n: n)})
    refused = node.start(made)
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), CannotKeep)
    assert node.status().applications == ()


def test_data_made_in_the_process_is_kept_as_data() -> None:
    power = Power()
    node, _ = node_on(power)
    made = Application("a", version="1", machines={"m": switch((int, identity()), (str, constant(0)))})
    assert isinstance(node.start(made), Success)
    assert b"texts" not in power.table[f"version/{made.edition}"]
    again, _ = node_on(power)
    assert isinstance(again.start(made), Success)


KEPT_V2 = kept(v2).unwrap()


@st.composite
def schedules(draw: st.DrawFn) -> list[str]:
    deeds = ["send", "send", "send", "step", "step", "advance", "advance", "hear", "hear"]
    rare = ["reject", "crash", "lost", "swap", "back", "close"]
    return draw(st.lists(st.sampled_from(deeds * 3 + rare), min_size=5, max_size=80))


def checked(schedule: list[str], made: type[Simulated] = Simulated) -> None:
    """Run a schedule on an engine. The checker knows what callers saw, and what they sent."""
    power = Power()
    said: set[int] = set()
    refused: set[int] = set()
    flying: dict[int, Pending] = {}
    sent = 0

    def fresh() -> tuple[TestNode, Simulated]:
        store = made(power, automatic=True)
        node = TestNode(store=store)
        kept = node._host.keeper.parked.get("book") if node._host.keeper else None
        node.start(v2 if kept and kept.compiled.digest == v2.digest else v1)
        if kept is None:
            node.upgrade(v2, probation=None).unwrap()  # from here on both versions are kept
            node.rollback("book").unwrap()
        hear(node)
        store.automatic = False
        return node, store

    def look() -> None:
        for n, pending in list(flying.items()):
            if pending.done():
                del flying[n]
                try:
                    assert pending.result() == (n,)
                except Unavailable:
                    refused.add(n)
                else:
                    said.add(n)

    node, store = fresh()
    for deed in schedule:
        match deed:
            case "send":
                flying[sent] = node.send("ledger", Add(sent))
                sent += 1
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
                wanted = host.prepare(v2, None) if deed == "swap" else host.core.prepare_back("book")
                if host.keeper and not host.keeper.held:
                    host.change("book", wanted, Pending(), KEPT_V2 if deed == "swap" else NOTHING)
            case "close":
                store.automatic = True
                while store.advance():
                    pass
                node.close()
                store.automatic = False
            case _:  # the power is cut, perhaps just behind the sync that nobody heard of
                if deed == "lost":
                    store.advance(told=False)
                look()
                flying.clear()
                node, store = fresh()
        look()
    kept = TestNode(store=Simulated(power))._host.keeper
    assert kept
    (seen,) = kept.parked["book"].machines["ledger"].state
    assert len(set(seen)) == len(seen), "applied twice"
    assert said <= set(seen), "acknowledged and lost"
    assert refused.isdisjoint(seen), "refused and kept"


@settings(max_examples=25, deadline=None)
@given(schedules(), st.sampled_from([Simulated, Scattered]))
def test_nothing_acknowledged_is_lost_and_nothing_is_applied_twice(
    schedule: list[str], engine: type[Simulated]
) -> None:
    checked(schedule, engine)


@settings(max_examples=25, deadline=None)
@given(schedules(), st.sampled_from([Simulated, Scattered]))
def test_nothing_is_lost_where_snapshots_are_everywhere(schedule: list[str], engine: type[Simulated]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "SNAPSHOT_AFTER", 3)
        patch.setattr(bounds, "RETAINED_BYTES", 300)
        patch.setattr(bounds, "PART", 1)
        checked(schedule, engine)


@pytest.mark.long
@settings(max_examples=5000, deadline=None)
@given(schedules(), st.sampled_from([Simulated, Scattered]), st.sampled_from([3, 20_000]))
def test_nothing_is_lost_or_applied_twice_in_thousands_of_schedules(
    schedule: list[str], engine: type[Simulated], after: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "SNAPSHOT_AFTER", after)
        patch.setattr(bounds, "RETAINED_BYTES", 300)
        patch.setattr(bounds, "PART", 1)
        checked(schedule, engine)


class Unsynced(Simulated):
    """Says that a change is durable before it is: what leaving out the sync does."""

    def commit(self, change: Change, done: Done) -> None:
        if self.automatic:
            super().commit(change, done)
        else:
            self.waiting.append((change, lambda _: None))
            done(None)


def test_the_checker_sees_a_sync_that_is_left_out() -> None:
    with pytest.raises(AssertionError, match="acknowledged and lost"):
        checked(["send", "step", "hear", "hear", "crash"], Unsynced)
    checked(["send", "step", "advance", "hear", "hear", "crash"], Unsynced)


def test_the_checker_sees_a_reply_before_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    go = Keeper.go

    def early(keeper: Keeper) -> None:
        keeper._release(keeper.batch)
        go(keeper)

    schedule = ["send", "step", "hear", "crash"]
    checked(schedule)
    monkeypatch.setattr(Keeper, "go", early)
    with pytest.raises(AssertionError, match="acknowledged and lost"):
        checked(schedule)


def test_a_commit_of_unknown_outcome_ends_the_node() -> None:
    power = Power()
    node, store = node_on(power)
    node.start(v1)
    hear(node)
    store.automatic = False
    pending = node.send("ledger", Add(1))
    node.step()
    store.advance(Uncertain("fsync failed"))
    with pytest.raises(Uncertain):
        hear(node)
    assert not pending.done()
    with pytest.raises(Unavailable):
        node.send("ledger", Add(2))


def test_a_rejected_start_is_undone_and_can_be_made_again() -> None:
    power = Power()
    node, store = node_on(power)
    host = node._host
    assert host.keeper
    store.automatic = False
    started = Pending()
    assert isinstance(host.start(compiled(v1).unwrap(), started, kept(v1).unwrap()), Success)
    waiting = node.send("ledger", Add(1))
    assert not node.step(), "nothing is stepped before the start is kept"
    store.advance(Rejected("the disk is full"))
    hear(node)
    for each in (started, waiting):
        with pytest.raises(Unavailable):
            each.result()
    assert node.status().applications == ()
    store.automatic = True
    node.start(v1).unwrap()
    assert node.call("ledger", Add(2)) == (2,)
    again, _ = node_on(power)
    again.start(v1).unwrap()
    assert again.call("ledger", All()) == (2,)
