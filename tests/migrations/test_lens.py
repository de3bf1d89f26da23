"""Lenses: both directions, what up throws away, and what they refuse."""

from __future__ import annotations

import enum
import re
from typing import Annotated, Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrows import BuildError, Secret, arr
from arrows.shape import shape_of
from migrations import lens
from migrations.lens import Lens
from migrations.resolve import way
from migrations.rule import Search, Stop
from migrations.rules import RULES
from migrations.way import Way


@attrs.frozen
class Home:
    street: str
    city: str


@attrs.frozen
class Flat:
    street: str


@attrs.frozen
class User:
    name: str
    age: int
    home: Home


@attrs.frozen
class Renamed:
    full_name: str
    age: int
    home: Home


@attrs.frozen
class Without:
    name: str
    home: Home


@attrs.frozen
class With:
    name: str
    age: int
    home: Home
    mail: str


@attrs.frozen
class Hoisted:
    name: str
    age: int
    home: Flat
    city: str


@attrs.frozen
class Named:
    first: str
    last: str
    age: int
    home: Home


@attrs.frozen
class Text:
    text: str
    size: int = 0


@attrs.frozen
class Team:
    members: list[User]


@attrs.frozen
class Band:
    players: list[Without]


class Light(enum.Enum):
    RED = 1
    AMBER = 2


class Signal(enum.Enum):
    STOP = 1
    AMBER = 2


ANN = User("ann lee", 30, Home("high st", "rome"))


def divide(name: str) -> tuple[str, str]:
    first, _, last = name.partition(" ")
    return first, last


def together(names: tuple[str, str]) -> str:
    return " ".join(names)


def length(text: str) -> int:
    return len(text)


def made(old: Any, new: Any, *lenses: Lens) -> Way:
    return way(shape_of(old), shape_of(new), lenses, Search(RULES))


CASES: list[tuple[str, Any, Any, tuple[Lens, ...], Any, Any]] = [
    ("rename", User, Renamed, (lens.rename("name", "full_name"),), ANN, Renamed("ann lee", 30, ANN.home)),
    ("add", User, With, (lens.add("mail", "none"),), ANN, With("ann lee", 30, ANN.home, "none")),
    ("drop", User, Without, (lens.drop("age"),), ANN, Without("ann lee", ANN.home)),
    (
        "convert",
        User,
        User,
        (lens.inside("age", lens.convert(arr(lambda n: n + 1), arr(lambda n: n - 1))),),
        ANN,
        User("ann lee", 31, ANN.home),
    ),
    ("wrap", str, Text, (lens.wrap("text"),), "a", Text("a", 0)),
    ("unwrap", Text, str, (lens.drop("size"), lens.unwrap("text")), Text("a", 3), "a"),
    (
        "move out",
        User,
        Hoisted,
        (lens.move("home/city", "city"),),
        ANN,
        Hoisted("ann lee", 30, Flat("high st"), "rome"),
    ),
    (
        "move in",
        Hoisted,
        User,
        (lens.move("city", "home/city"),),
        Hoisted("ann lee", 30, Flat("high st"), "rome"),
        ANN,
    ),
    (
        "split",
        User,
        Named,
        (lens.split("name", ("first", "last"), arr(divide), arr(together)),),
        ANN,
        Named("ann", "lee", 30, ANN.home),
    ),
    (
        "merge",
        Named,
        User,
        (lens.merge(("first", "last"), "name", arr(together), arr(divide)),),
        Named("ann", "lee", 30, ANN.home),
        ANN,
    ),
    (
        "each",
        list[User],
        list[Without],
        (lens.each(lens.drop("age")),),
        [ANN],
        [Without("ann lee", ANN.home)],
    ),
    (
        "inside one another",
        Team,
        Band,
        (
            lens.rename("members", "players"),
            lens.inside("players", lens.each(lens.drop("age"))),
        ),
        Team([ANN, attrs.evolve(ANN, age=4)]),
        Band([Without("ann lee", ANN.home)] * 2),
    ),
    (
        "values of a dict",
        dict[str, User],
        dict[str, Renamed],
        (lens.each(lens.rename("name", "full_name")),),
        {"a": ANN},
        {"a": Renamed("ann lee", 30, ANN.home)},
    ),
    (
        "rekey",
        dict[int, str],
        dict[str, str],
        (lens.rekey(arr(str), arr(int)),),
        {1: "a", 2: "b"},
        {"1": "a", "2": "b"},
    ),
    ("members", Light, Signal, (lens.rename("RED", "STOP"),), Light.RED, Signal.STOP),
    ("optional", User | None, Without | None, (lens.drop("age"),), ANN, Without("ann lee", ANN.home)),
    (
        "a class of several",
        User | Text,
        Renamed | Text,
        (lens.rename("User", "Renamed"), lens.inside("Renamed", lens.rename("name", "full_name"))),
        ANN,
        Renamed("ann lee", 30, ANN.home),
    ),
    ("lossy", str, int, (lens.convert(arr(length), lossy=True),), "four", 4),
]


@pytest.mark.parametrize(
    ("old", "new", "lenses", "before", "after"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_up_and_back(old: Any, new: Any, lenses: tuple[Lens, ...], before: Any, after: Any) -> None:
    one = made(old, new, *lenses)
    lost = None if one.lost is None else one.lost(before)
    assert one.up(before) == after
    assert one.back(one.up(before), lost) == before


# What up throws away


def test_without_the_complement_down_has_what_the_lens_says_or_nothing() -> None:
    assert made(User, Without, lens.drop("age", 18)).back(Without("a", ANN.home), None) == User(
        "a", 18, ANN.home
    )
    none = made(User, Without, lens.drop("age"))
    assert none.down is None
    with pytest.raises(ValueError, match="nothing says what age was"):
        none.back(Without("a", ANN.home), None)


def test_a_default_of_the_old_class_stands_for_what_was_dropped() -> None:
    assert made(Text, str, lens.drop("size"), lens.unwrap("text")).back("x", None) == Text("x", 0)


def test_what_was_written_since_is_kept_beside_what_comes_back() -> None:
    one = made(User, Without, lens.drop("age"))
    assert one.lost is not None
    assert one.back(Without("eve", ANN.home), one.lost(ANN)) == User("eve", 30, ANN.home)


def people(*ages: int) -> list[User]:
    return [User(f"user {age}", age, ANN.home) for age in ages]


def plain(*ages: int) -> list[Without]:
    return [Without(f"user {age}", ANN.home) for age in ages]


CHANGED = Without("renamed", ANN.home)

LISTS = [
    ("as it was", plain(1, 2, 3), [1, 2, 3]),
    ("one more behind", [*plain(1, 2, 3), CHANGED], [1, 2, 3, 0]),
    ("one more before", [CHANGED, *plain(1, 2, 3)], [0, 1, 2, 3]),
    ("one less", plain(1, 3), [1, 3]),
    ("another order", plain(3, 1, 2), [3, 1, 2]),
    ("one changed in its place", [*plain(1), CHANGED, *plain(3)], [1, 2, 3]),
    ("one changed and one less", [CHANGED, *plain(3)], [0, 3]),
    ("one twice", plain(1, 1, 2), [0, 0, 2]),
]


@pytest.mark.parametrize(("now", "ages"), [c[1:] for c in LISTS], ids=[c[0] for c in LISTS])
def test_an_item_has_its_own_complement_wherever_it_stands(now: list[Without], ages: list[int]) -> None:
    one = made(list[User], list[Without], lens.each(lens.drop("age", 0)))
    assert one.lost is not None
    back = one.back(now, one.lost(people(1, 2, 3)))
    assert [user.age for user in back] == ages


def test_nobody_has_what_was_another_ones() -> None:
    """Of two that look alike one is gone: which, nobody can say."""
    one = made(list[User], list[Without], lens.each(lens.drop("age", 0)))
    twins = [User("twin", 1, ANN.home), User("twin", 2, ANN.home), *people(3)]
    assert one.lost is not None
    lost = one.lost(twins)
    assert one.back(one.up(twins), lost) == twins
    assert [user.age for user in one.back(one.up(twins)[1:], lost)] == [0, 3]


def test_a_dict_goes_by_its_keys() -> None:
    one = made(dict[str, User], dict[str, Without], lens.each(lens.drop("age", 0)))
    assert one.lost is not None
    lost = one.lost({"a": ANN, "b": attrs.evolve(ANN, age=4)})
    back = one.back({"b": CHANGED, "c": CHANGED}, lost)
    assert {key: user.age for key, user in back.items()} == {"b": 4, "c": 0}


def test_a_lossy_arrow_keeps_the_value_until_it_is_written() -> None:
    one = made(str, int, lens.convert(arr(length), arr(lambda n: "x" * n), lossy=True))
    assert one.lost is not None
    lost = one.lost("four")
    assert one.back(4, lost) == "four"
    assert one.back(3, lost) == "xxx"
    assert one.back(4, None) == "xxxx"


homes = st.builds(Home, st.text(), st.text())
users = st.builds(User, st.text(), st.integers(), homes)


@given(st.lists(users), st.lists(st.builds(Without, st.text(), homes)))
def test_laws(before: list[User], written: list[Without]) -> None:
    """Back is the inverse of up; what was written since is there again after a further up."""
    one = made(list[User], list[Without], lens.each(lens.drop("age", 0)))
    assert one.lost is not None
    lost = one.lost(before)
    assert one.back(one.up(before), lost) == before
    assert one.up(one.back(written, lost)) == written


@given(users)
def test_laws_of_records(before: User) -> None:
    lenses = (
        lens.move("home/city", "city"),
        lens.inside("age", lens.convert(arr(lambda n: n * 2), arr(lambda n: n // 2))),
    )
    one = made(User, Hoisted, *lenses)
    assert one.down is not None
    assert one.down(one.up(before)) == before


# Refusals


@attrs.frozen
class Hidden:
    text: Annotated[str, Secret]


@attrs.frozen
class Open:
    shown: str


STOPS: list[tuple[Any, Any, tuple[Lens, ...], str]] = [
    (
        User,
        Renamed,
        (lens.rename("nme", "full_name"),),
        "nme to full_name: there is no field 'nme' here; there are name, age, home",
    ),
    (
        User,
        Renamed,
        (lens.rename("name", "age"),),
        r"there is a field 'age' already \(rename or drop it before\)",
    ),
    (
        User,
        Without,
        (lens.inside("name", lens.convert(arr(str), arr(str))),),
        r"Without has no field 'age' \(drop\('age'\), or rename it\)",
    ),
    (
        User,
        With,
        (lens.rename("name", "name"),),
        r"the new field 'mail' of With has no default \(add\('mail', VALUE\)\)",
    ),
    (User, With, (lens.add("mail", 1),), "what is added as 'mail' does not fit: expected str, found 1"),
    (User, User, (lens.convert(arr(str)), lens.drop("age")), "both speak of the whole value"),
    (User, User, (lens.each(lens.drop("age")),), "each speaks of items"),
    (str, int, (lens.rekey(arr(str)),), "rekey speaks of keys"),
    (str, int, (lens.drop("age"),), "str has no fields"),
    (
        User,
        Hoisted,
        (lens.inside("home", lens.drop("city")), lens.move("home/street", "city")),
        "another lens takes apart",
    ),
    (Light, Signal, (lens.drop("RED"),), "says nothing of an enum"),
    (Light, Signal, (lens.rename("GREEN", "STOP"),), "there are the members RED, AMBER"),
    (User | Text, Renamed | Text, (lens.drop("User"),), "says nothing of a union"),
    (
        User | Text,
        Renamed | Text,
        (lens.rename("Usr", "Renamed"),),
        "there is no class 'Usr' here; there are User, Text",
    ),
    (Hidden, Open, (lens.rename("text", "shown"),), "secret and would not be"),
    (Team, Band, (lens.rename("members", "players"),), "would be lost"),
]


@pytest.mark.parametrize(("old", "new", "lenses", "words"), STOPS)
def test_refused(old: Any, new: Any, lenses: tuple[Lens, ...], words: str) -> None:
    with pytest.raises(Stop) as stop:
        made(old, new, *lenses)
    assert re.search(words, str(stop.value.unclear)), str(stop.value.unclear)


def test_two_keys_that_become_one_are_refused() -> None:
    one = made(dict[int, str], dict[int, str], lens.rekey(arr(lambda n: n % 2)))
    with pytest.raises(ValueError, match="two keys became one"):
        one.up({1: "a", 3: "b"})


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda: lens.convert(abs), "not an arrow"),  # type: ignore[arg-type]
        (lambda: lens.inside("a", "b"), "no lens"),  # type: ignore[arg-type]
        (lambda: lens.rename("a//b", "c"), "no name of a part"),
        (lambda: lens.rename(1, "c"), "no name of a part"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_lens_is_refused_where_it_is_written(what: Any, words: str) -> None:
    with pytest.raises(BuildError, match=words) as refused:
        what()
    assert refused.value.where is not None
    assert refused.value.where.file == __file__
