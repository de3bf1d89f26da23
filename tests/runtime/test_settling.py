"""The way back gives back what the way up threw away, over restarts, until the upgrade is settled."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from runtime import bounds
from runtime.application import Application
from runtime.cli import app
from runtime.loader import load
from runtime.node import Node
from runtime.refusal import NothingToRollBack, UnknownApplication
from runtime.settling import NothingToSettle, settle
from runtime.store import Rejected
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated
from tests.runtime.test_control import asked, serving

TEXT = """
import attrs
from midflight import Application, Migration, keyed, lens, proc

@attrs.frozen
class Put:
    name: str
    {second}: str

@attrs.frozen
class Get:
    name: str

@attrs.frozen
class Entry:
    text: str
    {fields}

@proc
def key(msg: Put | Get) -> str:
    return msg.name

@proc
def entry(msg: Put | Get, *, held: Entry | None = None) -> Entry | None:
    match msg:
        case Put():
            held = {made}
            return held
        case Get():
            return held

book = keyed(entry, by=key, name="book")
{migration}
app = Application("book", version="{version}", machines={{"book": book}}, migrations=[{listed}])
"""

V1 = TEXT.format(
    second="text",
    fields="fax: str",
    made='Entry(msg.text, "fax of " + msg.text)',
    migration="",
    listed="",
    version="1",
)
V2 = TEXT.format(
    second="text",
    fields="writes: int = 0",
    made="Entry(msg.text, 1 if held is None else held.writes + 1)",
    migration="""
to_2 = Migration(
    "book", old="1", new="2", lenses=[lens.inside("book/held", lens.drop("fax", "unknown"))]
)
""",
    listed="to_2",
    version="2",
)


@pytest.fixture
def versions(tmp_path: Path) -> tuple[Application, Application]:
    found = []
    for name, text in (("v1", V1), ("v2", V2)):
        (tmp_path / f"{name}.py").write_text(text)
        found.append(load(str(tmp_path / f"{name}.py")).unwrap())
    return found[0], found[1]


def put(node: TestNode, name: str, text: str) -> str:
    return str(node.call("book", message(node, "Put", name, text)))


def get(node: TestNode, name: str) -> str:
    return str(node.call("book", message(node, "Get", name)))


def message(node: TestNode, cls: str, *fields: str) -> Any:
    takes: Any = node._host.core.machines["book"].program.takes
    return next(each.cls for each in takes.options if each.cls.__name__ == cls)(*fields)


def written(node: TestNode, versions: tuple[Application, Application]) -> None:
    """Rows that stay, that are written again, and that come with the second version."""
    node.start(versions[0]).unwrap()
    for name in "abcd":
        put(node, name, f"text {name}")
    node.upgrade(versions[1]).unwrap()
    put(node, "b", "again")
    put(node, "e", "new")


def is_back(node: TestNode) -> None:
    assert get(node, "a") == "Entry(text='text a', fax='fax of text a')"
    assert get(node, "b") == "Entry(text='again', fax='fax of text b')"
    assert get(node, "e") == "Entry(text='new', fax='unknown')"
    assert get(node, "f") == "None"


def test_a_rollback_gives_back_what_was_dropped_and_keeps_what_was_written(
    versions: tuple[Application, Application],
) -> None:
    node = TestNode()
    written(node, versions)
    node.rollback("book").unwrap()
    is_back(node)


@pytest.mark.parametrize("after", [0, 3, 10**9], ids=["a snapshot soon", "in the midst", "only the log"])
def test_also_after_a_restart(
    versions: tuple[Application, Application], after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "SNAPSHOT_AFTER", after)
    power = Power()
    written(TestNode(store=Simulated(power, automatic=True)), versions)
    for _ in range(2):
        again = TestNode(store=Simulated(power, automatic=True))
        again.start(versions[1]).unwrap()
        put(again, "g", "more")
    again.rollback("book").unwrap()
    is_back(again)
    last = TestNode(store=Simulated(power, automatic=True))
    last.start(versions[0]).unwrap()
    is_back(last)


def test_settled_it_cannot_be_undone(versions: tuple[Application, Application]) -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    assert isinstance(node.settle("book").failure(), UnknownApplication)
    written(node, versions)
    assert node.status().applications[0].previous == "1"
    settled = node.settle("book").unwrap()
    assert settled.previous is None
    assert isinstance(node.settle("book").failure(), NothingToSettle)
    for _ in range(2):
        assert isinstance(node.rollback("book").failure(), NothingToRollBack)
        node = TestNode(store=Simulated(power, automatic=True))
        node.start(versions[1]).unwrap()
    running = node._host.core.applications["book"]
    assert running.previous is not None
    assert running.previous.states == {}
    assert running.machines["book"].older is not None  # its clients are spoken with still


def test_a_settling_that_could_not_be_written_has_not_been(versions: tuple[Application, Application]) -> None:
    power = Power()
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    written(node, versions)
    store.automatic = False
    settle(node._host, "book").unwrap()
    node._host.turn()
    assert node.status().applications[0].previous is None
    assert store.advance(Rejected("the disk is full"))
    store.automatic = True
    node.drain()
    assert node.status().applications[0].previous == "1"
    node.rollback("book").unwrap()
    is_back(node)


def test_over_the_control_socket_and_in_the_history(
    versions: tuple[Application, Application], tmp_path: Path
) -> None:
    async def body(node: Node, control: Any) -> None:
        data = tmp_path / "data"
        (await node.start(versions[0])).unwrap()
        assert (await asked(data, op="settle", application="book"))["reason"] == "NothingToSettle"
        (await node.upgrade(versions[1])).unwrap()
        told = (await asked(data, op="settle", application="book"))["settled"]
        assert (told["name"], told["version"], told["previous"]) == ("book", "2", None)
        assert (await asked(data, op="rollback", application="book"))["reason"] == "NothingToRollBack"
        assert (await asked(data, op="settle", application="none"))["reason"] == "UnknownApplication"

    serving(tmp_path / "data", body)

    async def kept() -> None:
        async with Node(tmp_path / "kept") as node:
            (await node.start(versions[0])).unwrap()
            (await node.upgrade(versions[1])).unwrap()
            (await node.settle("book")).unwrap()

    asyncio.run(kept())
    told = CliRunner().invoke(app, ["history", "--data", str(tmp_path / "kept"), "--json"])
    assert [row["what"] for row in json.loads(told.stdout)["history"]] == [
        "started",
        "upgraded",
        "settled",
        "stopped",
    ]
