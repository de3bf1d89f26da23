"""What stays of the log behind a snapshot: bounded by size and age, readable by the versions of its time."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from runtime import bounds
from runtime.export import export
from runtime.retention import Beginning, Retention, beginning
from runtime.testing import TestNode
from tests.runtime.book import Add, All, v1, v2
from tests.runtime.engines import Power, Simulated


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", 10)
    monkeypatch.setattr(bounds, "PART", 3)


def on(power: Power) -> TestNode:
    return TestNode(store=Simulated(power, automatic=True))


def steps(power: Power) -> list[Any]:
    lines: list[dict[str, Any]] = []
    export(Simulated(power), lines.append).unwrap()
    return [line["input"]["n"] for line in lines if line.get("outcome") == "ok" and "n" in line["input"]]


def test_the_log_stays_within_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 2000)
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    largest = 0
    for n in range(200):
        node.call("ledger", Add(n))
        largest = max(largest, sum(map(len, power.log.values())))
    node.close()
    left = sum(map(len, power.log.values()))
    assert 1500 < left <= 2000
    assert largest < 2000 + 20 * 100
    kept = steps(power)
    assert kept == list(range(200))[-len(kept) :]
    assert len(kept) > 20
    again = on(power)
    again.start(v1).unwrap()
    assert again.call("ledger", All()) == tuple(range(200))


def test_the_log_holds_nothing_older_than_its_age() -> None:
    power = Power()
    node = on(power)
    node.start(v1).unwrap()
    for n in range(40):
        node.now += bounds.RETAINED_SECONDS / 20
        node.call("ledger", Add(n))
    node.close()
    kept = steps(power)
    assert kept[-1] == 39
    assert 20 <= len(kept) <= 22
    assert steps(power) == kept


def test_what_stays_is_read_by_the_version_that_stepped_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through upgrades, rollbacks, restarts and the log's beginning between any two of them."""
    monkeypatch.setattr(bounds, "RETAINED_BYTES", 1200)
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, power, sent = random.Random(seed), Power(), 0
    node = on(power)
    node.start(v1).unwrap()
    digest: dict[int, str] = {}
    for _ in range(150):
        match chance.randrange(12):
            case 0:
                node.upgrade(v2)
            case 1:
                node.rollback("book")
            case 2:
                node.close()
                node = on(power)
                parked = node._host.keeper.parked["book"] if node._host.keeper else None
                assert parked
                node.start(v2 if parked.compiled.digest == v2.digest else v1).unwrap()
            case _:
                digest[sent] = node._host.core.applications["book"].compiled.edition
                node.call("ledger", Add(sent))
                sent += 1
    lines: list[dict[str, Any]] = []
    export(Simulated(power), lines.append).unwrap()
    begins = beginning(Simulated(power))
    running = dict(begins.versions)
    kept = []
    for line in lines:
        if line.get("what") in ("start", "swap"):
            running["book"] = line["edition"]
        elif "n" in line.get("input", {}):
            kept.append(line["input"]["n"])
            assert running["book"] == digest[kept[-1]]
    assert kept == list(range(sent))[-len(kept) :]
    assert begins.after > 0


def test_a_snapshot_that_fails_takes_nothing_away() -> None:
    power = Power()
    power.log = {
        number: json.dumps([["now", 0], ["start", "a", str(number)]]).encode() for number in range(1, 9)
    }
    retention = Retention(Simulated(power))
    assert retention.begins(8, 10**15) == Beginning(8, {"a": "8"})
    assert retention.begins(5, 10**15) == Beginning()  # a piece goes whole or not at all
    assert retention.begins(8, 0) == Beginning()
    retention.begun(retention.begins(8, 10**15))
    assert retention.begins(8, 10**15) == Beginning(8, {"a": "8"})
