"""A row that nobody wrote goes back as it was, to the byte, though the way down gives another value.

So it is in a table of any size, and behind a restart, whether from the log or from a snapshot: what a node has done is
what it finds itself to have done when it starts again.
"""

from __future__ import annotations

import attrs
import pytest

import migrations.ahead
import migrations.upward
from arrows.build import arr, keyed
from arrows.notation import proc
from migrations.migration import Migration
from runtime.application import Application
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated
from tests.runtime.test_layers import snapshot

SPOILT = 777
"""Cents that cannot be led."""


@attrs.frozen
class Pay:
    """Pay into a purse; the reply is what is in it."""

    who: str
    n: int


def who(message: Pay) -> str:
    return message.who


@proc
def cents(msg: Pay, *, held: int = 0) -> int:
    held += msg.n
    return held


@proc
def euros(msg: Pay, *, held: int = 0) -> int:
    held += 1 * msg.n
    return held


def to_euros(held: int) -> int:
    if held == SPOILT:
        raise ValueError("no such sum")
    return held // 100


def to_cents(held: int) -> int:
    return held * 100


def in_euros(version: str) -> Application:
    """Counts in euros: its way down leaves no cents."""
    up, down = {"purses/held": arr(to_euros)}, {"purses/held": arr(to_cents)}
    machines = {"purses": keyed(euros, arr(who), name="purses")}
    return Application(
        "purses",
        version=version,
        machines=machines,
        migrations=[Migration("purses", old="1", new=version, up=up, down=down)],
    )


v1 = Application("purses", version="1", machines={"purses": keyed(cents, arr(who), name="purses")})
v2 = in_euros("2")
mended = attrs.evolve(v2, migrations=[*v2.migrations, Migration("purses", old="2", new="3")])
"""The same version, which knows a way more."""


def on(power: Power, running: Application = v1) -> TestNode:
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(running).unwrap()
    return node


def filled(rows: int) -> tuple[Power, TestNode]:
    """A node with so many purses, of 123 cents each."""
    power = Power()
    node = on(power)
    node.call_all("purses", [Pay(f"{each}", 123) for each in range(rows)])
    return power, node


def held(node: TestNode, *purses: int) -> list[int]:
    found = [node.call("purses", Pay(f"{each}", 0)) for each in purses]
    assert all(type(each) is int for each in found)
    return found


ROWS = (5, 300)


@pytest.mark.parametrize("rows", ROWS)
def test_what_nobody_wrote_is_as_it_was(rows: int) -> None:
    _, node = filled(rows)
    node.upgrade(v2, probation=None).unwrap()
    assert held(node, 1) == [1], "which writes it, as it was led"
    assert node.call("purses", Pay("2", 5)) == 6
    node.drain()
    node.rollback("purses").unwrap()
    assert held(node, 0, 1, 2, 3) == [123, 123, 600, 123]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("again", [False, True])
def test_it_is_so_behind_a_restart(rows: int, swept: bool, again: bool) -> None:
    """From the log, or from a snapshot behind the upgrade; also where another edition of the version was started."""
    power, node = filled(rows)
    node.upgrade(v2, probation=None).unwrap()
    assert node.call("purses", Pay("2", 5)) == 6
    assert held(node, 1) == [1]
    if swept:
        node.drain()
        snapshot(node)
    node = on(power, mended if again else v2)
    node.rollback("purses").unwrap()
    assert held(node, 0, 1, 2, 3) == [123, 123, 600, 123]
    node = on(power)
    assert held(node, 0, 1, 2, 3) == [123, 123, 600, 123]


@pytest.mark.parametrize("rows", ROWS)
def test_a_node_that_went_back_behind_a_snapshot_starts_again(rows: int) -> None:
    """What it did without a restart it finds again with one: from the snapshot, and what the log says from there."""
    power, node = filled(rows)
    node.upgrade(v2, probation=None).unwrap()
    assert held(node, 1) == [1]
    assert node.call("purses", Pay("2", 5)) == 6
    node.drain()
    snapshot(node)
    assert held(node, 3) == [1]
    node.rollback("purses").unwrap()
    found = held(node, 0, 1, 2, 3)
    assert found == [123, 123, 600, 123]
    assert held(on(power), 0, 1, 2, 3) == found


def test_it_does_not_matter_which_rows_were_led_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of a table is another one in each process: one that was accepted is so when it is done again."""
    power, node = filled(300)
    late = list(node._host.core.machines["purses"].state[0])[-1]
    node.call("purses", Pay(late, SPOILT - 123))
    node.upgrade(v2, probation=None).unwrap()
    monkeypatch.setattr(migrations.ahead, "AT_ONCE", 300)
    monkeypatch.setattr(migrations.upward, "AT_ONCE", 300)
    again = on(power, v2)
    again.drain()
    assert again.status().applications[0].version == "1", "it cannot be led, so that the node goes back"
    assert held(again, int(late)) == [SPOILT]
