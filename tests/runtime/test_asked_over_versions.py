"""A named request whose message has another form in another version is the same one, whichever version answered it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from returns.result import Success

from runtime.errors import IdReused
from runtime.loader import load
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated

FOLDER = Path(__file__).parent / "market"
v1, v2 = (load(str(FOLDER / f"v{number}.py")).unwrap() for number in (1, 2))
assert v1.sources is not None
module: Any = v1.sources.version.module("v1")


def started(power: Power) -> TestNode:
    node = TestNode(store=Simulated(power, automatic=True))
    assert isinstance(node.start(v1), Success)
    return node


def asked(node: TestNode) -> Any:
    return node.call("ledger", module.Entry("fig", 3), id="once")


@pytest.mark.parametrize("is_waiting", [False, True])
def test_it_is_known_after_a_rollback_and_a_restart(is_waiting: bool) -> None:
    power = Power()
    node = started(power)
    pending = node.send("ledger", module.Entry("fig", 3), id="once") if is_waiting else None
    node.upgrade(v2, probation=None).unwrap()
    assert asked(node) == 3
    assert pending is None or pending.result() == 3
    node.rollback("market").unwrap()
    assert asked(node) == 3
    assert asked(started(power)) == 3
    node = started(power)
    node.close()  # a snapshot stands for it
    node = started(power)
    assert asked(node) == 3
    assert node.call("ledger", module.Entry("fig", 1)) == 4


def test_another_message_is_refused_by_the_version_that_answered() -> None:
    node = started(Power())
    node.upgrade(v2, probation=None).unwrap()
    asked(node)
    with pytest.raises(IdReused):
        node.call("ledger", module.Entry("fig", 4), id="once")
