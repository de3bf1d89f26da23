"""The fixture `assert_upgrades`, in a real run of pytest over the files of a project, as the docs tell it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_check_command import NEW, OLD
from tests.test_command import ROOT

PAGE = (ROOT / "docs" / "migrations.md").read_text()
RECIPE = """
from users_1 import Add

def test_the_upgrade(assert_upgrades):
    trace = [Add("ann", 2), Add("bob", 3), Add("ann", -1)]
    assert_upgrades("users_1.py", "users_2.py", trace, trials=20, seed=1)
"""


def ran(folder: Path, new: str, test: str = RECIPE) -> subprocess.CompletedProcess[str]:
    (folder / "users_1.py").write_text(OLD)
    (folder / "users_2.py").write_text(new)
    (folder / "test_upgrade.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "midflight_pytest", "-p", "no:cacheprovider"]
    python = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", python, *command[3:]], cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_good_upgrade_passes(tmp_path: Path) -> None:
    shown = ran(tmp_path, NEW)
    assert (shown.returncode, "1 passed" in shown.stdout) == (0, True), shown.stdout


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        (
            "return total[0] + total[1]\n\n@proc",
            "return total[1]\n\n@proc",
            "users, upgraded after 1 message of 3: to message 3, Add(key='ann', n=-1), "
            "the old version alone answers 1, and here the answer is -1",
        ),
        (
            "return (user.first, user.last)",
            "return (user.last, user.first)",
            "users, there and back (seed 1): (",
        ),
        ("    down={", "    down={} and {", "users: the cell 'users/total' goes from"),
        (
            "def up_total(total: int) -> tuple[int, int]:\n    return (total, 0)",
            "def up_total(total: int) -> tuple[int, int]:\n    return (total, total)",
            "users, upgraded after 1 message of 3 and rolled back at once: the state was",
        ),
    ],
)
def test_a_failure_says_what_went_wrong_in_plain_text(good: str, bad: str, told: str, tmp_path: Path) -> None:
    assert NEW.count(good) == 1
    shown = ran(tmp_path, NEW.replace(good, bad))
    assert shown.returncode == 1, shown.stdout
    assert told in shown.stdout, shown.stdout


def test_the_recipe_of_the_docs_runs(tmp_path: Path) -> None:
    (test,) = re.findall(r"```python\n(# test_upgrade\.py\n.*?)```", PAGE, re.DOTALL)
    shown = ran(tmp_path, NEW, test)
    assert (shown.returncode, "1 passed" in shown.stdout) == (0, True), shown.stdout


def test_a_machine_may_be_meant_to_answer_otherwise(tmp_path: Path) -> None:
    new = NEW.replace("return total[0] + total[1]\n\n@proc", "return total[1]\n\n@proc")
    shown = ran(tmp_path, new, RECIPE.replace("seed=1", "seed=1, differs=('users',)"))
    assert shown.returncode == 0, shown.stdout


def test_pytest_begins_without_midflight() -> None:
    code = "import sys, midflight_pytest; print(sorted({'arrows', 'runtime', 'hypothesis'} & {*sys.modules}))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
