"""A program that is dropped is gone, with all that was put into caches for it."""

from __future__ import annotations

import gc
import importlib.util
import linecache
import sys
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

from arrows import (
    Arrow,
    arr,
    attempt,
    compile,
    constant,
    decode,
    diff,
    digest,
    encode,
    evaluate,
    keyed,
    loop,
    pretty,
    proc,
    switch,
)
from arrows.record import USED


@attrs.frozen
class Incr:
    by: int


@proc
def counter(msg: Incr, *, count: int = 0) -> int:
    if msg.by:
        count += 10 // msg.by
    return count


def halve(n: int) -> int:
    return n // 2


def machines(number: int) -> list[Arrow[Any, Any]]:
    """Machines of every kind, built afresh."""
    return [
        counter >> constant(number),
        arr(halve) >> arr(lambda n: n + 1),
        loop(lambda x, total: (x, total + x), init=number, name="total"),
        keyed(arr(halve), arr(lambda n: n), f"rows{number}"),
        attempt(arr(halve) >> arr(lambda n: 1 // n)),
        switch((int, arr(halve)), (str, arr(len))),
    ]


def generated() -> set[str]:
    return {name for name in linecache.cache if name.startswith("<midflight step")}


def test_everything_of_a_dropped_program_is_gone() -> None:
    gc.collect()
    before = generated()
    programs = [compile(machine) for machine in machines(1)]
    mine = generated() - before
    assert len(mine) == len(programs) - 1  # the machine with a @proc has the lines of this file
    watched = [weakref.ref(held) for program in programs for held in (program, program.step, program.term)]
    spaces = [weakref.ref(_Marked(program.step.__globals__)) for program in programs]
    for program in programs:
        with suppress(AttributeError, TypeError):
            program.step(program.initial(), object())
    del programs, program
    gc.collect()
    assert [each for each in watched if each() is not None] == []
    assert [each for each in spaces if each() is not None] == []
    assert generated() == before


class _Marked:
    """Lives in a namespace as long as it does."""

    def __init__(self, space: dict[str, Any]) -> None:
        space["__marked__"] = self


def test_a_failed_step_keeps_nothing_behind_its_error() -> None:
    program = compile(counter)
    step = weakref.ref(program.step)
    with pytest.raises(AttributeError):
        program.step((0,), "no message")  # type: ignore[arg-type]
    del program
    gc.collect()
    assert step() is None


def test_a_module_that_is_dropped_takes_its_arrows_and_classes_along(tmp_path: Path) -> None:
    text = """
import attrs
from arrows import proc

@attrs.frozen
class Message:
    by: int

@proc
def machine(msg: Message, *, n: int = 0) -> int:
    n += msg.by
    return n
"""
    (tmp_path / "dropped.py").write_text(text)
    used = len(USED)
    spec = importlib.util.spec_from_file_location("dropped", tmp_path / "dropped.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["dropped"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    program = compile(module.machine)
    assert program.step((1,), module.Message(2)) == ((3,), 3)
    digest(module.machine)
    watched = [weakref.ref(each) for each in (module.Message, module.machine, program.step)]
    del sys.modules["dropped"], module, spec, program
    gc.collect()
    assert [each for each in watched if each() is not None] == []
    assert len(USED) == used


def test_a_thousand_programs_leave_nothing() -> None:
    def work(count: int) -> None:
        for number in range(count):
            for machine in machines(number % 7):
                program = compile(machine)
                program.initial()
            pretty(machine)
            evaluate(machines(0)[0], None, Incr(1))
            data = encode(counter >> constant(number % 7)).unwrap()
            compile(decode(data).unwrap())
            diff(counter, counter >> constant(1))
        gc.collect()

    work(40)  # what is read once is kept, of so many files: texts, trees, shapes of classes
    modules, lines, blocks = set(sys.modules), len(linecache.cache), sys.getallocatedblocks()
    work(150)  # seven programs each
    grown = sys.getallocatedblocks() - blocks
    assert set(sys.modules) == modules
    assert len(linecache.cache) == lines
    assert grown < 500, f"{grown} blocks of memory"  # a program alone has some hundred
