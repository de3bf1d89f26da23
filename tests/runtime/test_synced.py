"""What the operating system sees of a node: the sync stands between a batch's last write and its first reply."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.control_client import ask
from runtime.loader import load
from runtime.node import Node
from tests.runtime.crash_checker import wait_for
from tests.runtime.crash_story import free_port

ROOT = Path(__file__).parent.parent.parent
COUNTER = ROOT / "examples" / "counter" / "v1.py"
NODE = "from runtime.cli import main; main()"
CALLS = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync"


def usable() -> bool:
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode
        == 0
    )


pytestmark = pytest.mark.skipif(not usable(), reason="strace is not installed, or may not trace here")


@contextmanager
def traced(folder: Path, code: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A node under strace, which writes to `folder/trace`."""
    port = free_port()
    tracing = ["strace", "-f", "-yy", "-s", "64", "-o", str(folder / "trace"), "-e", CALLS, *options]
    serving = ["run", str(COUNTER), "--data", str(folder / "data"), "--listen", f"http://127.0.0.1:{port}"]
    node = subprocess.Popen(
        [*tracing, sys.executable, "-c", code, *serving],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert wait_for(port), "the node does not answer"
        yield node, port
        ask(folder / "data", {"op": "stop"})
        node.communicate(timeout=60)
    finally:
        node.kill()
        node.communicate()


def post(connection: http.client.HTTPConnection) -> bool:
    """Whether a message was acknowledged."""
    try:
        connection.request("POST", "/machines/counter", json.dumps({"type": "Incr", "by": 1}))
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    return answer.status == 200


def judged(trace: str) -> tuple[int, list[str]]:
    """How many messages were answered, and the replies that began before what was written last was synced."""
    wrong, replies = [], 0
    written = synced = False
    for line in trace.splitlines():
        call = re.match(r"\d+ +(?:<\.\.\. )?(\w+)(?:\((\d+)<([^>]*)>)?", line)
        if call is None:
            continue
        name, _, place = call.groups()
        if "sync" in name and ("resumed" in line or "unfinished" not in line):
            synced = True
        elif name.startswith("pwrite") and place and place.endswith("-wal"):
            written, synced = True, False
        elif place and place.startswith("TCP:") and '"HTTP/1.1 200' in line and "POST" not in line:
            if written:
                replies += 1
                if not synced:
                    wrong.append(line)
            written = False
    return replies, wrong


@pytest.mark.parametrize("synchronous", ["full", "off"])
def test_what_was_written_is_synced_before_it_is_answered(synchronous: str, tmp_path: Path) -> None:
    """And the test sees it where it is not."""
    weak = (
        "import sqlite3; connect = sqlite3.connect\n"
        "class Weak(sqlite3.Connection):\n"
        "    def execute(self, query, *given):\n"
        "        return super().execute(query.replace('synchronous = full', 'synchronous = off'), *given)\n"
        "sqlite3.connect = lambda *given, **named: connect(*given, factory=Weak, **named)\n"
    )
    code = NODE if synchronous == "full" else weak + NODE
    with traced(tmp_path, code) as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(50):
            assert post(connection)
        connection.close()
    replies, wrong = judged((tmp_path / "trace").read_text())
    assert replies == 51, "the first question, behind the start, and each message"
    assert len(wrong) == (0 if synchronous == "full" else 51)


def test_a_sync_that_fails_ends_the_process_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """The real system call fails once; it is not tried again, and the next start knows what was answered."""
    said = 0
    with traced(tmp_path, NODE, "-e", "inject=fdatasync:error=EIO:when=45") as (node, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while post(connection):
            said += 1
        connection.close()
        _, told = node.communicate(timeout=60)
    assert node.returncode == os.EX_IOERR
    assert "the journal cannot be trusted any more, and this process ends" in told
    assert (tmp_path / "trace").read_text().count("INJECTED") == 1
    assert said > 5

    async def known() -> int:
        async with Node(tmp_path / "data") as again:
            (await again.start(load(str(COUNTER)).unwrap())).unwrap()
            return int(again.machine("counter").cells[0].value)

    assert asyncio.run(known()) in (said, said + 1)
