"""`midflight check`: a good upgrade holds, and mistakes of all kinds are found and made small."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from runtime.loader import load
from runtime.trial import Finding, trials
from runtime.upgrade import compiled
from tests.test_command import ROOT, midflight

OLD = """
import attrs
from midflight import Application, keyed, proc

@attrs.frozen
class Add:
    key: str
    n: int

@attrs.frozen
class User:
    first: str = ""
    last: str = ""

@proc
def one(msg: Add, *, total: int = 0, user: User = User(), seen: tuple[int, ...] = ()) -> int:
    total += msg.n
    return total

@proc
def key(msg: Add) -> str:
    return msg.key

app = Application("users", version="1", machines={"users": keyed(one, key, "users")})
"""
NEW = """
import attrs
from midflight import DROP, Application, Migration, arr, keyed, proc

@attrs.frozen
class Add:
    key: str
    n: int

@attrs.frozen
class User:
    first: str = ""
    last: str = ""

@proc
def one(
    msg: Add, *, total: tuple[int, int] = (0, 0), user: tuple[str, str] = ("", ""), seen: tuple[int, ...] = ()
) -> int:
    total = (total[0], total[1] + msg.n)
    return total[0] + total[1]

@proc
def key(msg: Add) -> str:
    return msg.key

def up_total(total: int) -> tuple[int, int]:
    return (total, 0)

def down_total(total: tuple[int, int]) -> int:
    return total[0] + total[1]

def up_user(user: User) -> tuple[str, str]:
    return (user.first, user.last)

def down_user(user: tuple[str, str]) -> User:
    return User(user[0], user[1])

ways = Migration(
    "users", old="1", new="2",
    up={"users/total": arr(up_total), "users/user": arr(up_user)},
    down={"users/total": arr(down_total), "users/user": arr(down_user)},
)
app = Application("users", version="2", machines={"users": keyed(one, key, "users")}, migrations=[ways])
"""
MISTAKES = {
    "swapped fields": ("return (user.first, user.last)", "return (user.last, user.first)"),
    "swapped on the way down": ("User(user[0], user[1])", "User(user[1], user[0])"),
    "a field is left out": ("return (user.first, user.last)", 'return (user.first, "")'),
    "a field is left out on the way down": ("User(user[0], user[1])", "User(user[0])"),
    "half": ("return (total, 0)", "return (total // 2, 0)"),
    "twice": ("return (total, 0)", "return (total, total)"),
    "the sign": (
        "return total[0] + total[1]\n\ndef up_user",
        "return total[0] - total[1] - 1\n\ndef up_user",
    ),
    "small numbers only": ("return (total, 0)", "return (total % 100, 0)"),
    "raises": ("return (total, 0)", "return (total, 0 // (0 if total < 0 else 1))"),
    "another type": ("return (user.first, user.last)", "return (user.first, None)"),
    "no way down": (', "users/user": arr(down_user)},\n)', "},\n)"),
    "a lossy text": ("return (user.first, user.last)", "return (user.first.strip(), user.last)"),
}


def files(folder: Path, new: str) -> tuple[Path, Path]:
    (folder / "v1.py").write_text(OLD)
    (folder / "v2.py").write_text(new)
    return folder / "v1.py", folder / "v2.py"


def checked(folder: Path, new: str, seed: int | None = None) -> list[Finding]:
    old, other = (compiled(load(str(file)).unwrap()).unwrap() for file in files(folder, new))
    number = random.randrange(2**32) if seed is None else seed
    print("seed", number)
    return list(trials(old, other, 300, number, lambda *_: None))


def test_a_good_upgrade_holds(tmp_path: Path) -> None:
    found = checked(tmp_path, NEW)
    assert [(each.law, each.trials) for each in found] == [
        ("there and back", 300),
        ("written since", 300),
        ("replies", 300),
    ]
    assert not any(each.problem for each in found)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] if at % 6 else []) for at, name in enumerate(MISTAKES)],
)
def test_a_mistake_is_found(name: str, tmp_path: Path) -> None:
    good, bad = MISTAKES[name]
    assert NEW.count(good) == 1
    assert checked(tmp_path, NEW.replace(good, bad))[0].is_wrong


def test_an_example_is_small_and_comes_again_with_its_seed(tmp_path: Path) -> None:
    new = NEW.replace("return (total, 0)", "return (total % 100, 0)")
    found = checked(tmp_path, new, 7)
    assert "(100, " in found[0].example or "(-1, " in found[0].example, found
    assert checked(tmp_path, new, 7) == found


def test_another_reply_is_told_and_is_no_error(tmp_path: Path) -> None:
    found = checked(tmp_path, NEW.replace("return total[0] + total[1]\n\n@proc", "return total[1]\n\n@proc"))
    assert not any(each.is_wrong for each in found)
    assert "the old version answers" in found[-1].problem


def test_what_is_dropped_on_purpose_does_not_come_back(tmp_path: Path) -> None:
    dropped = NEW.replace(", seen: tuple[int, ...] = ()\n", "\n").replace(
        'up={"users/total"', 'up={"users/seen": DROP, "users/total"'
    )
    assert not any(each.problem for each in checked(tmp_path, dropped))


@pytest.mark.parametrize(
    "name", ["counter", *(pytest.param(name, marks=pytest.mark.long) for name in ("redis_like", "store"))]
)
def test_the_examples_hold(name: str) -> None:
    folder = ROOT / "examples" / name
    ran = midflight("check", folder / "v1.py", folder / "v2.py", "--trials", "100")
    assert (ran.returncode, "holds" in ran.stdout) == (0, True), ran.stdout


def test_the_command_tells_what_is_wrong_and_ends_with_1(tmp_path: Path) -> None:
    command = (
        "check",
        *files(tmp_path, NEW.replace("return (total, 0)", "return (total % 9, 0)")),
        "--trials",
        "50",
    )
    shown = midflight(*command)
    assert (shown.returncode, shown.stderr, "WRONG" in shown.stdout) == (1, "", True)
    assert "comes back as" in shown.stdout
    told = json.loads(midflight(*command, "--seed", "3", "--json").stdout)
    assert (told["ok"], told["seed"], told["findings"][0]["wrong"]) == (False, 3, True)
