"""The fixture `assert_upgrades`, in a real run of pytest over the files of a project, as the docs tell it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.rehearsal import rehearse
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


TILL = """
import attrs
from midflight import Application, Migration, arr, lens, proc

@attrs.frozen
class Pay:
    cents: int

@attrs.frozen
class Fax:
    number: str

@attrs.frozen
class Paid:
    total: int

@proc
def till(msg: Pay | Fax, *, total: int = 0) -> Paid:
    match msg:
        case Pay(cents=cents):
            total += cents
        case Fax():
            total += 0
    return Paid(total)

app = Application("shop", version="1", machines={"till": till})
"""
TO_2 = """
from typing import Union

@attrs.frozen
class Payment:
    amount: int
    currency: str

@attrs.frozen
class Refused:
    why: str

@attrs.frozen
class Paid2:
    sum: int

def answer(total: int) -> Paid2 | Refused:
    return Paid2(total)

@proc
def till_2(msg: Payment, *, total: tuple[int, int] = (0, 0)) -> Paid2 | Refused:
    total = divmod(total[0] * 10 + total[1] + msg.amount, 10)
    return answer(total[0] * 10 + total[1])

def tens(total: int) -> tuple[int, int]:
    return divmod(total, 10)

def total(tens: tuple[int, int]) -> int:
    return tens[0] * 10 + tens[1]

to_2 = Migration(
    "till",
    old="1",
    new="2",
    lenses=[lens.inside("total", lens.convert(arr(tens), arr(total)))],
    inputs=[
        lens.rename("Pay", "Payment"),
        lens.inside("Payment", lens.rename("cents", "amount"), lens.add("currency", "EUR")),
        lens.drop("Fax"),
    ],
    replies=[lens.rename("Paid", "Paid2"), lens.inside("Paid2", lens.rename("total", "sum"))],
)
app = Application("shop", version="2", machines={"till": till_2}, migrations=[to_2])
"""
JSON = [
    {"type": "Pay", "cents": 7},
    {"type": "Fax", "number": "555"},
    {"type": "Pay", "cents": 12},
    {"type": "Pay", "cents": -30},
]


def tills(folder: Path, second: str = TO_2) -> tuple[Path, Path]:
    old, new = folder / "till_1.py", folder / "till_2.py"
    old.write_text(TILL)
    new.write_text(TILL + second)
    return old, new


def test_messages_may_be_plain_json_and_go_through_lenses(tmp_path: Path) -> None:
    old, new = tills(tmp_path)
    rehearse(old, new, JSON, trials=10, seed=1)
    rehearse(old, new, [("till", each) for each in JSON], trials=0)


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        (
            "return Paid2(total)",
            "return Paid2(abs(total))",
            "to message 4, Pay(cents=-30), the old version alone answers {'type': 'Paid', 'total': -11}, "
            "and here the answer is {'type': 'Paid', 'total': 11}",
        ),
        (
            "return Paid2(total)",
            'return Paid2(total) if total else Refused("")',
            "the answer is {'type': 'Refused', 'why': ''}, which the old version cannot say (",
        ),
        ('lens.drop("Fax"),', "", 'till would no longer take {"type": "Fax", "number": str}'),
        ('"currency", "EUR"', '"currency", 5', "what is added as 'currency' does not fit"),
        (
            'lens.rename("cents", "amount")',
            'lens.rename("cents", "amount"), lens.inside("amount", lens.convert(arr(abs), arr(abs)))',
            "till, messages (seed 1): (0, Pay(cents=-1)) goes up to Payment(amount=1, currency='EUR') and comes back "
            "as Pay(cents=1)",
        ),
    ],
)
def test_mistakes_in_lenses_of_messages_are_told(good: str, bad: str, told: str, tmp_path: Path) -> None:
    assert TO_2.count(good) == 1
    old, new = tills(tmp_path, TO_2.replace(good, bad))
    trace = [*JSON, {"type": "Pay", "cents": 11}] if "Refused" in bad else JSON if "Paid2(abs" in bad else []
    with pytest.raises(AssertionError) as problem:
        rehearse(old, new, trace, trials=20, seed=1)
    assert told in str(problem.value), str(problem.value)


def test_what_is_no_message_is_told_and_not_taken_for_one_that_both_refuse(tmp_path: Path) -> None:
    with pytest.raises(
        AssertionError, match=r"\{'type': 'Pay', 'cents': '1'\} is no message of till: cents: "
    ):
        rehearse(*tills(tmp_path), [{"type": "Pay", "cents": "1"}], trials=0)


def test_it_goes_through_versions_between(tmp_path: Path) -> None:
    old, between = tills(tmp_path)
    last = tmp_path / "till_3.py"
    to_3 = 'Migration("till", old="2", new="3")'
    last.write_text((TILL + TO_2).replace('version="2"', 'version="3"').replace("=[to_2]", f"=[{to_3}]"))
    with pytest.raises(AssertionError, match="no migrations lead from version 1 to 3"):
        rehearse(old, last, JSON, trials=0)
    rehearse(old, last, JSON, trials=10, seed=1, through=[between])
