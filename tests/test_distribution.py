"""What the wheel holds, and that its types reach a user."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from runtime import bench

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "midflight.py",
        "midflight-stubs/__init__.pyi",
        "midflight_pytest.py",
        "arrows/py.typed",
        "migrations/py.typed",
        "runtime/py.typed",
        "runtime/example_counter/v1.py",
        "runtime/example_counter/v2.py",
        "runtime/benchmarks/__init__.py",
        "runtime/benchmarks/language.py",
    } <= names
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {
        "midflight.py",
        "midflight_pytest.py",
        "midflight-stubs",
        "arrows",
        "migrations",
        "runtime",
    }
    module = (ROOT / "midflight.py").read_bytes()
    assert zipfile.ZipFile(wheel).read("midflight-stubs/__init__.pyi") == module


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel, and the libraries but nothing else of ours."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, symlinks=True)
    (site,) = (home / "lib").glob("python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin" / "python"


def test_an_installed_copy_measures_itself(installed: Path, tmp_path: Path) -> None:
    options = ["--json", "--samples", "1", "--size", "0.0001"]
    command = [str(installed), "-P", "-m", "midflight", "bench", *options]
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = {row["name"]: row for row in json.loads(ran.stdout)}
    assert rows.keys() == bench.known().keys()
    assert all(rows[name]["value"] > 0 for name in ("step", "compose", "call", "diff", "evaluate"))
    if Path("/proc/self/statm").exists():
        assert rows["bytes-per-key"]["value"] > 0


def test_a_users_types_are_checked(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(
        "from midflight import Arrow, arr, run\n"
        "length: Arrow[str, int] = arr(len)\n"
        "wrong: list[str] = run(length, ['a'])\n"
    )
    check = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        str(installed),
        "--cache-dir",
        str(tmp_path / "cache"),
        "user.py",
    ]
    ran = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert [line.partition(" error")[0] for line in ran.stdout.splitlines() if "error:" in line] == [
        "user.py:3:"
    ], ran.stdout + ran.stderr
