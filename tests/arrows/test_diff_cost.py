"""What a comparison costs grows as the machines do: counted in operations, which a busy machine does not change."""

from __future__ import annotations

import gc
import linecache
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from arrows import Arrow, attempt, constant, diff, get, named, parallel, proc, put, state, switch
from arrows.source import SOURCE
from arrows.term import sequence

Machine = Arrow[Any, Any]
SMALL, TIMES, MOST = 150, 10, 13.0

CLASSES = [type(f"Message{number}", (), {}) for number in range(SMALL * TIMES // 3 + 1)]


def leaves(start: int, count: int) -> list[Machine]:
    return [constant(start + at) for at in range(count)]


def stages(size: int, changed: bool) -> Machine:
    parts = leaves(0, size)
    if changed:
        parts[size // 2] = constant("changed")
    return sequence(*parts)


def scopes(size: int, changed: bool) -> Machine:
    """A tree of scopes, two in each."""

    def tree(first: int, count: int) -> Machine:
        if count == 1:
            return constant("changed" if changed and first == size // 6 else first)
        half = count // 2
        return named(f"n{first}", tree(first, half) >> tree(first + half, count - half))

    return tree(0, size // 2)


def one_in_another(size: int, changed: bool) -> Machine:
    """Scopes as deep as there are stages, the change at the bottom."""
    made: Machine = constant("changed" if changed else "bottom")
    for level in range(size // 30):
        around = sequence(*leaves(level * 30, 28), made)
        made = named(f"level{level}", around) if level % 2 else attempt(around)
    return made


def cells(size: int, changed: bool) -> Machine:
    def cell(number: int) -> Machine:
        inner = constant("changed" if changed and number == size // 8 else number)
        return state(f"cell{number}", 0, put(f"cell{number}") >> inner >> get(f"cell{number}"))

    return sequence(*map(cell, range(size // 4)))


def cases(size: int, changed: bool) -> Machine:
    def case(number: int) -> Machine:
        return constant(number) >> constant("changed" if changed and number == size // 6 else 0)

    return switch(*((CLASSES[number], case(number)) for number in range(size // 3)))


def sides(size: int, changed: bool) -> Machine:
    def tree(first: int, count: int) -> Machine:
        if count == 1:
            return constant("changed" if changed and first == size // 6 else first)
        half = count // 2
        return parallel(tree(first, half), tree(first + half, count - half))

    return tree(0, size // 2)


def notation(size: int, changed: bool) -> Machine:
    lines = [f"    total = total * {number} + x" for number in range(2, size // 12 + 2)]
    if changed:
        lines[len(lines) // 2] = "    total = x"
    text = "\n".join(["def long(x: int, *, total: int = 0) -> int:", *lines, "    return total", ""])
    file = f"<{size}, {changed}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "long", SOURCE: {file: text}}
    exec(compile(text, file, "exec"), names)
    made: Machine = proc(names["long"])
    return made


def operations(old: Machine, new: Machine) -> int:
    """How many lines and instructions of Python a comparison runs, without what the collector runs for others."""
    count = 0

    def step(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event in ("opcode", "line")
        return step

    before = sys.gettrace()
    gc.collect()
    gc.disable()
    sys.settrace(step)
    try:
        found = diff(old, new)
    finally:
        sys.settrace(before)
        gc.enable()
    assert found
    return count


@pytest.mark.parametrize("form", [stages, scopes, one_in_another, cells, cases, sides, notation])
def test_ten_times_the_machine_is_about_ten_times_the_work(form: Callable[[int, bool], Machine]) -> None:
    operations(
        form(SMALL, False), form(SMALL, True)
    )  # Python 3.12 begins to tell of instructions in a second run
    few = operations(form(SMALL, False), form(SMALL, True))
    many = operations(form(SMALL * TIMES, False), form(SMALL * TIMES, True))
    assert many / few <= MOST, f"{few} operations, then {many}"
