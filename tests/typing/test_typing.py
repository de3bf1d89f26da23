"""What type checkers infer and refuse in programs that use arrows: each marked line is reported, and no other.

Both checkers look at the same programs: mypy with `--strict`, pyright as each says in its second line.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
Lines = set[tuple[str, int]]


def programs(kind: str) -> list[Path]:
    return sorted((HERE / kind).glob("*.py"))


def marked(kind: str) -> Lines:
    return {
        (path.name, at)
        for path in programs(kind)
        for at, line in enumerate(path.read_text().splitlines(), 1)
        if "# error:" in line
    }


def mypy(kind: str) -> Lines:
    """The lines that mypy finds wrong in all programs of a kind."""
    command = [sys.executable, "-m", "mypy", "--strict", *map(str, programs(kind))]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    print(ran.stdout)
    found = re.findall(rf"^tests/typing/{kind}/(\w+\.py):(\d+): error", ran.stdout, re.MULTILINE)
    return {(name, int(line)) for name, line in found}


def pyright(kind: str) -> Lines:
    """The same of pyright."""
    pytest.importorskip("pyright", reason="pyright is not installed: pip install 'midflight[test]'")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable]
    ran = subprocess.run(
        [*command, *map(str, programs(kind))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not ran.stdout.startswith("{"):
        assert "node" in ran.stderr, ran.stdout + ran.stderr
        pytest.skip(
            "pyright finds no node: its extra [nodejs] brings one as a wheel; without it pyright looks on the PATH, "
            f"then downloads one. It said: {ran.stderr.strip().splitlines()[-1]}"
        )
    print(ran.stdout)
    wrong = [each for each in json.loads(ran.stdout)["generalDiagnostics"] if each["severity"] == "error"]
    return {(Path(each["file"]).name, each["range"]["start"]["line"] + 1) for each in wrong}


def test_mypy_accepts_right_programs() -> None:
    assert mypy("accepted") == set()


def test_mypy_rejects_wrong_programs_where_they_are_wrong() -> None:
    assert mypy("rejected") == marked("rejected")


def test_pyright_accepts_right_programs() -> None:
    assert pyright("accepted") == set()


def test_pyright_rejects_wrong_programs_where_they_are_wrong() -> None:
    assert pyright("rejected") == marked("rejected")


@pytest.mark.parametrize("kind", ["accepted", "rejected"])
def test_each_topic_has_both(kind: str) -> None:
    assert [path.name for path in programs(kind)] == [path.name for path in programs("accepted")]
    assert {name for name, _ in marked("rejected")} == {path.name for path in programs("rejected")}
