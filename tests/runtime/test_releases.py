"""Several applications change between the same two messages, all or none: upgraded, undone, settled, recovered."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
from returns.result import Failure, Success

from arrows.origin import BuildError
from runtime import observe, upgrade, versions
from runtime.application import Application
from runtime.errors import RolledBack, StepFailed, Unavailable
from runtime.history import rows
from runtime.instruction import Probation
from runtime.joint import BelongsTo
from runtime.pending import Pending
from runtime.probation import EndedUncleanly, NewVersionRaised
from runtime.refusal import (
    AlreadyRunning,
    NameTaken,
    NothingToRollBack,
    UnexpectedVersion,
    UnknownApplication,
)
from runtime.release import Release
from runtime.releasing import LeftOut
from runtime.resuming import NothingRan
from runtime.store import Rejected
from runtime.testing import TestNode
from tests.runtime.bazaar import (
    AUDIT,
    AUDIT_2,
    DESK,
    DESK_2,
    GUESTS,
    LEDGER,
    LEDGER_2,
    NARROWER,
    ONE,
    PART,
    STUCK,
    TWO,
    WIDER,
    Booked,
    Look,
    Note,
    Order,
    Refund,
)
from tests.runtime.engines import Power, Simulated

LONG = Probation(1000, 60.0)
kept = versions.kept
made: dict[str, Any] = {}


once_brought_back = functools.cache(versions.brought_back)
compiled_before = upgrade.compiled
known: dict[int, tuple[Application, Any]] = {}


def compiled_once(application: Application) -> Any:
    """Compile a version that was not compiled before."""
    if id(application) not in known:
        known[id(application)] = application, compiled_before(application)
    return known[id(application)][1]


@pytest.fixture(autouse=True)
def kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a version is made once, and read once, and not for each of hundreds of runs."""

    def once(*applications: Application) -> Any:
        for each in applications:
            if each.edition not in made:
                made[each.edition] = kept(each)
        results = [made[each.edition] for each in applications]
        wrong = next((each for each in results if isinstance(each, Failure)), None)
        puts = {key: data for each in results for key, data in each.value_or({}).items()}
        return wrong or Success(puts)

    monkeypatch.setattr("runtime.changed_by_hand.kept", once)
    monkeypatch.setattr("runtime.recovery.brought_back", once_brought_back)
    monkeypatch.setattr("runtime.recovery.compiled", compiled_once)
    monkeypatch.setattr("runtime.upgrade.compiled", compiled_once)


def on(power: Power) -> TestNode:
    return TestNode(store=Simulated(power, automatic=True))


@pytest.fixture(params=["memory", "disk"])
def node(request: pytest.FixtureRequest) -> TestNode:
    node = TestNode() if request.param == "memory" else on(Power())
    node.start(ONE).unwrap()
    return node


def runs(node: TestNode) -> dict[str, str]:
    return {each.name: each.version for each in node.status().applications}


def release(node: TestNode) -> tuple[str, str | None]:
    (found,) = node.status().releases
    return found.version, found.previous


def totals(node: TestNode) -> tuple[int, ...]:
    return tuple(node.call(name, Look()) for name in ("desk", "ledger", "audit"))


def last(power: Power) -> list[Any]:
    """The events of the last entry of the log, by their first words."""
    return [event[0] for event in json.loads(power.log[max(power.log)])]


# The value


def test_a_release_says_what_is_wrong_with_it() -> None:
    with pytest.raises(BuildError, match="without applications"):
        Release("market", version="1", applications=[])
    with pytest.raises(BuildError, match="the application 'desk' twice"):
        Release("market", version="1", applications=[DESK, DESK_2])
    with pytest.raises(BuildError, match="the application 'desk' twice"):
        Release("market", version="1", applications=[DESK], gone=["desk"])
    other = Application("other", version="1", machines=dict(DESK.machines))
    with pytest.raises(BuildError, match="a machine 'desk' in desk and in other"):
        Release("market", version="1", applications=[DESK, other])
    with pytest.raises(BuildError, match="cannot name a release"):
        Release("mar ket", version="1", applications=[DESK])


def test_its_digest_is_that_of_its_applications() -> None:
    renamed = Release("market", version="other", applications=[AUDIT, LEDGER, DESK])
    assert renamed.digest == ONE.digest
    assert len({each.digest for each in (ONE, TWO, PART, WIDER, NARROWER)}) == 5


# All or none


def test_all_applications_change_between_the_same_two_messages(node: TestNode) -> None:
    seen: list[observe.Event] = []
    node._host.observers, node._host.core.observed = (seen.append,), True
    node.call("desk", Order(3))
    node.call("audit", Note(4))
    changed = node.upgrade(TWO, probation=LONG).unwrap()
    assert runs(node) == {"desk": "2", "ledger": "2", "audit": "2"}
    assert release(node) == ("2", "1")
    assert (changed.old_version, changed.new_version) == ("1", "2")
    assert (changed.old, changed.new) == (ONE.digest, TWO.digest)
    assert [each.application for each in changed.applications] == ["desk", "ledger", "audit"]
    assert [event.application for event in seen if isinstance(event, observe.Swapped)] == [
        "desk",
        "ledger",
        "audit",
    ]
    assert totals(node) == (3, 3, 4)
    assert node.call("desk", Order(1)) == 4
    assert totals(node) == (4, 4, 4)


def test_an_application_of_the_same_digest_is_not_touched(node: TestNode) -> None:
    node.call("desk", Order(3))
    machines = node._host.core.machines
    states = {name: machines[name].state for name in ("desk", "audit")}
    changed = node.upgrade(PART, probation=LONG).unwrap()
    assert [each.application for each in changed.applications] == ["ledger"]
    assert all(machines[name].state is state for name, state in states.items())
    assert runs(node) == {"desk": "1", "ledger": "2", "audit": "1"}
    assert type(node.upgrade(PART).failure()) is AlreadyRunning


def test_what_fails_in_the_third_refuses_all(node: TestNode) -> None:
    node.call("desk", Order(3))
    node.call("audit", Note(99))
    machines = dict(node._host.core.machines)
    states = {name: hosted.state for name, hosted in machines.items()}
    refused = node.upgrade(TWO).failure()
    assert "ninety-nine cannot be led" in str(refused)
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}
    assert release(node) == ("1", None)
    assert all(node._host.core.machines[name] is hosted for name, hosted in machines.items())
    assert all(hosted.state is states[name] for name, hosted in machines.items())
    node.call("audit", Note(1))
    node.upgrade(TWO).unwrap()
    assert totals(node) == (3, 3, 100)


def test_an_application_that_is_left_out_refuses_with_what_to_write(node: TestNode) -> None:
    less = Release("market", version="2", applications=[DESK_2, LEDGER_2])
    refused = node.upgrade(less).failure()
    assert refused == LeftOut("market", "2", "audit")
    assert 'gone = ["audit"]' in refused.remedy
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}


def test_what_is_said_to_be_gone_rests_and_comes_back(node: TestNode) -> None:
    node.call("audit", Note(4))
    pending = node.send("audit", Note(5))
    node.cast("audit", Note(6))
    changed = node.upgrade(NARROWER, probation=LONG).unwrap()
    node.drain()
    assert changed.stopped == ("audit",)
    assert runs(node) == {"desk": "2", "ledger": "2"}
    with pytest.raises(Unavailable, match="audit rests"):
        pending.result()
    assert node.status().dead_letters == 1
    assert type(node.start(AUDIT).failure()) is BelongsTo  # it would run again with a rollback
    node.rollback("market").unwrap()
    node.drain()
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}
    assert node.call("audit", Look()) == 4
    assert release(node) == ("1", None)


def test_one_that_begins_to_run_rests_with_the_rollback_and_knows_what_it_knew(node: TestNode) -> None:
    changed = node.upgrade(WIDER, probation=LONG).unwrap()
    assert changed.started == ("guests",)
    assert node.call("guests", Note(2)) == 2
    pending = node.send("guests", Note(3))
    back = node.rollback("market").unwrap()
    node.drain()
    assert back.stopped == ("guests",)
    with pytest.raises(RolledBack):
        pending.result()
    assert "guests" not in runs(node)
    node.upgrade(WIDER, probation=LONG).unwrap()
    assert node.call("guests", Look()) == 2


def test_an_expected_digest_is_that_of_the_release(node: TestNode) -> None:
    assert type(node.upgrade(TWO, TWO.digest).failure()) is UnexpectedVersion
    assert type(node.upgrade(TWO, "").failure()) is UnexpectedVersion
    node.upgrade(TWO, ONE.digest[:12]).unwrap()


def test_a_release_of_which_nothing_runs_is_not_upgraded() -> None:
    node = TestNode()
    node.start(GUESTS).unwrap()
    assert type(node.upgrade(TWO).failure()) is UnknownApplication


def test_names_are_taken_once(node: TestNode) -> None:
    assert type(node.start(ONE).failure()) is NameTaken
    alone = Application("market", version="1", machines=dict(GUESTS.machines))
    assert type(node.start(alone).failure()) is NameTaken
    node.start(GUESTS).unwrap()
    assert type(node.start(Release("guests", version="1", applications=[AUDIT_2])).failure()) in (
        NameTaken,
        BelongsTo,
    )


def test_an_application_of_another_release_is_not_taken_from_it(node: TestNode) -> None:
    other = Release("fair", version="1", applications=[GUESTS, AUDIT_2])
    assert node.start(other).failure() == BelongsTo("audit", "market", "1")
    assert set(runs(node)) == {"desk", "ledger", "audit"}


def test_what_ran_alone_may_become_a_release_and_run_alone_again() -> None:
    node = on(Power())
    for each in (DESK, LEDGER):
        node.start(each).unwrap()
    node.call("desk", Order(3))
    node.upgrade(TWO, probation=LONG).unwrap()
    assert release(node) == ("2", "no release")
    assert runs(node) == {"desk": "2", "ledger": "2", "audit": "2"}
    node.rollback("market").unwrap()
    node.drain()
    assert node.status().releases == ()
    assert runs(node) == {"desk": "1", "ledger": "1"}
    node.upgrade(DESK_2, probation=None).unwrap()
    assert node.call("desk", Look()) == 3


# One alone


@pytest.mark.parametrize("name", ["desk", "ledger", "audit"])
def test_one_of_them_alone_is_not_changed(node: TestNode, name: str) -> None:
    node.upgrade(TWO, probation=LONG).unwrap()
    wanted = BelongsTo(name, "market", "2")
    assert node.rollback(name).failure() == wanted
    assert node.settle(name).failure() == wanted
    assert node.stop(name).failure() == wanted
    assert node.upgrade({"desk": DESK, "ledger": LEDGER, "audit": AUDIT}[name]).failure() == wanted
    assert f"midflight rollback {wanted.release}" in wanted.remedy
    assert runs(node) == {"desk": "2", "ledger": "2", "audit": "2"}


# Probation


def test_where_one_fails_all_go_back_and_its_message_is_answered(node: TestNode) -> None:
    seen: list[observe.Event] = []
    node._host.observers, node._host.core.observed = (seen.append,), True
    node.call("audit", Note(4))
    node.upgrade(TWO, probation=LONG).unwrap()
    node.call("audit", Note(5))
    assert node.call("desk", Order(13)) == 13
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}
    assert release(node) == ("1", None)
    back = [event for event in seen if isinstance(event, observe.RolledBack)]
    assert [event.application for event in back] == ["desk", "ledger", "audit"]
    assert {event.why for event in back} == {NewVersionRaised("desk", "Order(n=13)", "KeyError: 'thirteen'")}
    assert totals(node) == (13, 13, 9)


def test_a_message_of_one_to_another_makes_all_go_back(node: TestNode) -> None:
    node.upgrade(TWO, probation=LONG).unwrap()
    assert node.call("desk", Order(17)) == 17  # the ledger's new version raises on what the desk sends
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}
    assert totals(node) == (17, 17, 0)


def test_the_probation_is_over_when_it_is_for_all(node: TestNode) -> None:
    seen: list[observe.Event] = []
    node._host.observers, node._host.core.observed = (seen.append,), True
    node.upgrade(TWO, probation=Probation(2, 30.0)).unwrap()
    for _ in range(3):
        node.call("desk", Order(1))  # the ledger steps as many; the audit none
    assert not any(isinstance(event, observe.Passed) for event in seen)
    assert node.call("desk", Order(13)) == 16
    assert release(node) == ("1", None)
    node.upgrade(TWO, probation=Probation(2, 30.0)).unwrap()
    node.advance(30.0)
    assert [event.application for event in seen if isinstance(event, observe.Passed)] == [
        "desk",
        "ledger",
        "audit",
    ]
    with pytest.raises(StepFailed):
        node.call("desk", Order(13))
    assert release(node) == ("2", "1")


def test_where_the_way_back_of_one_fails_all_stay(node: TestNode) -> None:
    node.upgrade(STUCK, probation=LONG).unwrap()
    with pytest.raises(StepFailed):
        node.call("desk", Order(13))
    assert runs(node) == {"desk": "2", "ledger": "2", "audit": "2"}
    assert all(
        each.upgrade and "the way down is broken" in each.upgrade.stuck for each in node.status().applications
    )
    assert "the way down is broken" in str(node.rollback("market").failure())
    assert runs(node) == {"desk": "2", "ledger": "2", "audit": "2"}


def test_it_is_settled_as_one(node: TestNode) -> None:
    node.upgrade(TWO, probation=LONG).unwrap()
    settled = node.settle("market").unwrap()
    assert (settled.version, settled.previous) == ("2", None)
    assert type(node.rollback("market").failure()) is NothingToRollBack
    assert all(each.previous is None for each in node.status().applications)


def test_it_settles_by_itself_once_all_of_it_passed(node: TestNode) -> None:
    node.upgrade(TWO, probation=Probation(2, 5.0), settle=True).unwrap()
    for _ in range(3):
        node.call("desk", Order(1))
    assert release(node) == ("2", "1")
    node.advance(5.0)
    node.drain()
    assert release(node) == ("2", None)


def test_the_next_release_waits_for_the_probation_and_settles_what_stays(node: TestNode) -> None:
    node.upgrade(PART, probation=Probation(1000, 5.0)).unwrap()
    whole = Release("market", version="3", applications=[DESK_2, LEDGER_2, AUDIT_2])
    node.upgrade(whole, probation=LONG).unwrap()
    assert node.now >= 5.0
    assert {each.name: each.previous for each in node.status().applications}["ledger"] is None
    node.rollback("market").unwrap()
    node.drain()
    assert runs(node) == {"desk": "1", "ledger": "2", "audit": "1"}
    assert release(node) == ("2", None)
    assert type(node.rollback("market").failure()) is NothingToRollBack


def test_what_is_settled_or_taken_back_meanwhile(node: TestNode) -> None:
    """The upgrade is prepared beside the machines, and the world moves on."""
    host = node._host
    node.upgrade(PART, probation=None).unwrap()
    whole = host.prepare(TWO, None)
    node.settle("market").unwrap()
    host.change("market", whole).unwrap()
    node.drain()
    assert runs(node) == {"desk": "2", "ledger": "2", "audit": "2"}
    again = host.core.prepare_back("market")
    node.rollback("market").unwrap()
    node.drain()
    assert type(host.change("market", again).failure()) is UnexpectedVersion
    assert runs(node) == {"desk": "1", "ledger": "2", "audit": "1"}
    host.change("market", whole).unwrap()  # what it was made for runs once more
    assert type(host.change("market", whole).failure()) is UnexpectedVersion


# What waits


def test_what_one_sent_to_another_waits_through_the_swap_and_back(node: TestNode) -> None:
    for n in (1, 2, 3):
        node.send("desk", Order(n))
    node.step(limit=3)  # the desk has stepped, the ledger has not
    waiting = len(node._host.core.machines["ledger"].inbox)
    assert waiting == 3
    node._host.change("market", node._host.prepare(TWO, None)).unwrap()
    node.drain()
    assert runs(node)["ledger"] == "2"
    assert totals(node) == (6, 6, 0)
    node.send("desk", Order(4))
    node.step(limit=1)
    node.rollback("market").unwrap()
    node.drain()
    assert totals(node) == (10, 10, 0)
    assert runs(node)["ledger"] == "1"


def test_what_only_the_new_version_of_one_has_is_turned_away_at_the_rollback(node: TestNode) -> None:
    node.upgrade(TWO, probation=LONG).unwrap()
    node.call("ledger", Booked(5))
    told, fits = node.send("ledger", Refund(1)), node.send("ledger", Booked(2))
    node.cast("ledger", Refund(2))
    changed = node.rollback("market").unwrap()
    node.drain()
    assert len(changed.turned) == 2
    with pytest.raises(RolledBack, match="ledger went back from version 2"):
        told.result()
    assert fits.result() == 7
    assert node.status().dead_letters == 1


# On disk


def test_a_change_is_one_entry_of_the_log() -> None:
    power = Power()
    node = on(power)
    node.start(ONE).unwrap()
    assert last(power) == ["now", "start", "start", "start", "release"]
    node.upgrade(TWO, probation=LONG).unwrap()
    assert last(power) == ["now", "swap", "swap", "swap", "release"]
    node.rollback("market").unwrap()
    node.drain()
    assert last(power) == ["now", "swap", "swap", "swap", "release"]
    node.upgrade(TWO, probation=Probation(1, 5.0)).unwrap()
    node.advance(5.0)
    assert last(power) == ["now", "passed", "passed", "passed"]
    node.settle("market").unwrap()
    assert last(power) == ["now", "settle", "settle", "settle", "release"]


def test_the_history_tells_of_the_release() -> None:
    power = Power()
    node = on(power)
    node.start(ONE).unwrap()
    node.upgrade(WIDER, probation=LONG).unwrap()
    node.call("desk", Order(13))
    node.upgrade(TWO, probation=None, expected="f" * 12)
    told = [row for row in rows(Simulated(power)) if row.get("release") == "market"]
    assert [row["what"] for row in told] == ["started", "upgraded", "rolled back", "refused"]
    up, back = told[1], told[2]
    assert (up["old"]["version"], up["new"]["version"]) == ("1", "2")
    assert (up["old"]["digest"], up["new"]["digest"]) == (ONE.digest, WIDER.digest)
    assert [each["application"] for each in up["applications"]] == ["desk", "ledger", "audit"]
    assert (up["started"], back["stopped"]) == (["guests"], ["guests"])
    assert back["why"]["reason"] == "NewVersionRaised"
    assert up["application"] is None


Deed = Callable[[TestNode], Any]


def begin(power: Power) -> tuple[TestNode, Simulated]:
    """A node whose commits end when the test says so."""
    store = Simulated(power)
    node = TestNode(store=store)
    return node, store


def up(node: TestNode, wanted: Release = TWO) -> Any:
    """Let a release take over, and do not wait until that is on disk."""
    host = node._host
    joint = host.prepare(wanted, None).unwrap().with_terms(terms())
    pending = Pending()
    host.change("market", host.prepare(wanted, None).map(lambda _: joint), pending, texts(wanted)).unwrap()
    return pending


def terms() -> Any:
    from runtime.instruction import Terms

    return Terms(LONG)


def texts(wanted: Release) -> Mapping[str, bytes]:
    found: Mapping[str, bytes] = kept(*wanted.applications).unwrap()
    return found


def heard(node: TestNode) -> None:
    while node.hear():
        pass


def back(node: TestNode) -> Any:
    pending = Pending()
    node._host.change("market", node._host.core.prepare_back("market"), pending).unwrap()
    return pending


def filled(power: Power, *, to: Release | None = None) -> None:
    """A directory whose last process ended cleanly."""
    node = on(power)
    node.start(ONE).unwrap()
    node.call("desk", Order(3))
    node.call("audit", Note(4))
    if to is not None:
        node.upgrade(to, probation=LONG).unwrap()
        node.call("desk", Order(5))
    node.stop("market").unwrap()
    node.close()


@pytest.mark.parametrize("wanted", [TWO, PART, WIDER, NARROWER])
@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("durable", [True, False])
def test_the_power_is_cut_at_the_commit_of_an_upgrade(wanted: Release, told: bool, durable: bool) -> None:
    power = Power()
    filled(power)
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(ONE).unwrap()
    store.automatic = False
    pending = up(node, wanted)
    if durable:
        store.advance(told=told)
        heard(node)
    assert pending.done() is (durable and told)
    again = on(power)
    again.now = node.now
    again.start(wanted if durable else ONE).unwrap()
    # The power was cut on probation: all of it is as it was before.
    assert release(again)[0] == "1"
    assert runs(again) == {"desk": "1", "ledger": "1", "audit": "1"}
    assert totals(again) == (3, 3, 4)


@pytest.mark.parametrize("to", [TWO, PART, WIDER, NARROWER])
@pytest.mark.parametrize("durable", [True, False])
def test_the_power_is_cut_at_the_commit_of_a_rollback(to: Release, durable: bool) -> None:
    power = Power()
    filled(power, to=to)
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(to).unwrap()
    assert release(node) == ("2", "1")
    store.automatic = False
    back(node)
    if durable:
        store.advance(told=False)
    again = on(power)
    assert again.start(ONE).unwrap().version == "1"
    assert runs(again) == {"desk": "1", "ledger": "1", "audit": "1"}
    assert totals(again) == (8, 8, 4)
    reasons = [
        row["why"]["reason"]
        for row in rows(Simulated(power))
        if row["what"] == "rolled back" and "why" in row
    ]
    assert reasons == ([] if durable else [EndedUncleanly.__name__])


def test_the_power_is_cut_at_the_commit_of_a_first_start() -> None:
    for durable in (False, True):
        power = Power()
        node, store = begin(power)
        joint = node._host.prepare(ONE, None, running=False)
        node._host.change("market", joint, Pending(), texts(ONE)).unwrap()
        if durable:
            store.advance(told=False)
        again = on(power)
        assert again._host.core.parked.keys() == ({"desk", "ledger", "audit"} if durable else set())
        again.start(ONE).unwrap()
        assert totals(again) == (0, 0, 0)


@pytest.mark.parametrize("wanted", [TWO, PART, WIDER, NARROWER])
def test_where_the_commit_of_an_upgrade_fails_all_is_as_it_was(wanted: Release) -> None:
    power = Power()
    filled(power)
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(ONE).unwrap()
    store.automatic = False
    waiting = node.send("audit", Note(1))
    pending = up(node, wanted)
    late = node.send("desk", Order(1))
    new = node.send("ledger", Refund(1)) if runs(node)["ledger"] == "2" else None
    guest = node.send("guests", Note(1)) if wanted is WIDER else None
    store.advance(Rejected("the disk is full"))
    heard(node)
    with pytest.raises(Unavailable):
        pending.result()
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}
    assert release(node) == ("1", None)
    store.automatic = True
    node.drain()
    for each in filter(None, (new, guest)):
        with pytest.raises(Unavailable):
            each.result()
    assert late.result() == 4
    if wanted is NARROWER:  # its caller had been told already that it rests
        with pytest.raises(Unavailable):
            waiting.result()
    else:
        assert waiting.result() == 5
    assert node.call("desk", Order(1)) == 5
    node.drain()
    assert totals(node)[:2] == (5, 5)
    node.upgrade(wanted, probation=LONG).unwrap()
    assert release(node) == ("2", "1")
    assert on(power).start(ONE).unwrap().version == "1"


@pytest.mark.parametrize("to", [TWO, WIDER, NARROWER])
def test_where_the_commit_of_a_rollback_fails_all_is_as_it_was(to: Release) -> None:
    power = Power()
    filled(power, to=to)
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(to).unwrap()
    ran = runs(node)
    store.automatic = False
    back(node)
    store.advance(Rejected("the disk is full"))
    heard(node)
    assert runs(node) == ran
    assert release(node) == ("2", "1")
    store.automatic = True
    assert node.call("desk", Order(1)) == 9
    node.rollback("market").unwrap()
    node.drain()
    assert totals(node) == (9, 9, 4)


def test_where_going_back_by_itself_cannot_be_written_down_it_is_tried_again() -> None:
    power = Power()
    filled(power, to=TWO)
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(TWO).unwrap()
    store.automatic = False
    failing = node.send("desk", Order(13))
    node.step()
    assert runs(node)["audit"] == "1"
    store.advance(Rejected("the disk is full"))
    heard(node)
    with pytest.raises(Unavailable, match="could not go back"):
        failing.result()
    assert runs(node) == {"desk": "2", "ledger": "2", "audit": "2"}
    store.automatic = True
    assert node.call("desk", Order(13)) == 21
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}
    assert totals(node) == (21, 21, 4)


def test_a_clean_end_on_probation_goes_on_with_it_for_all() -> None:
    power = Power()
    filled(power, to=TWO)
    node = on(power)
    assert node.start(TWO).unwrap().version == "2"
    assert all(each.upgrade and each.upgrade.limit for each in node.status().applications)
    assert node.call("desk", Order(13)) == 21
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}


def test_another_release_on_kept_data_is_an_upgrade() -> None:
    power = Power()
    filled(power)
    node = on(power)
    assert node.start(WIDER).unwrap().version == "2"
    assert release(node) == ("2", "1")
    assert totals(node) == (3, 3, 4)
    node.rollback("market").unwrap()
    node.drain()
    assert runs(node) == {"desk": "1", "ledger": "1", "audit": "1"}


def test_a_release_that_is_refused_at_the_start_leaves_what_was_kept() -> None:
    power = Power()
    filled(power)
    node = on(power)
    less = Release("market", version="2", applications=[DESK_2, LEDGER_2])
    assert type(node.start(less).failure()) is LeftOut
    assert runs(node) == {}
    assert node.start(DESK).failure() == BelongsTo("desk", "market", "1")
    assert node.start(ONE).unwrap().version == "1"
    assert totals(node) == (3, 3, 4)


def test_a_snapshot_knows_what_belongs_together() -> None:
    power = Power()
    node = on(power)
    node.start(ONE).unwrap()
    node.call("desk", Order(3))
    node.upgrade(WIDER, probation=LONG).unwrap()
    node.call("guests", Note(7))
    node._host.keeper.begin_snapshot()  # type: ignore[union-attr]
    node._host.keeper.advance()  # type: ignore[union-attr]
    node.drain()
    assert not power.tail()
    again = on(power)
    assert again.start(WIDER).unwrap().version == "1"
    assert runs(again) == {"desk": "1", "ledger": "1", "audit": "1"}
    again.upgrade(WIDER, probation=None).unwrap()
    assert again.call("guests", Look()) == 7
    assert release(again) == ("2", "1")


def test_what_ran_comes_back_without_its_files() -> None:
    power = Power()
    node = on(power)
    assert node.ran().failure() == NothingRan(())
    filled(power, to=NARROWER)
    node = on(power)
    ran = node.ran().unwrap()
    assert isinstance(ran, Release)
    assert (ran.name, ran.version, ran.digest) == ("market", "2", NARROWER.digest)
    assert node.start(ran).unwrap().version == "2"
    assert release(node) == ("2", "1")
    assert node.call("desk", Look()) == 8
    node.rollback("market").unwrap()
    node.drain()
    assert totals(node) == (8, 8, 4)


def test_what_ran_alone_comes_back_where_it_is_clear_which_that_was() -> None:
    power = Power()
    node = on(power)
    node.start(DESK).unwrap()
    node.call("desk", Order(3))
    node = on(power)
    ran = node.ran().unwrap()
    assert isinstance(ran, Application)
    node.start(ran).unwrap()
    assert node.call("desk", Look()) == 3
    node.start(GUESTS).unwrap()
    assert on(power).ran().failure() == NothingRan(("desk", "guests"))


# Random schedules beside a model


@attrs.define
class Model:
    """What must be: the totals, and which release runs."""

    totals: dict[str, int] = attrs.field(
        factory=lambda: dict.fromkeys(("desk", "ledger", "audit", "guests"), 0)
    )
    release: str = "1"
    back: str | None = None
    watched: bool = False

    def goes_back(self) -> None:
        assert self.back is not None
        self.release, self.back, self.watched = self.back, None, False


RELEASES = {
    "1": ONE,
    "2": TWO,
    "part": attrs.evolve(PART, version="part"),
    "wider": attrs.evolve(WIDER, version="wider"),
    "narrower": attrs.evolve(NARROWER, version="narrower"),
}
NEXT = {
    "1": ("2", "part", "wider", "narrower"),
    "part": ("2", "wider", "narrower"),
    "2": ("wider", "narrower"),
    "narrower": ("2", "wider"),
    "wider": (),
}


class Schedule:
    """Deeds in random order on a node that may lose its power at any commit."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.model = Model()
        self.power = Power()
        self.now = 0.0
        self.open()

    def open(self) -> None:
        self.store = Simulated(self.power, automatic=True)
        self.node = TestNode(store=self.store)
        self.node.now = self.now
        self.node.start(RELEASES[self.model.release]).unwrap()
        self.check()

    def has(self, name: str) -> bool:
        return any(each.name == name for each in RELEASES[self.model.release].applications)

    def check(self) -> None:
        for name, total in self.model.totals.items():
            if self.has(name):
                assert self.node.call(name, Look()) == total, name
        self.seen()
        wanted = RELEASES[self.model.release]
        assert release(self.node) == (wanted.version, self.model.back)
        digests = {each.name: each.digest for each in self.node.status().applications}
        assert digests == {each.name: each.digest for each in wanted.applications}
        core = self.node._host.core
        watched = {each.watch is not None for each in core.applications.values() if each.is_open}
        assert watched <= {self.model.watched}
        assert {each.name for each in core.ready} == {
            each.name for each in core.machines.values() if each.inbox
        }

    def seen(self) -> None:
        """The probation may have passed by the number of messages, which the model does not count."""
        if self.model.watched and not any(each.watch for each in self.node._host.core.applications.values()):
            self.model.watched = False

    def run(self, deeds: int) -> None:
        for _ in range(deeds):
            self.now = self.node.now
            deed = self.chance.choice(
                [
                    "order",
                    "order",
                    "note",
                    "guest",
                    "up",
                    "back",
                    "settle",
                    "fail",
                    "clean",
                    "cut",
                    "full",
                    "pass",
                ]
            )
            getattr(self, deed)()
            self.check()

    def order(self) -> None:
        n = self.chance.randint(1, 5)
        self.model.totals["desk"] += n
        self.model.totals["ledger"] += n
        assert self.node.call("desk", Order(n)) == self.model.totals["desk"]

    def note(self) -> None:
        name = self.chance.choice(["audit", "guests"])
        if self.has(name):
            self.model.totals[name] += 2
            assert self.node.call(name, Note(2)) == self.model.totals[name]

    guest = note

    def up(self) -> None:
        names = NEXT[self.model.release]
        if not names or self.model.watched:
            return
        wanted = self.chance.choice(names)
        changed = self.node.upgrade(RELEASES[wanted], probation=LONG)
        assert changed.value_or(None), changed
        swapped = bool(changed.unwrap().applications)
        self.model.back, self.model.release = self.model.release, wanted
        self.model.watched = swapped

    def back(self) -> None:
        if self.model.back is None:
            assert type(self.node.rollback("market").failure()) is NothingToRollBack
            return
        self.node.rollback("market").unwrap()
        self.node.drain()
        self.model.goes_back()

    def settle(self) -> None:
        if self.model.back is not None:
            self.node.settle("market").unwrap()
            self.model.back, self.model.watched = None, False

    def fail(self) -> None:
        """A message on which the ledger's, or the desk's, second version raises, and the first does not."""
        if not self.model.watched:
            return
        running = self.node._host.core.applications
        name, n = self.chance.choice([("desk", 13), ("ledger", 17)])
        if running[name].watch is None:
            return
        self.model.totals["ledger"] += n
        if name == "desk":
            self.model.totals["desk"] += n
            self.node.call("desk", Order(n))
        else:
            self.node.call("ledger", Booked(n))
        self.model.goes_back()

    def clean(self) -> None:
        self.node.stop("market").unwrap()
        self.node.close()
        self.open()

    def cut(self) -> None:
        """The power is cut: at rest, or before or behind the commit of an upgrade or a rollback."""
        place = self.chance.choice(["rest", "before", "behind"])
        names = NEXT[self.model.release]
        if place != "rest" and self.model.back is not None and self.chance.random() < 0.5:
            self.store.automatic = False
            back(self.node)
            if place == "behind":
                self.store.advance(told=False)
                self.model.goes_back()
        elif place != "rest" and names and not self.model.watched:
            self.store.automatic = False
            wanted = self.chance.choice(names)
            up(self.node, RELEASES[wanted])
            if place == "behind":
                self.store.advance(told=False)
                self.model.back, self.model.release = self.model.release, wanted
                core = self.node._host.core
                self.model.watched = any(each.watch for each in core.applications.values())
        fails = self.model.watched
        self.store = Simulated(self.power, automatic=True)
        self.node = TestNode(store=self.store)
        self.node.now = self.now
        self.node.start(RELEASES[self.model.release]).unwrap()
        if fails:
            self.model.goes_back()

    def full(self) -> None:
        """The commit of an upgrade, or of a rollback, fails."""
        names = NEXT[self.model.release]
        self.store.automatic = False
        if self.model.back is not None:
            back(self.node)
        elif names:
            up(self.node, RELEASES[self.chance.choice(names)])
        self.store.advance(Rejected("the disk is full"))
        heard(self.node)
        self.store.automatic = True

    def pass_(self) -> None:
        self.node.advance(61.0)
        self.model.watched = False


setattr(Schedule, "pass", Schedule.pass_)


def schedules(seeds: list[int], deeds: int) -> None:
    for seed in seeds:
        try:
            Schedule(seed).run(deeds)
        except BaseException:
            print("seed", seed)
            raise


def test_random_schedules_beside_a_model() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    schedules([seed + at for at in range(4)], 25)


@pytest.mark.long
def test_many_random_schedules_beside_a_model() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    schedules([seed + at for at in range(400)], 60)
