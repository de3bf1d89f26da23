"""Messages whose class gained a field: what waits, what is due, and callers who still have the old class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure

from runtime.errors import BadMessage, IdReused, RolledBack
from runtime.loader import load
from runtime.refusal import MessageNotAccepted
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated

TEXT = """
import attrs
from midflight import After, Application, emit, proc

@attrs.frozen
class Add:
    n: int{more}

@attrs.frozen
class Later:
    n: int

@proc
def m(msg: Add | Later, *, seen: tuple[str, ...] = ()) -> tuple[str, ...]:
    match msg:
        case Add():
            seen = (*seen, repr(msg))
            return seen
        case Later(n):
            emit(After(5.0, Add(n{given})))
            return seen

app = Application("a", version="{version}", machines={{"m": m}})
"""


def application(folder: Path, version: str, more: str = "", given: str = "") -> Any:
    file = folder / f"v{version}.py"
    file.write_text(TEXT.format(version=version, more=more, given=given))
    return load(str(file)).unwrap()


def message(node: TestNode, name: str, n: int) -> Any:
    takes: Any = node._host.core.machines["m"].program.takes
    (cls,) = [each.cls for each in takes.options if each.cls.__name__ == name]
    return cls(n)


def test_what_waits_and_what_is_due_becomes_the_new_class(tmp_path: Path) -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(application(tmp_path, "1")).unwrap()
    old = message(node, "Add", 7)
    node.call("m", message(node, "Later", 2))
    waiting = node.send("m", message(node, "Add", 1))
    node.upgrade(application(tmp_path, "2", "\n    note: str = 'none'"), probation=None).unwrap()
    node.drain()
    assert waiting.result() == ("Add(n=1, note='none')",)
    assert node.call("m", old)[-1] == "Add(n=7, note='none')", "a caller who has the old class"
    node.advance(5)
    assert len(node.call("m", old)) == 4

    again = TestNode(store=Simulated(power, automatic=True))  # a crash: every step is repeated
    again.start(application(tmp_path, "2", "\n    note: str = 'none'")).unwrap()
    notes = [f"Add(n={n}, note='none')" for n in (1, 7, 2, 7, 9)]
    assert again.call("m", message(again, "Add", 9)) == tuple(notes)


@pytest.mark.parametrize(
    ("more", "given"),
    [("\n    note: str", ", 'x'"), ("\n    note: list[int] = attrs.Factory(lambda: [1])", "")],
)
def test_a_field_that_nothing_fills_refuses_the_upgrade(more: str, given: str, tmp_path: Path) -> None:
    node = TestNode()
    node.start(application(tmp_path, "1")).unwrap()
    refused = node.upgrade(application(tmp_path, "2", more, given))
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), MessageNotAccepted)


def test_a_class_of_another_name_is_no_message_however_alike(tmp_path: Path) -> None:
    node = TestNode()
    node.start(application(tmp_path, "2", "\n    note: str = 'none'")).unwrap()
    source = (tmp_path / "v2.py").read_text().replace("Add", "Sum")
    (tmp_path / "v3.py").write_text(source)
    stranger = TestNode()
    stranger.start(load(str(tmp_path / "v3.py")).unwrap()).unwrap()
    with pytest.raises(BadMessage):
        node.send("m", message(stranger, "Sum", 1))


def test_at_a_rollback_a_message_with_a_field_that_would_be_lost_is_turned_away(tmp_path: Path) -> None:
    node = TestNode()
    node.start(application(tmp_path, "1")).unwrap()
    node.upgrade(application(tmp_path, "2", "\n    note: str = 'none'")).unwrap()
    waiting = node.send("m", type(message(node, "Add", 1))(1, "written"))
    node.rollback("a").unwrap()
    with pytest.raises(RolledBack):
        waiting.result()


def test_at_a_rollback_a_field_that_is_as_if_left_out_goes(tmp_path: Path) -> None:
    node = TestNode()
    node.start(application(tmp_path, "1")).unwrap()
    node.upgrade(application(tmp_path, "2", "\n    note: str = 'none'")).unwrap()
    waiting = node.send("m", message(node, "Add", 1))
    node.rollback("a").unwrap()
    node.drain()
    assert waiting.result() == ("Add(n=1)",)


def test_a_named_request_is_the_same_when_its_class_has_grown(tmp_path: Path) -> None:
    power = Power()
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(application(tmp_path, "1")).unwrap()
    answer = node.call("m", message(node, "Add", 1), id="x")
    node.upgrade(application(tmp_path, "2", "\n    note: str = 'none'")).unwrap()
    assert node.call("m", message(node, "Add", 1), id="x") == answer
    other = type(message(node, "Add", 1))(1, "another note")
    with pytest.raises(IdReused):
        node.call("m", other, id="x")
    again = TestNode(store=Simulated(power, automatic=True))
    again.start(application(tmp_path, "2", "\n    note: str = 'none'")).unwrap()
    assert again.call("m", message(again, "Add", 1), id="x") == answer
    assert len(again.call("m", message(again, "Add", 2))) == 2
