"""Which versions talk to which: in each direction, and what follows for the order of upgrades."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from arrows import arr, compile
from migrations import Migration, lens
from migrations.chain import Hop, Route
from migrations.compat import compat
from migrations.rule import Stop


@attrs.frozen
class Add:
    by: int


@attrs.frozen
class Plus:
    amount: int


@attrs.frozen
class Note:
    text: str


def machine(takes: Any, gives: Any) -> Any:
    def step(message: Any) -> Any:
        return message

    step.__annotations__ = {"message": takes, "return": gives}
    return compile(arr(step))


def route(old: Any, new: Any, **lenses: Any) -> Route:
    migration = Migration("m", old="1", new="2", **lenses)
    return Route("m", (Hop("1", "2", machine(*old), machine(*new), migration),))


RENAMED = {"inputs": [lens.rename("Add", "Plus"), lens.inside("Plus", lens.rename("by", "amount"))]}

CASES: list[tuple[str, Any, Any, dict[str, Any], str, bool, bool, bool]] = [
    ("nothing changed", (Add, int), (Add, int), {}, "any", True, True, False),
    ("a message more", (Add, int), (Add | Note, int), {}, "asked first", True, False, False),
    ("a message less, unsaid", (Add | Note, int), (Add, int), {}, "asking first", False, True, False),
    (
        "a message less, declared",
        (Add | Note, int),
        (Add, int),
        {"inputs": [lens.drop("Note")]},
        "any",
        True,
        True,
        False,
    ),
    ("a message renamed", (Add, int), (Plus, int), RENAMED, "asked first", True, False, True),
    ("a reply more", (Add, int), (Add, int | Note), {}, "asking first", False, True, False),
    (
        "a reply renamed",
        (Add, Add),
        (Add, Plus),
        {"replies": RENAMED["inputs"]},
        "asked first",
        True,
        False,
        True,
    ),
    ("all other", (Add, int), (Note, int), {}, "at once", False, False, False),
    ("a wider reply", (Add, int), (Add, float), {}, "asking first", False, True, False),
    ("a wider number", (int, int), (float, int), {}, "asked first", True, False, False),
]


@pytest.mark.parametrize(
    ("old", "new", "lenses", "order", "up", "down", "says"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_order(old: Any, new: Any, lenses: Any, order: str, up: bool, down: bool, says: bool) -> None:
    found = compat(route(old, new, **lenses))
    assert (found.order, not found.old_asks_new, not found.new_asks_old, found.says_version) == (
        order,
        up,
        down,
        says,
    )


def test_the_problems_are_named() -> None:
    found = compat(route((Add | Note, int), (Plus, int | Note)))
    assert found.old_asks_new == (
        'takes no {"type": "Add", "by": int}',
        'takes no {"type": "Note", "text": str}',
        'may answer {"type": "Note", "text": str}',
    )
    assert found.new_asks_old == ('takes no {"type": "Plus", "amount": int}',)


def test_two_classes_do_not_become_one_but_one_may_take_the_place_of_a_dropped() -> None:
    """As a rename of a field onto another is refused."""
    both = route((Add | Plus, int), (Plus, int), inputs=[lens.rename("Add", "Plus")])
    with pytest.raises(Stop, match="there is a class 'Plus' already"):
        both.inputs()
    led = [lens.drop("Plus"), lens.rename("Add", "Plus"), lens.inside("Plus", lens.rename("by", "amount"))]
    assert route((Add | Plus, int), (Plus, int), inputs=led).inputs().up(Add(3)) == Plus(3)
