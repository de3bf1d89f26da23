"""Machines as SVG files: drawn by Graphviz where it is, and a plain sentence where it is not."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from arrows.draw import dot, mermaid
from arrows.marked import LEGEND
from arrows.term import sequence
from examples.modular.door import door
from examples.modular.radio import radio
from midflight import Arrow, arr, constant, diff, identity
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


def coloured(root: ET.Element) -> set[str]:
    """The texts of the boxes that are in a colour, but for the legend's."""
    found = set()
    for group in root.iter(f"{SVG}g"):
        shapes = [each for each in group if each.get("stroke-width") == "2"]
        texts = [each.text or "" for each in group.iter(f"{SVG}text")]
        if shapes and group.get("class") == "node":
            found |= set(texts)
    return found - set(LEGEND.values())


@needs_dot
def test_a_change_among_sixty_boxes_is_in_colour() -> None:
    stages: list[Arrow[Any, Any]] = [arr(abs)] * 60
    old, new = sequence(*stages), sequence(*stages[:30], constant(1), *stages[30:])
    root = ET.fromstring(picture.svg(old, diff(old, new)).unwrap())
    assert coloured(root) == {"constant(1)"}
    assert [each.text for each in root.iter(f"{SVG}text")].count("abs") == 60
    sizes = [float(each.get("font-size", "0")) for each in root.iter(f"{SVG}text")]
    assert min(sizes) >= 10


@needs_dot
def test_the_command_draws_what_changed(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "diff.svg"
    files = [str(root / f"examples/counter/v{number}.py") for number in (1, 2)]
    done = CliRunner().invoke(app, ["diff", *files, "--svg", str(out)])
    assert done.exit_code == 0, done.output
    drawn = ET.fromstring(out.read_text())
    assert "was state('count': int = 0)" in coloured(drawn)
    assert LEGEND["inserted"] in [each.text for each in drawn.iter(f"{SVG}text")]
    chart = CliRunner().invoke(app, ["diff", *files, "counter", "--mermaid"])
    assert ":::replaced" in chart.output
    assert "classDef inserted" in chart.output


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


def test_the_commands_show_it_in_lines(root: Path) -> None:
    files = [str(root / f"examples/counter/v{number}.py") for number in (1, 2)]
    drawn = CliRunner().invoke(app, ["draw", files[0], "--tree"])
    assert "case Read\n  get('count') >> Total\n" in drawn.output
    compared = CliRunner().invoke(app, ["diff", *files, "--tree"])
    assert "case Read\n  get('count') >> +constant(1) >> +item >> Total\n" in compared.output
    assert "\x1b" not in compared.output
    both = CliRunner().invoke(app, ["diff", *files, "--tree", "--json"])
    assert both.exit_code == 2
