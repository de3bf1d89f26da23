"""A pushdown machine: a mode that holds the mode below it is a stack.

It reads one sign at a time and tells what is open. An opening bracket wraps the present mode, the bracket that closes
it gives the mode below, and the wrong bracket ends it for good.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from midflight import modes, proc


@attrs.frozen
class Top:
    pass


@attrs.frozen
class Round:
    below: Top | Round | Square


@attrs.frozen
class Square:
    below: Top | Round | Square


@attrs.frozen
class Wrong:
    pass


Mode: TypeAlias = Top | Round | Square | Wrong


@proc
def at_top(at: tuple[str, Top]) -> tuple[str, Mode]:
    sign, mode = at
    if sign == "(":
        return "open", Round(mode)
    if sign == "[":
        return "open", Square(mode)
    return ("wrong", Wrong()) if sign in ")]" else ("balanced", mode)


@proc
def in_round(at: tuple[str, Round]) -> tuple[str, Mode]:
    sign, mode = at
    if sign == "(":
        return "open", Round(mode)
    if sign == "[":
        return "open", Square(mode)
    if sign == ")":
        return ("balanced" if isinstance(mode.below, Top) else "open"), mode.below
    return ("wrong", Wrong()) if sign == "]" else ("open", mode)


@proc
def in_square(at: tuple[str, Square]) -> tuple[str, Mode]:
    sign, mode = at
    if sign == "(":
        return "open", Round(mode)
    if sign == "[":
        return "open", Square(mode)
    if sign == "]":
        return ("balanced" if isinstance(mode.below, Top) else "open"), mode.below
    return ("wrong", Wrong()) if sign == ")" else ("open", mode)


@proc
def after_wrong(at: tuple[str, Wrong]) -> tuple[str, Mode]:
    _, mode = at
    return "wrong", mode


brackets = modes(
    (Top, at_top), (Round, in_round), (Square, in_square), (Wrong, after_wrong), init=Top(), name="nest"
)
