"""Every trap of identity, asked in processes that differ in all that must not count."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from arrows import arr, digest
from tests.arrows.interpreters import interpreters
from tests.arrows.test_notation import load
from tests.arrows.traps import EDITED, FILES, HEAD, REFUSED, WHAT_COUNTS, edits, module, programs

PROGRAM = Path(__file__).with_name("identify.py")


class Setting(NamedTuple):
    """How a process is started."""

    python: str
    hash_seed: str = "0"
    options: tuple[str, ...] = ("-B",)
    below: str = "."
    """Its working directory, below the folder of the modules."""


def settings() -> list[Setting]:
    here = sys.executable
    found = [
        Setting(here),
        Setting(here, "1", below=".."),
        Setting(here, "2", ("-B", "-O"), "moved_package"),
        Setting(here, "3", ("-B", "-OO", "-X", "no_debug_ranges")),
    ]
    others = {minor: path for path, minor in interpreters().items()}
    for minor, path in sorted(others.items()):
        if minor != sys.version_info[1]:
            print(f"also with 3.{minor}: {path}")
            found += [Setting(path, "6", below=".."), Setting(path, "7", ("-B", "-O"))]
    return found


def write(folder: Path) -> Path:
    """A folder with every program."""
    for name, text in {**programs(), **FILES}.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "told.json").write_text(json.dumps({"modules": sorted(programs()), "edits": edits()}))
    return folder


def identify(setting: Setting, folder: Path, root: Path) -> dict[str, str]:
    asked = subprocess.run(
        [setting.python, *setting.options, str(PROGRAM), str(folder), str(root)],
        env={"PYTHONHASHSEED": setting.hash_seed},
        cwd=folder / setting.below,
        check=False,
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 0, f"{setting}\n{asked.stderr}"
    found: dict[str, str] = json.loads(asked.stdout)
    return {name: each.replace(str(folder), "FOLDER") for name, each in found.items()}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, root: Path) -> dict[Setting, dict[str, str]]:
    """What each process says of each program; those of one setting have a folder of their own."""
    every = settings()
    folders = [write(tmp_path_factory.mktemp(f"traps_{count}")) for count, _ in enumerate(every)]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(every, pool.map(identify, every, folders, [root] * len(every)), strict=True))


def the_digest(answers: dict[Setting, dict[str, str]], *name: object) -> str:
    """The one digest that every process finds."""
    found = {setting: each[module(*name)] for setting, each in answers.items()}
    assert len(set(found.values())) == 1, found
    only = next(iter(found.values()))
    assert len(only) == 64, only
    return only


@pytest.mark.parametrize("name", WHAT_COUNTS)
def test_what_counts(answers: dict[Setting, dict[str, str]], name: str) -> None:
    trap, base = WHAT_COUNTS[name], the_digest(answers, name)
    for count, edit in enumerate(trap.same):
        assert the_digest(answers, name, "same", count) == base, edit
    seen = {base: "no edit"}
    for count, edit in enumerate(trap.other):
        found = the_digest(answers, name, "other", count)
        assert found not in seen, f"{edit} is as {seen[found]}"
        seen[found] = str(edit)


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_identity(answers: dict[Setting, dict[str, str]], name: str) -> None:
    _, what, remedy = REFUSED[name]
    for said in (each[module("refused", name)] for each in answers.values()):
        place, _, rest = said.partition(" ")
        assert place.startswith(("FOLDER/", "<string>:")), said
        assert what in rest, said
        assert remedy in rest.splitlines()[-1], said


@pytest.mark.parametrize("name", EDITED)
def test_a_file_edited_since_it_was_imported(answers: dict[Setting, dict[str, str]], name: str) -> None:
    for setting, each in answers.items():
        said = each[module("edited", name)]
        if name == "a lambda before it" and "no_debug_ranges" in setting.options:
            assert said == each[module("before", name)], "it is told by its code, which stands there still"
        else:
            assert "is not what its source says" in said, setting
            assert "import it again" in said


def test_an_edit_elsewhere_in_the_file(answers: dict[Setting, dict[str, str]]) -> None:
    assert the_digest(answers, "elsewhere") == the_digest(answers, "elsewhere", "before")


def test_a_second_start_reads_compiled_files(tmp_path: Path, root: Path) -> None:
    folder = write(tmp_path)
    setting = Setting(sys.executable, options=())
    first = identify(setting, folder, root)
    assert list(folder.glob("__pycache__/trap_comments.*.pyc"))
    unedited = {name: each for name, each in first.items() if len(each) == 64 and name not in edits()}
    write(folder)
    assert {
        name: each for name, each in identify(setting, folder, root).items() if name in unedited
    } == unedited


MAIN = "def helper(x):\n    return x + 1\ndef f(x):\n    return helper(x)\nmachine = arr(f)\n"


def test_a_program_is_what_it_is_imported(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "program.py"
    text = f"import sys\nsys.path.insert(0, {str(root)!r})\n{HEAD}{MAIN}"
    path.write_text(f"{text}from arrows import digest\nprint(digest(machine))\n")
    ran = subprocess.run([sys.executable, "-B", path], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == digest(load(tmp_path, text).machine)


# Under pytest, which compiles the asserts of a test module to something else

REWRITTEN = """\
def checked(x):
    assert x > 0, f"no {x}"
    return x


def around(f):
    assert callable(f)
    return lambda x: (f(x), [y for y in x if y])

"""


def checked(x: int) -> int:
    assert x > 0, "no"
    return x


def test_functions_of_a_test_module(tmp_path: Path) -> None:
    text = (
        f'{HEAD}def checked(x: int) -> int:\n    assert x > 0, "no"\n    return x\nmachine = arr(checked)\n'
    )
    assert "@pytest_ar" in globals(), "this module is rewritten"
    assert digest(arr(checked)) == digest(load(tmp_path, text).machine)


def test_edits_are_seen_under_pytest_too(tmp_path: Path, root: Path) -> None:
    plain = f"{HEAD}{REWRITTEN}machine = arr(around(checked))\n"
    test = (
        f"{plain}\nimport linecache\nimport pathlib\nimport pytest\nfrom arrows import digest\n\ndef test_it():\n"
        f"    assert digest(machine) == {digest(load(tmp_path, plain).machine)!r}\n"
        "    path = pathlib.Path(__file__)\n    path.write_text(path.read_text().replace('x > 0', 'x > 1'))\n"
        "    linecache.checkcache()\n    with pytest.raises(TypeError, match='is not what its source says'):\n"
        "        digest(machine)\n"
    )
    (tmp_path / "test_rewritten.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"pythonpath={root}"]
    ran = subprocess.run(
        [*command, "test_rewritten.py"], check=False, cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout
