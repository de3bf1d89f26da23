"""What mypy infers and refuses in programs that use arrows: each marked line is reported, and no other."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def reported(path: Path) -> set[int]:
    """The lines of a program that mypy finds wrong."""
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return {int(line) for line in re.findall(re.escape(path.name) + r":(\d+): error", ran.stdout)}


def marked(path: Path) -> set[int]:
    return {at for at, line in enumerate(path.read_text().splitlines(), 1) if "# error:" in line}


def test_a_right_program_is_accepted() -> None:
    assert reported(HERE / "accepted" / "composition.py") == set()


def test_a_wrong_program_is_rejected_where_it_is_wrong() -> None:
    path = HERE / "rejected" / "composition.py"
    assert marked(path)
    assert reported(path) == marked(path)
