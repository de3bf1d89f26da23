"""What was done on a data directory, as `history` tells it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure

from arrows.build import arr
from runtime import bounds
from runtime.application import Application
from runtime.control_client import ask
from runtime.history import History, rows
from runtime.store import Change, Rejected
from runtime.testing import TestNode
from tests.runtime.book import v1, v2
from tests.runtime.crash_checker import wait_for
from tests.runtime.crash_story import free_port, python
from tests.runtime.engines import Power, Simulated

LOST = Application("book", version="3", machines={"ledger": arr(len), "rows": arr(len)})
ROOT = Path(__file__).parent.parent.parent
BELL = Path(__file__).with_name("bell.py")


def node_on(power: Power) -> TestNode:
    return TestNode(store=Simulated(power, automatic=True))


def told(power: Power) -> list[dict[str, Any]]:
    return rows(Simulated(power))


def shown(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    arguments = ("history", "--data", str(data), *options)
    return subprocess.run(
        [sys.executable, "-m", "midflight", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def words(power: Power) -> list[str]:
    return [row["what"] for row in told(power)]


def test_each_change_is_a_row_with_its_versions() -> None:
    power = Power()
    node = node_on(power)
    node.advance(1.5)
    node.start(v1).unwrap()
    refused = node.upgrade(LOST)
    assert isinstance(refused, Failure)
    made = node.upgrade(v2).unwrap()
    node.rollback("book").unwrap()
    node.close()
    assert words(power) == ["started", "refused", "upgraded", "rolled back", "stopped"]
    started, no, upgraded, back, stopped = told(power)
    assert [row["number"] for row in told(power)] == [1, 2, 3, 4, 5]
    assert {row["application"] for row in (started, no, upgraded, back)} == {"book"}
    assert {row["who"] for row in told(power)} == {"in process"}
    assert (started["new"], started["at"]) == ({"version": "1", "digest": made.old}, stopped["at"])
    assert no["why"] == {"reason": refused.failure().reason, "message": refused.failure().message}
    assert upgraded["old"] == back["new"] == {"version": "1", "digest": made.old}
    assert upgraded["new"] == back["old"] == {"version": "2", "digest": made.new}


def test_the_next_start_tells_how_the_last_one_ended() -> None:
    power = Power()
    node_on(power).start(v1).unwrap()
    again = node_on(power)
    again.start(v1).unwrap()
    again.close()
    node_on(power).start(v2).unwrap()
    known = ["started", "ended uncleanly", "started again", "stopped"]
    assert words(power) == [*known, "started again", "upgraded"]


def test_only_the_latest_rows_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HISTORY", 5)
    power = Power()
    for _ in range(3):
        history = History(Simulated(power))
        for at in range(4):
            power.apply(Change(puts=history.stopped(at)))
    assert [row["number"] for row in told(power)] == [8, 9, 10, 11, 12]


def test_a_refusal_that_cannot_be_kept_is_refused_nonetheless(caplog: pytest.LogCaptureFixture) -> None:
    power = Power()
    store = Simulated(power, automatic=True)
    node = TestNode(store=store)
    node.start(v1).unwrap()
    store.automatic = False
    assert isinstance(node.upgrade(LOST), Failure)
    store.advance(Rejected("full"))
    assert words(power) == ["started"]
    assert "a row of the history could not be kept: full" in caplog.text


def test_a_real_node_tells_who_asked(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    nothing = shown(data)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "no data" in nothing.stderr

    options = ("--listen", f"http://127.0.0.1:{port}", "--data", str(data))
    node = python("-m", "midflight", "run", str(BELL), *options)
    try:
        assert wait_for(port)
        assert isinstance(ask(data, {"op": "upgrade", "file": str(BELL)}), Failure)
        assert "AlreadyRunning" in shown(data).stdout, "it can be read while a node runs"
    finally:
        node.kill()
        node.communicate()
    node = python("-m", "midflight", "run", str(BELL), *options)
    try:
        assert wait_for(port)
        ask(data, {"op": "stop"}).unwrap()
        node.communicate(timeout=60)
    finally:
        node.kill()
        node.communicate()
    found = json.loads(shown(data, "--json", "--limit", "5").stdout)["history"]
    words = [row["what"] for row in found]
    assert words == ["refused", "ended uncleanly", "started again", "asked to stop", "stopped"]
    assert f"process {os.getpid()}" in found[3]["who"]
    assert f"process {os.getpid()}" in found[0]["who"]
    assert found[0]["at"].endswith("+00:00")
