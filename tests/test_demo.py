"""The demo: what it counts, and that it would tell if something were lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from runtime.demo import QUIET, Facts, longest_gap, result

ROOT = Path(__file__).parent.parent


def test_nothing_is_lost(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "midflight", "demo", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["sent"] == found["answered"] == found["counted"] == found["state_final"] > 0
    assert (found["lost"], found["wrong"]) == (0, [])
    assert found["refused"] == ["UnexpectedVersion", "MigrationMisfit"]
    first, second = found["state_after"]
    assert found["state_before"] <= first <= second <= found["state_final"]
    assert found["longest_gap_ms"] > 0
    assert found["longest_gap_without_swap_ms"] > 0
    assert list(tmp_path.iterdir()) == []


def facts(*, sent: int, answered: int, final: int) -> Facts:
    load: dict[str, Any] = {
        "sent": sent,
        "answered": answered,
        "wrong": [],
        "times": [[0.0, 0.5, QUIET + 1.0]],
    }
    refused = ["UnexpectedVersion", "MigrationMisfit"]
    return Facts(0, [0, 0], final, [QUIET + 1.0], 0.0, refused, load)


def test_what_is_lost_is_counted() -> None:
    assert result(facts(sent=3, answered=3, final=3))["ok"]
    for sent, answered, final, lost in ((4, 3, 3, 1), (3, 3, 2, 1), (3, 3, 4, 1), (5, 3, 2, 3)):
        found = result(facts(sent=sent, answered=answered, final=final))
        assert (found["lost"], found["ok"]) == (lost, False)


def test_a_gap_counts_where_it_meets_the_span() -> None:
    times = [[0.0, 1.0, 5.0, 5.5]]
    assert longest_gap(times, 2.0, 3.0) == 4000.0
    assert longest_gap(times, 5.1, 9.0) == 500.0
    assert longest_gap(times, 6.0, 9.0) == 0.0
