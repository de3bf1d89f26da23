"""The facade in projects that have modules of our names: an import says so, the command works."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def python(*arguments: str, cwd: Path, path: str = str(ROOT)) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(params=["runtime.py", "migrations/__init__.py", "arrows/__init__.py", "migrations/0001.py"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project with a module of one of our names."""
    file = tmp_path / str(request.param)
    file.parent.mkdir(exist_ok=True)
    file.write_text("NAME = 'theirs'\n")
    return tmp_path


def test_an_import_names_both_files_in_one_sentence(project: Path) -> None:
    (theirs,) = (each for each in project.rglob("*.py"))
    ran = python("-c", "import midflight", cwd=project)
    if theirs.name == "0001.py":  # a folder without __init__ stands behind ours, which is a package
        assert ran.returncode == 0, ran.stderr
        return
    last = ran.stderr.strip().splitlines()[-1]
    name = theirs.relative_to(project).parts[0].removesuffix(".py")
    assert last.startswith("ImportError: midflight needs its own package ")
    assert str(theirs) in last
    assert str(ROOT / name / "__init__.py") in last


def test_a_module_that_is_already_imported_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "runtime.py").write_text("")
    code = "import sys; sys.path.insert(0, 'elsewhere'); import runtime; sys.path.pop(0); import midflight"
    ran = python("-c", code, cwd=tmp_path)
    assert "midflight needs its own package 'runtime'" in ran.stderr
    assert str(tmp_path / "elsewhere" / "runtime.py") in ran.stderr


def test_the_command_works_there(project: Path) -> None:
    ran = python("-m", "midflight", "--help", cwd=project)
    assert ran.returncode == 0, ran.stderr
    assert "upgrade" in ran.stdout


def test_the_module_that_is_the_command_is_the_one_that_others_import(tmp_path: Path) -> None:
    code = (
        "import runpy, sys, types; cli = types.ModuleType('runtime.cli'); sys.modules['runtime.cli'] = cli; "
        "cli.main = lambda: print(sys.modules['midflight'] is sys.modules['__main__']); "
        "runpy.run_module('midflight', run_name='__main__', alter_sys=True)"
    )
    ran = python("-c", code, cwd=tmp_path)
    assert ran.stdout == "True\n", ran.stderr


def test_the_command_works_with_their_folder_on_the_path(project: Path) -> None:
    ran = python("-m", "midflight", "--help", cwd=project, path=f"{project}{os.pathsep}{ROOT}")
    assert ran.returncode == 0, ran.stderr


def test_the_installed_command_works_there(project: Path) -> None:
    command = Path(sys.executable).parent / "midflight"
    if not command.exists():
        pytest.skip("midflight is not installed beside this interpreter")
    environment = {**os.environ, "PYTHONPATH": str(project)}
    ran = subprocess.run(
        [command, "--help"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
