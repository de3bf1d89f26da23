"""`midflight check`: a good upgrade holds, and mistakes of all kinds are found and made small."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner, Result

from arrows import arr, identity, state
from migrations import Migration, lens
from migrations.lens import Lens
from runtime.application import Application
from runtime.cli import app
from runtime.loader import load
from runtime.side_by_side import is_back_again, versions
from runtime.trial import Finding, Trial, trials
from runtime.upgrade import compiled, compiled_through
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


TRIALS = 100


def files(folder: Path, new: str, old: str = OLD) -> tuple[Path, Path]:
    (folder / "v1.py").write_text(old)
    (folder / "v2.py").write_text(new)
    return folder / "v1.py", folder / "v2.py"


def tried(folder: Path, new: str, seed: int | None = None) -> Iterator[Finding]:
    old, other = (compiled(load(str(file)).unwrap()).unwrap() for file in files(folder, new))
    number = random.randrange(2**32) if seed is None else seed
    print("seed", number)
    return trials(old, other, TRIALS, number)


def laws(found: Iterable[Finding]) -> dict[str, Finding]:
    return {each.law: each for each in found}


def check(*words: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, words)])


def test_a_good_upgrade_holds(tmp_path: Path) -> None:
    found = laws(tried(tmp_path, NEW))
    assert not any(each.problem for each in found.values()), found
    assert [(each.law, each.trials) for each in found.values()] == [
        (law, TRIALS) for law in ("there and back", "written since", "replies")
    ]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found(name: str, tmp_path: Path) -> None:
    good, bad = MISTAKES[name]
    assert NEW.count(good) == 1
    assert next(tried(tmp_path, NEW.replace(good, bad))).is_wrong


def test_an_example_is_small_and_comes_again_with_its_seed(tmp_path: Path) -> None:
    new = NEW.replace("return (total, 0)", "return (total % 100, 0)")
    found = next(tried(tmp_path, new, 7))
    assert "(100, " in found.example or "(-1, " in found.example, found
    assert next(tried(tmp_path, new, 7)) == found


def test_another_reply_is_told_and_is_no_error(tmp_path: Path) -> None:
    new = NEW.replace("return total[0] + total[1]\n\n@proc", "return total[1]\n\n@proc")
    found = laws(tried(tmp_path, new))
    assert not any(each.is_wrong for each in found.values())
    assert "the old version answers" in found["replies"].problem


def test_what_is_dropped_on_purpose_does_not_come_back(tmp_path: Path) -> None:
    dropped = NEW.replace(", seen: tuple[int, ...] = ()\n", "\n").replace(
        'up={"users/total"', 'up={"users/seen": DROP, "users/total"'
    )
    assert not any(each.problem for each in tried(tmp_path, dropped))


@pytest.mark.parametrize("name", ["counter", "redis_like", "store"])
def test_the_examples_hold(name: str) -> None:
    folder = ROOT / "examples" / name
    ran = check(folder / "v1.py", folder / "v2.py", "--trials", "50")
    assert (ran.exit_code, "holds" in ran.output) == (0, True), ran.output


SMALL = """
from midflight import Application, Migration, arr, identity, state

def up(n: int) -> int:
    return n % 9

ways = Migration("m", old="1", new="2", up={{"n": arr(up)}}, down={{"n": identity()}})
app = Application("a", version="{}", machines={{"m": state("n", 0, identity())}}, migrations=[ways])
"""


def test_the_command_tells_what_is_wrong_and_ends_with_1(tmp_path: Path) -> None:
    old, new = tmp_path / "v1.py", tmp_path / "v2.py"
    for number, file in enumerate((old, new), 1):
        file.write_text(SMALL.format(number))
    shown = midflight("check", old, new, "--trials", "50", "--seed", "3")
    assert (shown.returncode, shown.stderr, "WRONG" in shown.stdout) == (1, "", True)
    assert "comes back as" in shown.stdout
    told = json.loads(check(old, new, "--trials", "50", "--seed", "3", "--json").stdout)
    assert (told["ok"], told["seed"], told["findings"][0]["wrong"]) == (False, 3, True)


def test_the_command_takes_versions_between(tmp_path: Path) -> None:
    files = [tmp_path / f"v{number}.py" for number in (1, 2, 3)]
    for number, file in enumerate(files, 1):
        text = SMALL.format(number).replace("n % 9", "n")
        file.write_text(text.replace('old="1", new="2"', f'old="{number - 1}", new="{number}"'))
    alone = check(files[0], files[2], "--trials", "5")
    assert (alone.exit_code, "no migrations lead from version 1 to 3" in alone.output) == (1, True)
    ran = check(files[0], files[2], "--through", files[1], "--trials", "5")
    assert (ran.exit_code, "holds" in ran.output) == (0, True), ran.output


# With lenses: what is lost, messages, notes, versions between


@attrs.frozen
class Ann:
    name: str = ""
    fax: str = ""


@attrs.frozen
class Bob:
    name: str = ""


@attrs.frozen
class Pay:
    cents: int


@attrs.frozen
class Payment:
    amount: int


@attrs.frozen
class Text:
    amount: str


def double(number: int) -> int:
    return 2 * number


def half(number: int) -> int:
    return number // 2


def text(number: int) -> str:
    return str(number)


def number(text: str) -> int:
    return int(text)


def pay(message: Pay) -> int:
    return message.cents


def payment(message: Payment) -> int:
    return message.amount


def doubled(message: Pay) -> int | str:
    return 2 * message.cents


def whole(number: float) -> float:
    return 1 if number == 1.0 else number


def read(message: Text) -> int:
    return len(message.amount)


def version(
    label: str, init: Any, lenses: Any = (), body: Any = None, of: Any = None, **messages: Any
) -> Application:
    ways = [Migration("m", old=str(int(label) - 1), new=label, lenses=lenses, **messages)]
    body = identity() if body is None else arr(body)
    machines = {"m": state("held", init, body, of=of)}
    return Application("a", version=label, machines=machines, migrations=ways if lenses or messages else ())


def found(*several: Application) -> dict[str, Finding]:
    old, *between, new = several
    return laws(trials(compiled(old).unwrap(), compiled_through(new, between).unwrap(), TRIALS, 1))


def wrong(found: dict[str, Finding]) -> list[str]:
    return [law for law, each in found.items() if each.is_wrong]


def test_what_lenses_lose_comes_back_where_it_is_at_hand() -> None:
    honest = lens.inside("held", lens.drop("fax", ""))
    assert wrong(found(version("1", Ann()), version("2", Bob(), [honest]))) == []
    lossy = lens.inside("held", lens.convert(arr(half), arr(double), lossy=True))
    assert wrong(found(version("1", 0), version("2", 0, [lossy]))) == []
    silent = lens.inside("held", lens.convert(arr(half), arr(double)))
    assert wrong(found(version("1", 0), version("2", 0, [silent]))) == ["there and back"]
    drifting = lens.inside("held", lens.convert(arr(half), identity(), lossy=True))
    held = found(version("1", 0), version("2", 0, [drifting]))
    assert wrong(held) == ["there and back"]
    assert "without what was lost" in held["there and back"].problem


def test_values_that_python_takes_for_equal_are_not_the_same() -> None:
    lens_ = lens.inside("held", lens.convert(arr(whole), identity()))
    several = version("1", 1.0, of=int | float), version("2", 1.0, [lens_], of=int | float)
    trial = Trial(versions("m", *(compiled(each).unwrap() for each in several)).unwrap())
    assert trial.there_and_back((2.0,)) == ""
    assert "comes back as (1,)" in trial.there_and_back((1.0,))


def test_no_way_back_without_what_was_lost_is_a_fact() -> None:
    only = lens.inside("held", lens.convert(arr(half)))
    held = found(version("1", 0), version("2", 0, [only]))
    assert wrong(held) == []
    assert "no way back: m: " in held["without what was lost"].problem


def test_messages_that_lenses_convert_come_back() -> None:
    def between(*lenses: Lens) -> dict[str, Finding]:
        renamed = [lens.rename("Pay", "Text"), lens.inside("Text", lens.rename("cents", "amount"), *lenses)]
        return found(version("1", 0, (), pay), version("2", 0, (), read, inputs=renamed))

    assert wrong(between(lens.inside("amount", lens.convert(arr(text), arr(number))))) == []
    held = between(lens.inside("amount", lens.convert(arr(text), arr(len))))
    assert wrong(held) == ["messages"]
    renamed = [lens.rename("Pay", "Payment"), lens.inside("Payment", lens.rename("cents", "amount"))]
    same = found(version("1", 0, (), pay), version("2", 0, (), payment, inputs=renamed))
    assert not any(each.problem for each in same.values())
    twice = lens.inside("amount", lens.convert(arr(double), arr(half)))
    renamed[1] = lens.inside("Payment", lens.rename("cents", "amount"), twice)
    other = found(version("1", 0, (), pay), version("2", 0, (), payment, inputs=renamed))
    assert (wrong(other), "the new one 2" in other["replies"].problem) == ([], True)


def test_one_reply_that_only_the_new_version_gives_hides_no_other() -> None:
    """Each answer is held against the other by itself."""
    held = found(version("1", 0, (), pay), version("2", 0, (), doubled))
    assert wrong(held) == []
    assert "the new one 2" in held["replies"].problem


def test_what_structure_refuses_is_told_and_is_no_error() -> None:
    two = [compiled(each).unwrap() for each in (version("1", 0), version("2", 0.0))]
    trial, uneven = Trial(versions("m", *two).unwrap()), (2**53 + 1,)
    assert "refused by structure" in [law for law, _, _ in trial.laws()]
    assert trial.there_and_back(uneven) == ""
    assert "migrating the cell 'held' raised" in trial.refused(uneven)


def test_a_message_that_structure_refuses_is_no_error() -> None:
    """The class of messages gets a wider number: a message that no float equals is refused, and nothing is lost."""
    two = [compiled(version(*each)).unwrap() for each in (("1", 0, (), pay), ("2", 0, (), wide_pay()))]
    both = versions("m", *two).unwrap()
    (led,) = both.converted
    assert led.is_inferred
    assert [is_back_again(both, led, Pay(each)) for each in (2**53 + 1, 3)] == ["", ""]


def wide_pay() -> Any:
    @attrs.frozen
    class Pay:
        cents: float
        currency: str = "EUR"

    def step(message: Any) -> int:
        return int(message.cents)

    step.__annotations__ = {"message": Pay, "return": int}
    return step


def test_a_machine_or_a_message_that_is_gone_is_told() -> None:
    two = Application("a", version="2", machines={"other": identity()})
    gone = found(version("1", 0), two)["there and back"]
    assert (gone.is_wrong, "the machine 'm'" in gone.problem) == (True, True), gone
    held = found(version("1", 0, (), pay), version("2", 0, (), payment))
    assert wrong(held) == ["there and back"]
    assert "Pay" in held["there and back"].problem


def test_it_goes_through_versions_between() -> None:
    one, two = version("1", 0), version("2", "0", [lens.inside("held", lens.convert(arr(text), arr(number)))])
    three = version("3", ["0"], [lens.inside("held", lens.convert(arr(listed), arr(first)))])
    assert wrong(found(one, two, three)) == []
    assert "there are 2 to 3" in found(one, three)["there and back"].problem
    mistaken = version("3", ["0"], [lens.inside("held", lens.convert(arr(listed), arr(str.__str__)))])
    assert wrong(found(one, two, mistaken)) == ["there and back"]


def listed(text: str) -> list[str]:
    return [text]


def first(texts: list[str]) -> str:
    return texts[0]
