"""What the wheel holds, and that its types reach a user."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
        "arrows/py.typed",
        "migrations/py.typed",
        "runtime/py.typed",
        "runtime/example_counter/v1.py",
        "runtime/example_counter/v2.py",
    } <= names
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"midflight.py", "midflight-stubs", "arrows", "migrations", "runtime"}


def test_a_users_types_are_checked(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    zipfile.ZipFile(wheel).extractall(site)
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
        "--no-incremental",
        "--cache-dir",
        str(tmp_path / "cache"),
        "user.py",
    ]
    environment = {"MYPYPATH": str(site), "PATH": ""}
    ran = subprocess.run(check, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "user.py:3: error" in ran.stdout, ran.stdout + ran.stderr
    assert "user.py:2: error" not in ran.stdout, ran.stdout
