"""Machines as SVG files: drawn by Graphviz where it is, and a plain sentence where it is not."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from arrows.draw import dot, mermaid
from examples.modular.door import door
from examples.modular.radio import radio
from midflight import Arrow, arr, identity
from runtime import picture
from runtime.cli import app

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot (Graphviz) is not here")
SVG = "{http://www.w3.org/2000/svg}"


def odd(text: str) -> str:
    return text


odd.__qualname__ = 'say "<&>" \\n'


def chain(length: int) -> Arrow[int, int]:
    made: Arrow[int, int] = identity()
    for _ in range(length):
        made = made >> arr(abs)
    return made


def test_a_dot_graph_has_the_boxes_and_wires_of_the_flowchart() -> None:
    for machine in (door, radio):
        graph, chart = dot(machine), mermaid(machine)
        assert graph.count(" -> ") == chart.count("-->") + chart.count("-.->")
        assert graph.count("subgraph") == chart.count("subgraph")
        assert graph.count("shape=cylinder") == chart.count('[("')


@needs_dot
def test_an_svg_shows_every_box_and_every_word() -> None:
    root = ET.fromstring(picture.svg(chain(60)).unwrap())
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert texts.count("abs") == 60
    assert {"in", "out"} < set(texts)


@needs_dot
def test_names_are_shown_as_they_are() -> None:
    root = ET.fromstring(picture.svg(arr(odd)).unwrap())
    assert 'say "<&>" \\n' in [each.text for each in root.iter(f"{SVG}text")]


@needs_dot
def test_the_command_writes_a_file(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "counter.svg"
    done = CliRunner().invoke(
        app, ["draw", str(root / "examples/counter/v1.py"), "counter", "--svg", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert ET.fromstring(out.read_text()).tag == f"{SVG}svg"


@needs_dot
def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    assert "absent" in str(picture.write(identity(), tmp_path / "absent" / "out.svg").failure())


def test_without_graphviz_a_sentence_says_what_to_do(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    out = tmp_path / "counter.svg"
    done = CliRunner().invoke(
        app, ["draw", str(root / "examples/counter/v1.py"), "counter", "--svg", str(out)]
    )
    assert done.exit_code == 1
    assert "Install it (apt install graphviz, brew install graphviz)" in " ".join(done.output.split())
    assert not out.exists()


def test_a_graphviz_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho 'no plugin' >&2\nexit 1\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert "failed: no plugin" in str(picture.svg(identity()).failure())
