"""The README is true: its console session is typed in, its code stands in the examples or runs."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def session() -> list[tuple[str, str]]:
    """The commands of the block behind `<!-- run -->`, each with what it prints."""
    found = re.search(r"<!-- run -->\n```console\n(.*?)```", README, re.DOTALL)
    assert found
    parts = re.split(r"^\$ (.*)\n", found[1], flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def masked(text: str) -> list[str]:
    """A text by lines, without what differs from run to run: durations, and the width of a table's lines."""
    text = re.sub(r"in [0-9.]+ m?s", "in # ms", text)
    return [re.sub(r"[━─]+", "-", line).rstrip() for line in text.strip().splitlines()]


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `midflight` is this checkout's."""
    if shutil.which("curl") is None:
        pytest.skip("the README's session needs curl, which is not installed")
    command = tmp_path / "midflight"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "midflight.py"}" "$@"\n')
    command.chmod(0o755)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PWD": str(tmp_path)}


def test_the_session_goes_as_it_says(shell: dict[str, str]) -> None:
    folder = shell["PWD"]
    server: subprocess.Popen[str] | None = None
    try:
        for command, expected in session():
            if command.endswith("&"):
                arguments = shlex.split(command.removesuffix("&"))
                server = subprocess.Popen(arguments, cwd=folder, env=shell, stdout=subprocess.PIPE, text=True)
                assert server.stdout
                told = "".join(server.stdout.readline() for _ in expected.splitlines())
            else:
                quiet = command.replace("curl ", "curl --silent ", 1)
                ran = subprocess.run(
                    quiet,
                    shell=True,
                    cwd=folder,
                    env=shell,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                )
                told = ran.stdout
            assert masked(told) == masked(expected), command
    finally:
        if server:
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0
            assert server.stdout
            server.stdout.close()


def blocks() -> list[str]:
    return [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if ">>>" not in block]


@pytest.mark.parametrize("block", blocks())
def test_its_code_is_the_examples_or_runs(block: str, tmp_path: Path) -> None:
    examples = [(ROOT / "examples" / "counter" / name).read_text() for name in ("v1.py", "v2.py")]
    if any(block.strip() in text for text in examples):
        return
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", block], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "tuple[int, int]" in ran.stdout


def test_it_has_the_two_commands() -> None:
    assert "midflight demo\n" in README
    assert "<!-- tests -->\n```sh\n" in README
