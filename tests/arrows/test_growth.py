"""Building and compiling takes time in proportion to the machine, told by counting calls, not by a clock."""

from __future__ import annotations

import gc
import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arrows import Arrow, Left, arr, attempt, compile, compose, constant, keyed, left, loop
from arrows.term import sequence

_COUNT = itertools.count()

STEPS = 1.4
"""Ten times the nodes may take this much more than ten times the calls."""


def load(folder: Path, text: str) -> Any:
    path = folder / f"growth_{next(_COUNT)}.py"
    path.write_text("from arrows import *\nfrom arrows.term import sequence\nimport attrs\n" + text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Counted:
    calls = 0


@contextmanager
def counting() -> Iterator[Counted]:
    """Count what is called, in Python and in C, but nothing that the collector calls for what other tests left."""
    counted = Counted()

    def watch(_: Any, event: str, __: Any) -> None:
        if event in ("call", "c_call"):
            counted.calls += 1

    before = sys.getprofile()
    gc.collect()
    gc.disable()
    sys.setprofile(watch)
    try:
        yield counted
    finally:
        sys.setprofile(before)
        gc.enable()


def increase(x: int) -> int:
    return x + 1


def named(_: Path, size: int) -> Any:
    return sequence(*[arr(increase) for _ in range(size)])


def lambdas(folder: Path, size: int) -> Any:
    rows = "".join(f"    arr(lambda x: x + {number}),\n" for number in range(size))
    return load(folder, f"machine = sequence(\n{rows})\n").machine


def definitions(folder: Path, size: int) -> Any:
    rows = "".join(
        f"@proc\ndef f{number}(x: int) -> int:\n    return x + {number}\n" for number in range(size)
    )
    return load(folder, rows + f"machine = sequence({', '.join(f'f{n}' for n in range(size))})\n").machine


def balanced(_: Path, size: int) -> Any:
    row: list[Arrow[Any, Any]] = [arr(increase) for _ in range(size)]
    while len(row) > 1:
        row = [row[at] * row[at + 1] if at + 1 < len(row) else row[at] for at in range(0, len(row), 2)]
    return row[0]


def cases(folder: Path, size: int) -> Any:
    rows = "".join(f"@attrs.frozen\nclass C{number}:\n    x: int\n" for number in range(size))
    chosen = ", ".join(f"(C{number}, constant({number}))" for number in range(size))
    return load(folder, rows + f"machine = switch({chosen})\n").machine


def cells(_: Path, size: int) -> Any:
    return sequence(*[loop(lambda x, t: (x + t, t + x), init=0, name=f"c{number}") for number in range(size)])


def equal_cells(_: Path, size: int) -> Any:
    return sequence(*[loop(lambda x, t: (x + t, t + x), init=0, name="c") for _ in range(size)])


def sides(_: Path, size: int) -> Any:
    return sequence(*[arr(increase) + arr(increase) for _ in range(size)])


def attempts(_: Path, size: int) -> Any:
    return sequence(*[attempt(arr(increase)) for _ in range(size)])


def tables(_: Path, size: int) -> Any:
    return sequence(*[keyed(arr(increase), arr(increase), f"k{number}") for number in range(size)])


FORMS: list[Callable[[Path, int], Any]] = [
    named,
    lambdas,
    definitions,
    balanced,
    cases,
    cells,
    equal_cells,
    sides,
    attempts,
    tables,
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_ten_times_the_nodes_take_ten_times_the_calls(
    form: Callable[[Path, int], Any], tmp_path: Path
) -> None:
    sizes = (60, 600)
    form(tmp_path, 3)
    counts: list[tuple[int, int]] = []
    for size in sizes:
        with counting() as building:
            machine = form(tmp_path, size)
        with counting() as compiling:
            compile(machine)
        counts.append((building.calls, compiling.calls))
    for small, large in zip(*counts, strict=True):
        assert large <= small * 10 * STEPS + 1000, counts


@pytest.mark.parametrize(
    "line", ["    v{0} = x + {0}\n", "    n = n + x\n", "    n += x if n > {0} else 1\n"]
)
def test_a_longer_function_takes_calls_in_proportion(line: str, tmp_path: Path) -> None:
    """A `@proc` may be some hundred statements long. A name in it is a path as long as what was bound since."""
    counts = []
    for size in (40, 400):
        body = "".join(line.format(number) for number in range(size))
        text = f"@proc\ndef machine(x: int, *, n: int = 0) -> int:\n{body}    return n\n"
        with counting() as counted:
            compile(load(tmp_path, text).machine)
        counts.append(counted.calls)
    assert counts[1] <= counts[0] * 10 * 2, counts


def test_ten_thousand_nodes() -> None:
    program = compile(compose(*[arr(increase) for _ in range(10)]) >> sequence(*[arr(increase)] * 9_990))
    assert program.step((), 0) == ((), 10_000)
    assert compile(left(constant(1))).step((), Left(0))[1] == Left(1)
