"""Sessions end by themselves: by a test's clock, and as the README shows."""

import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from runtime.testing import TestNode
from tests.examples.readme import curl, same, shown


@pytest.fixture(scope="module")
def v1(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("sessions_v1", root / "examples/sessions/v1.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_session_ends_when_nobody_touches_it(v1: ModuleType) -> None:
    node = TestNode()
    node.start(v1.app).unwrap()
    expired = node.subscribe("expired")
    for user in ("ann", "bob", "eve"):
        node.call("sessions", v1.SignIn(user))
    node.advance(1.5)
    node.call("sessions", v1.Touch("ann"))
    node.call("sessions", v1.Touch("nobody"))
    node.call("sessions", v1.SignOut("eve"))
    node.advance(1)
    assert node.call("sessions", v1.Who()) == v1.Here(("ann",))
    node.advance(10)
    assert node.call("sessions", v1.Who()) == v1.Here(())
    assert [event.message for event in expired.take()] == ["bob", "ann"]
    assert node.call("log", v1.Last())[-3:] == (
        "eve signed out",
        "bob did not come back",
        "ann did not come back",
    )


def test_what_the_readme_shows(root: Path, tmp_path: Path) -> None:
    (start, _), *commands = shown(root / "examples/sessions/README.md")
    words = [sys.executable, "-m", *start.split(), "--listen", "http://127.0.0.1:0"]
    node = subprocess.Popen(
        [*words, "--data", str(tmp_path / "data")],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert node.stdout
        said = ""
        address = None
        for line in node.stdout:
            said += line
            address = re.search(r"http://127\.0\.0\.1:\d+", line)
            if address:
                break
        assert address, said
        with httpx.Client(base_url=address[0], timeout=30) as client:
            for command, output in commands:
                if command.startswith("sleep"):  # what a user does; the timer is the system's own
                    time.sleep(float(command.split()[1]))
                    continue
                for _ in range(100):  # a machine that is busy fires later
                    answer = curl(command, client, "http://127.0.0.1:8080")
                    if same(output, answer.text):
                        break
                    time.sleep(0.1)
                assert same(output, answer.text), (command, answer.text)
    finally:
        node.terminate()
        rest, _ = node.communicate(timeout=30)
    assert "Traceback" not in rest
