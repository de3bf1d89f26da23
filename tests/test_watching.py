"""`status --watch` as somebody at a terminal sees it, and as a program reads it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

from tests.test_command import ENVIRONMENT, MIDFLIGHT, project, running

__all__ = ["project"]


def seen(terminal: int, pattern: str, seconds: float = 30) -> str:
    """What a terminal has shown when it shows the pattern."""
    shown = b""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.1)[0]:
            with contextlib.suppress(OSError):
                shown += os.read(terminal, 65536)
        if re.search(pattern, shown.decode(errors="replace")):
            return shown.decode()
    raise AssertionError((pattern, shown))


def test_a_live_table_until_interrupted(project: Path) -> None:
    ours, theirs = pty.openpty()
    with running(project) as node:
        watching = subprocess.Popen(
            [*MIDFLIGHT, "status", "--watch", "--interval", "0.1"],
            cwd=project,
            env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "100"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        try:
            assert f"process {node.process.pid}" in seen(ours, r"steps/s")
            for _ in range(3):
                node.post({"type": "Incr", "by": 1})
            seen(ours, r"counter +. *1 +.[^\n]* 3 ")
            watching.send_signal(signal.SIGINT)
            assert watching.wait(20) == 0
        finally:
            watching.kill()
            watching.wait()
            os.close(theirs)
            os.close(ours)


def test_a_line_for_each_look_and_the_end_of_the_node(project: Path) -> None:
    with running(project) as node:
        watching = subprocess.Popen(
            [*MIDFLIGHT, "status", "--watch", "--interval", "0.1", "--json"],
            cwd=project,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert watching.stdout is not None
            first, second = (json.loads(watching.stdout.readline()) for _ in range(2))
            node.stop()
            rest = watching.communicate(timeout=20)[0].splitlines()
        finally:
            watching.kill()
            watching.wait()
    assert first["process"] == second["process"] == node.process.pid
    assert first["machines"][0]["steps_per_second"] is None
    assert second["machines"][0] == {
        "name": "counter",
        "version": "1",
        "stepped": 0,
        "failed": 0,
        "waiting": 0,
        "steps_per_second": 0.0,
        "failures_per_second": 0.0,
    } | {word: 0 for word in ("timers", "sends") if word in second["machines"][0]}
    assert json.loads(rest[-1])["reason"] == "NoNode"
    assert watching.returncode == 1
