"""The versions share their modules' names, so mypy looks at each of them alone."""

import subprocess
import sys
from pathlib import Path

import pytest

VERSIONS = sorted(Path(__file__).parent.parent.parent.glob("examples/*/v*.py"))


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_version_is_typed(version: Path, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(version)], cwd=root, capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stdout.splitlines() if line.startswith("examples/")]
    assert not ours, done.stdout
    assert done.returncode in (0, 1), done.stdout + done.stderr
