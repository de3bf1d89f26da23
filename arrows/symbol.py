"""The values of the compile-time run: what a wire carries while code is being written for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, assert_never

import attrs


@attrs.frozen
class Atom:
    """A variable or a literal of the generated function."""

    text: str


@attrs.frozen
class Tup:
    """A tuple that nothing has needed as one yet."""

    items: tuple[Symbol, ...]


@attrs.frozen
class Choice:
    """`left` on the left where `test` (an expression) is true, else `right` on the right."""

    test: str
    left: Symbol
    right: Symbol


@attrs.frozen
class Side:
    """A value known to be on one side: "Left" or "Right"."""

    name: str
    held: Symbol


Symbol: TypeAlias = Atom | Tup | Choice | Side

UNIT = Atom("None")

NEVER = Atom("")
"""What comes out of a path that raises: nothing does, and nothing is written behind it."""


def text(symbol: Symbol) -> str:
    """The expression that builds the value."""
    match symbol:
        case Atom(text=words):
            return words
        case Tup(items=items):
            return "(" + "".join(f"{text(item)}, " for item in items).removesuffix(" ") + ")"
        case Side(name=name, held=held):
            return f"{name}({text(held)})"
        case Choice(test=test, left=left, right=right):
            return f"(Left({text(left)}) if {test} else Right({text(right)}))"
        case _:
            assert_never(symbol)


def meet(symbols: Sequence[Symbol], assign: Sequence[list[str]], name: str) -> Symbol:
    """Join the symbols of several branches into one that stands for whichever ran.

    Where they differ, each branch assigns its own to a common variable: the statements are appended to
    `assign`, a list for each branch. Tuples of one length are joined item by item, sides side by side.
    """
    one = symbols[0]
    if all(each == one for each in symbols):
        return one
    tuples = [each.items for each in symbols if isinstance(each, Tup)]
    if len(tuples) == len(symbols) and len({len(items) for items in tuples}) == 1:
        columns = zip(*tuples, strict=True)
        return Tup(tuple(meet(column, assign, f"{name}_{at}") for at, column in enumerate(columns)))
    choices = [each for each in map(_choice, symbols) if each]
    if len(choices) == len(symbols):
        return _meet_choices(choices, assign, name)
    for symbol, statements in zip(symbols, assign, strict=True):
        statements.append(f"{name} = {text(symbol)}")
    return Atom(name)


_NOWHERE = Atom("None")
"""What is held on the side that a choice never takes."""


def _choice(symbol: Symbol) -> Choice | None:
    """A symbol as a choice, if it is known to be a `Left` or a `Right`."""
    match symbol:
        case Choice():
            return symbol
        case Side(name="Left", held=held):
            return Choice("True", held, _NOWHERE)
        case Side(name="Right", held=held):
            return Choice("False", _NOWHERE, held)
        case _:
            return None


def _meet_choices(choices: Sequence[Choice], assign: Sequence[list[str]], name: str) -> Symbol:
    def side(never: str, pick: str) -> Symbol:
        both = [
            (each, statements) for each, statements in zip(choices, assign, strict=True) if each.test != never
        ]
        own: list[list[str]] = [[] for _ in both]
        met = meet([getattr(each, pick) for each, _ in both], own, f"{name}_{pick}") if both else _NOWHERE
        for (each, statements), made in zip(both, own, strict=True):
            statements += [_taken(each.test, pick, statement) for statement in made]
        return met

    left, right = side("False", "left"), side("True", "right")
    test = meet([Atom(each.test) for each in choices], assign, f"{name}_is_left")
    return Choice(text(test), left, right)


def _taken(test: str, pick: str, statement: str) -> str:
    """An assignment that reads what one side holds only where that side is taken: else it may not be bound."""
    if test in ("True", "False"):
        return statement
    name, _, value = statement.partition(" = ")
    return f"{name} = ({value}) if {'' if pick == 'left' else 'not '}({test}) else None"
