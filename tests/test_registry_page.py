"""`docs/registry.md` is true: its session is typed in."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.test_command import ROOT
from tests.test_registry_command import midflight

PAGE = (ROOT / "docs" / "registry.md").read_text()


def masked(text: str) -> list[str]:
    """A text by lines, without keys, times, and the width of a table's lines."""
    text = re.sub(r"ed25519:[0-9a-f]{64}", "KEY", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", text)
    return [re.sub(r"[━─]+", "-", line).rstrip() for line in text.strip().splitlines()]


def test_the_session_goes_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.setenv("MIDFLIGHT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("MIDFLIGHT_REGISTRY", str(tmp_path / "registry"))
    found = re.search(r"<!-- run -->\n```console\n(.*?)```", PAGE, re.DOTALL)
    assert found
    parts = re.split(r"^\$ midflight (.*)\n", found[1], flags=re.MULTILINE)[1:]
    assert len(parts) > 10
    for command, expected in zip(parts[::2], parts[1::2], strict=True):
        ran = midflight(*shlex.split(command), cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        said = ran.stdout.replace(str(tmp_path / "registry"), "/srv/registry")
        assert masked(said) == masked(expected), command
