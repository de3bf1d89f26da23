"""The bug of the notes' counter, met in a running node and mended by an upgrade under load."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

NOTES = Path(__file__).parent / "notes"
ROOT = NOTES.parent.parent.parent
COMMAND = [sys.executable, str(ROOT / "midflight.py")]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[str, Path, Path]]:
    """A node process with the first version: the counter's address, the data directory, the log."""
    data, log = tmp_path / "data", tmp_path / "log"
    arguments = ["run", str(NOTES / "v1.py"), "--listen", "http://127.0.0.1:0", "--data", str(data)]
    with (
        log.open("w") as errors,
        subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout
        found = (re.search(r"listens +(http://\S+)", line) for line in process.stdout)
        url = next(each[1] for each in found if each)
        yield f"{url}/machines/counter", data, log
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(20) == 0


def send(client: httpx.Client, url: str, name: str) -> httpx.Response:
    return client.post(url, json={"type": name})


class Caller(threading.Thread):
    """Increments until told to stop, and counts what was acknowledged."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.going, self.acknowledged = url, True, 0
        self.wrong: list[str] = []

    def run(self) -> None:
        with httpx.Client() as client:
            while self.going:
                answer = send(client, self.url, "Increment")
                if answer.status_code == 200:
                    self.acknowledged += 1
                else:
                    self.wrong.append(answer.text)


def test_the_crash_is_answered_and_an_upgrade_under_load_mends_it(node: tuple[str, Path, Path]) -> None:
    url, data, log = node
    with httpx.Client() as client:
        crash = send(client, url, "Reset")
        told: dict[str, Any] = crash.json()
        assert (crash.status_code, told["error"]) == (500, "StepFailed")
        assert told["reference"] in log.read_text()
        assert "a reset at zero" in log.read_text()
        assert "zero" not in crash.text, "what was raised is for the log"
        assert send(client, url, "Read").json() == {"type": "Value", "value": 0}

        callers = [Caller(url) for _ in range(4)]
        for caller in callers:
            caller.start()
        upgraded = subprocess.run(
            [*COMMAND, "upgrade", str(NOTES / "v2.py"), "--data", str(data), "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert upgraded.returncode == 0, upgraded.stderr
        for caller in callers:
            caller.going = False
            caller.join()
        assert [caller.wrong for caller in callers] == [[], [], [], []]
        total = sum(caller.acknowledged for caller in callers)
        assert total > 0
        assert send(client, url, "Read").json() == {"type": "Value", "value": total}
        for _ in range(2):
            assert send(client, url, "Reset").json() == {"type": "Ack"}
        assert send(client, url, "Read").json() == {"type": "Value", "value": 0}
