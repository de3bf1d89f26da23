"""The commands that need no node: what they print, and the sentence for every wrong use."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from runtime.cli import app

TWO = """
from midflight import Application, arr
{extra}
app = Application("two", version="{version}", machines={{{machines}}})
"""
ASKS = """
import attrs
from midflight import Application, Effect, proc

@attrs.frozen
class Charge(Effect[bool]):
    cents: int

@attrs.frozen
class Pay:
    cents: int

@proc
def pay(msg: Pay, *, tried: int = 0) -> bool:
    tried += 1
    return perform(Charge(msg.cents))

app = Application("pay", version="1", machines={"pay": pay})
"""


@pytest.fixture
def midflight(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.chdir(root)
    return lambda *arguments, **more: CliRunner().invoke(app, [str(each) for each in arguments], **more)


V1, V2 = "examples/counter/v1.py", "examples/counter/v2.py"
INPUTS = '{"type": "Incr", "by": 2}\n\n{"type": "Read"}\n'


def test_a_trace_is_a_table(midflight: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "inputs.jsonl"
    file.write_text(INPUTS)
    shown = midflight("trace", V1, "counter", file)
    assert shown.exit_code == 0, shown.output
    assert [line.split() for line in shown.output.splitlines()] == [
        ["step", "input", "count", "output"],
        ["----", "----------", "-----", "--------------"],
        ["0"],
        ["1", "Incr(by=2)", "2", "Ok()"],
        ["2", "Read()", "2", "Total(count=2)"],
    ]


def test_a_trace_of_standard_input_as_json_and_as_a_picture(
    midflight: Callable[..., Any], tmp_path: Path
) -> None:
    shown = midflight("trace", V1, "counter", "-", "--json", input=INPUTS)
    assert json.loads(shown.output) == {
        "machine": "counter",
        "cells": ["count"],
        "initial": [0],
        "steps": [
            {"input": {"type": "Incr", "by": 2}, "output": {"type": "Ok"}, "state": [2], "emitted": []},
            {"input": {"type": "Read"}, "output": {"type": "Total", "count": 2}, "state": [2], "emitted": []},
        ],
    }
    out = tmp_path / "trace.svg"
    assert midflight("trace", V1, "counter", "-", "--svg", out, input=INPUTS).exit_code == 0
    assert "count" in [each.text for each in ET.fromstring(out.read_text()).iter()]


def test_a_step_that_asks_is_left_waiting(midflight: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "pay.py"
    file.write_text(ASKS.replace("Effect, proc", "Effect, perform, proc"))
    lines = '{"type": "Pay", "cents": 1}\n{"type": "Pay", "cents": 2}\n'
    shown = midflight("trace", file, "pay", "-", input=lines)
    assert shown.exit_code == 0, shown.output
    assert "2      waits for Charge(cents=2)" in shown.output
    (first, _) = json.loads(midflight("trace", file, "pay", "-", "--json", input=lines).output)["steps"]
    assert first["waits_for"] == {"type": "Charge", "cents": 1}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["trace", V1, "other", "-"], "holds no machine 'other'; there are: counter"),
        (["trace", V1, "counter", "absent.jsonl"], "absent.jsonl: No such file or directory"),
        (["trace", V1, "counter", "-"], "standard input, line 1: counter: type: expected"),
        (["trace", V1, "counter", "-", "--json", "--svg", "x"], "of --json and --svg, choose one"),
        (["diff", V1, V2, "--json", "--mermaid"], "of --json, --mermaid, --tree and --svg, choose one"),
        (["diff", V1, V2, "other"], "holds a machine 'other'; there are: counter"),
        (["diff", V1, V2, "other", "--mermaid"], "holds no machine 'other'; there are: counter"),
    ],
)
def test_what_was_typed_wrong_is_told_in_a_sentence(
    midflight: Callable[..., Any], arguments: list[str], told: str
) -> None:
    done = midflight(*arguments, input='{"type": "Add"}')
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())
    assert "Traceback" not in done.output


def test_a_line_that_is_not_json_is_told(midflight: Callable[..., Any]) -> None:
    done = midflight("trace", V1, "counter", "-", input='{"type": "Read"}\n{"type": \n')
    assert done.exit_code == 2
    assert "standard input, line 2: not JSON" in done.output


def test_a_difference_as_json_has_the_lines_of_source(midflight: Callable[..., Any]) -> None:
    found: dict[str, Any] = json.loads(midflight("diff", V1, V2, "--json").output)
    counter = found["machines"]["counter"]
    texts = {(line["old"] or {}).get("text"): line["new"]["text"] for line in counter["lines"]}
    assert texts["count += by"] == "count = (count[0], count[1] + by)"
    for edit in counter["nodes"]:
        assert set(edit["source"]) == {"old", "new"}
        for side in filter(None, edit["source"].values()):
            written = Path(side["file"]).read_text().splitlines()[side["line"] - 1]
            assert written.strip() == side["text"]
    (altered,) = [edit for edit in counter["nodes"] if edit["change"] == "altered"]
    assert Path(altered["source"]["old"]["file"]).name == "v1.py"
    assert Path(altered["source"]["new"]["file"]).name == "v2.py"


def test_one_of_several_machines_is_compared(midflight: Callable[..., Any], tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text(TWO.format(extra="", version="1", machines='"a": arr(abs), "b": arr(len)'))
    other.write_text(
        TWO.format(extra="", version="2", machines='"a": arr(abs), "b": arr(str), "c": arr(abs)')
    )
    shown = midflight("diff", one, other)
    assert "a:\nno difference" in shown.output
    assert "c: the machine was added" in shown.output
    assert "no difference" not in midflight("diff", one, other, "b").output
    assert "name one: a, b" in midflight("diff", one, other, "--mermaid").output
    assert ":::replaced" in midflight("diff", one, other, "b", "--mermaid").output
