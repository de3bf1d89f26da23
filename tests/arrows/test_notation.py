"""`@proc` against Python itself: what the function does as a step, and as it stands."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
import textwrap
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returns.result import Success

from arrows import Arrow, BuildError, arr, compile, decode, digest, encode, evaluate, left, pretty, proc, run
from tests.arrows.sources import MESSAGES, PRELUDE, Tally, Writer, plainly
from tests.long import LONG

_COUNT = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notation")


def load(folder: Path, text: str) -> ModuleType:
    """Import a text as a module of its own."""
    path = folder / f"written_{next(_COUNT)}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@settings(
    max_examples=1_200 if LONG else 60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), numbers=st.lists(st.integers(-3, 4), min_size=4, max_size=4))
def test_a_step_does_what_python_does(folder: Path, seed: int, numbers: list[int]) -> None:
    """Over random functions: outputs, errors, cells, and the cells of the arrows that are called."""
    writer = Writer(Random(seed))
    function = writer.function()
    arrows = "".join(f'{name} = loop(add_up, 0, "{name}")\n' for name in writer.arrows)
    real = load(folder, PRELUDE + arrows + "\n\n@proc\n" + function)
    print(function)
    plain: dict[str, Any] = dict(real.__dict__)
    exec(function, plain)
    program = compile(real.machine)
    print(program.source)
    programs = [program]
    match encode(real.machine):
        case Success(data):
            classes = [each for each in vars(real).values() if isinstance(each, type)]
            programs.append(compile(decode(data, classes).unwrap()))
    addresses = [slot.address for slot in program.slots]
    state = program.initial()
    for text in MESSAGES * 2:
        a, b, c, *_ = numbers
        message = eval(text.format(a=a, b=b, c=c), real.__dict__)
        numbers = [*numbers[1:], (numbers[0] * 7 + 3) % 9 - 4]
        expected = python(plain, message, dict(zip(addresses, state, strict=True)), writer.arrows)
        for step in [lambda s, m: evaluate(real.machine, s, m), *(each.step for each in programs)]:
            assert outcome(step, state, message, addresses) == expected, message
        state = tuple(expected[1][address] for address in addresses)


def python(
    names: dict[str, Any], message: Any, cells: dict[str, Any], arrows: list[str]
) -> tuple[str, dict[str, Any]]:
    tallies = {name: Tally() for name in arrows}
    for name, tally in tallies.items():
        tally.total = cells.get(name, 0)
    names.update(tallies)
    try:
        output, after = plainly(names["machine"], message, {name: cells[name] for name in ("n", "m")})
    except Exception as error:
        return told(error), cells
    after.update({name: tally.total for name, tally in tallies.items() if name in cells})
    return repr(output), after


def outcome(step: Any, state: Any, message: Any, addresses: list[str]) -> tuple[str, dict[str, Any]]:
    try:
        after, output = step(state, message)
    except Exception as error:
        return told(error), dict(zip(addresses, state, strict=True))
    return repr(output), dict(zip(addresses, after, strict=True))


def told(error: Exception) -> str:
    own = isinstance(error, ValueError | OverflowError | AssertionError)
    return f"{type(error).__name__}{error.args if own else ''}"


# By name: what random functions do not hold


def written(folder: Path, text: str) -> ModuleType:
    return load(folder, PRELUDE + textwrap.dedent(text))


def test_a_hundred_cases(folder: Path) -> None:
    """A long chain is deep as a tree, and neither Python's indentation nor its stack must feel it."""
    chain = "".join(
        f"        {'elif' if n else 'if'} x == {n}:\n            y = {n * n}\n" for n in range(100)
    )
    cases = "".join(f"            case {n}:\n                y = {n * n}\n" for n in range(100))
    module = written(
        folder,
        f"""
    @proc
    def by_if(x: int, *, n: int = 0) -> int:
        y = -1
{chain}
        n += y
        return n

    @proc
    def by_match(x: int, *, n: int = 0) -> int:
        y = -1
        match x:
{cases}
        n += y
        return n
    """,
    )
    for machine in (module.by_if, module.by_match):
        inputs = [0, 7, 99, 100, -1]
        assert run(machine, inputs) == [0, 49, 9850, 9849, 9848]
        assert run(decode(encode(machine).unwrap()).unwrap(), inputs) == [0, 49, 9850, 9849, 9848]
        assert evaluate(machine, (5,), 99) == ((9806,), 9806)
        assert len(digest(machine)) == 64
        assert pretty(machine)


def test_deep_nesting_is_a_clear_error(folder: Path) -> None:
    machine: Arrow[Any, Any] = arr(abs)
    for _ in range(400):
        machine = left(machine)
    with pytest.raises(BuildError, match="nested too deeply to compile"):
        compile(machine)
    assert "nested deeper than" in encode(machine).failure().what


def test_too_long_a_function_is_a_clear_error(folder: Path) -> None:
    lines = "".join(f"        x = x + {n}\n" for n in range(1200))
    with pytest.raises(BuildError, match="f is too long for @proc to read"):
        written(
            folder,
            f"""
    @proc
    def f(x: int) -> int:
{lines}
        return x
    """,
        )


def test_a_capture_is_bound_behind_the_match(folder: Path) -> None:
    module = written(
        folder,
        """
        @proc
        def f(msg: Incr | Pair) -> int:
            x = 100
            y = x
            match msg:
                case Incr(x):
                    y = 1
                case Pair(y=x):
                    y = 2
            z = x + y
            return z
        """,
    )
    v = module
    assert run(v.f, [v.Incr(5), v.Pair(0, 30)]) == [6, 32]


def test_a_container_of_the_library_is_matched_by_what_it_holds(folder: Path) -> None:
    module = written(
        folder,
        """
        from arrows import arr, attempt
        from returns.result import Failure, Success

        careful = attempt(arr(picky))

        @proc
        def f(x: int) -> int:
            match careful(x):
                case Success(value):
                    return value
                case Failure(OverflowError()):
                    return -1
            return 0
        """,
    )
    assert run(module.f, [3, 9]) == [2, -1]


def test_no_value_is_none(folder: Path) -> None:
    module = written(
        folder,
        """
        @proc
        def f(x: int, *, seen: tuple[int, ...] = ()) -> None:
            '''A word about it.'''
            seen = (*seen, x)
            if x > 1:
                return
        """,
    )
    assert run(module.f, [1, 2]) == [None, None]
    assert evaluate(module.f, ((),), 4) == (((4,),), None)


def test_everything_is_asked_once_and_in_the_order_of_python(folder: Path) -> None:
    function = """
def f(x: int, *, n: int = 0, m: int = 0) -> object:
    n, (m, y) = note(1), (note(2), note(3))
    z = {note(4): note(5), **{note(6): note(7)}}
    w = Pair(z=note(8), x=note(9), y=note(10))
    v = note(note(11), note(12), k=note(13)) if note(14) < asked(15) < note(16) else note(17)
    u = note(0) and note(18) or note(19)
    t = [note(20), *(note(21), note(22))][asked(1)]
    return note(23) > note(22) > note(24) < note(25)
"""
    module = written(
        folder,
        f"""
from arrows import arr

seen = []

def note(x, *rest, **named):
    seen.append(x)
    return x

asked = arr(note)

@proc
{function.strip()}
""",
    )
    orders = []
    plain = {**module.__dict__, "asked": module.note}
    exec(function, plain)
    for step in (
        lambda: plain["f"](0),
        lambda: compile(module.f).step((0, 0), 0),
        lambda: evaluate(module.f, (0, 0), 0),
    ):
        module.seen.clear()
        step()
        orders.append(list(module.seen))
    assert orders[0] == orders[1] == orders[2]
    assert len(orders[0]) > 20


REFUSED = {
    "a loop": ("for y in (1, 2):  # here\n    n += y", "plain function"),
    "while": ("while n:  # here\n    n -= 1", "plain function"),
    "with": ("with open('f') as f:  # here\n    pass", "Do it outside"),
    "try": ("try:  # here\n    n = 1\nexcept ValueError:\n    n = 2", "attempt"),
    "global": ("global LIMIT  # here", "keyword-only"),
    "nonlocal": ("import os  # here", "top of the file"),
    "def": ("def g(x):  # here\n    return x", "outside"),
    "class": ("class G:  # here\n    pass", "outside"),
    "del": ("n = 1\ndel n  # here", "Rebind"),
    "lambda": ("n = (lambda: 1)()  # here", "defined outside"),
    "comprehension": ("n = sum([y for y in (1, 2)])  # here", "plain function"),
    "generator": ("n = sum(y for y in (1, 2))  # here", "plain function"),
    "f-string": ("n = f'{n}'  # here", "formatting"),
    "walrus": ("n = (y := 2)  # here", "line of its own"),
    "slice": ("n = (1, 2)[0:1]  # here", "slicing"),
    "set": ("n = {1, 2}  # here", "frozenset"),
    "yield": ("yield n  # here", "answers once"),
    "method": ("n = 'a'.upper()  # here", "str.upper"),
    "spread": ("n = plus(*(1, 2))  # here", "Name every argument"),
    "spread by name": ("n = plus(**{'a': 1, 'b': 2})  # here", "Name every argument"),
    "item": ("n[0] = 1  # here", "rebind"),
    "attribute": ("msg.by = 1  # here", "rebind"),
    "augmented item": ("n[0] += 1  # here", "Bind one name"),
    "two targets": ("n = y = 1  # here", "Bind one name"),
    "star target": ("y, *n = 1, 2  # here", "as many names"),
    "no target": ("() = ()  # here", "as many names"),
    "only a type": ("y: int  # here", "to one value"),
    "unknown name": ("n = nowhere  # here", "define it above"),
    "unbound on a path": ("if n:\n    y = 1\nn = 2\nn = y  # here", "before the branch"),
    "a local name that is also global": (
        "if n:\n    LIMIT = 1\nn = 2\nn = LIMIT  # here",
        "before the branch",
    ),
    "augmenting a global": ("LIMIT += 1  # here", "before the branch"),
    "a function as a value": ("n = plus  # here", "Call it"),
    "a module as a value": ("n = operator  # here", "Call it"),
    "dunder": ("n = msg.__class__  # here", "plain function"),
    "unknown field": ("n = Incr(4, 5)  # here", "Leave the others out"),
    "field twice": ("n = Incr(4, by=5)  # here", "Leave the others out"),
    "missing field": ("n = Pair(y=1)  # here", "fields: x, y, z"),
    "wrong field": ("n = Pair(1, q=1)  # here", "fields: x, y, z"),
    "by name only": ("n = Pair(1, 2, 3)  # here", "Name the others"),
    "two inputs": ("n = tick(1, 2)  # here", "several as a tuple"),
    "an arrow by name": ("n = tick(x=1)  # here", "several as a tuple"),
    "calling a number": ("n = LIMIT(2)  # here", "Call a function"),
    "calling what is unknown": ("n = n(2)  # here", "before it runs|defined outside"),
    "own error": ("raise OSError('no')  # here", "Raise one of"),
    "a cause": ("raise ValueError('no') from None  # here", "Raise one of"),
    "error with names": ("raise ValueError(n=1)  # here", "values only"),
    "raise again": ("raise  # here", "Raise one of"),
    "isinstance of a value": ("n = isinstance(msg, n)  # here", "Name a class"),
    "sequence pattern": ("match msg:\n    case [y, z]:  # here\n        n = y", "Match on classes"),
    "mapping pattern": ("match msg:\n    case {'a': y}:  # here\n        n = y", "Match on classes"),
    "alternatives that capture": (
        "match msg:\n    case Incr(y) | Pair(y):  # here\n        n = y",
        "a case for each",
    ),
    "pattern of no class": ("match msg:\n    case plus():  # here\n        n = 1", "Match on classes"),
    "too many parts": ("match msg:\n    case Incr(1, 2):  # here\n        n = 1", "Name them"),
    "no such part": ("match msg:\n    case Incr(to=1):  # here\n        n = 1", "fields: by"),
    "part of what has none": ("match msg:\n    case Color(y):  # here\n        n = 1", "Name them"),
    "guarded capture of a bound name": (
        "y = 1\nmatch msg:\n    case Incr(y) if y > 1:  # here\n        n = y\nn = y",
        "name of its own",
    ),
    "guarded capture of a cell": (
        "match msg:\n    case Incr(n) if n > 1:  # here\n        pass",
        "name of its own",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_place_and_remedy(folder: Path, what: str) -> None:
    """What @proc does not know is an error at its line that says what to write instead."""
    body, remedy = REFUSED[what]
    lines = ["@proc", "def f(msg: Incr | Pair, *, n: int = 0) -> object:"]
    lines += [f"    {line}" for line in [*body.splitlines(), "return n"]]
    text = PRELUDE + 'tick = loop(add_up, 0, "tick")\n\n' + "\n".join(lines) + "\n"
    where = next(at for at, line in enumerate(text.splitlines(), 1) if "# here" in line)
    with pytest.raises(BuildError) as refused:
        load(folder, text)
    assert refused.value.where is not None, refused.value
    assert refused.value.where.line == where, refused.value
    assert Path(refused.value.where.file).parent == folder
    assert re.search(remedy, refused.value.remedy), refused.value


HEADS = {
    "def f(msg, *, n: int = 0): return n": "Annotate it",
    "def f(msg: Nowhere): return 1": "Define or import",
    "def f(msg: Incr, other: int): return 1": "one input",
    "def f(): return 1": "one input",
    "def f(*msg: Incr): return 1": "one input",
    "def f(msg: Incr, *, n): return 1": "Give it one",
    "def f(msg: list[set[int]]): return 1": "attrs.frozen",
    "async def f(msg: Incr): return 1": "def",
    "f = lambda msg: 1": "def",
}


@pytest.mark.parametrize("head", HEADS)
def test_refused_heads(folder: Path, head: str) -> None:
    text = f"@proc\n{head}\n" if "lambda" not in head else f"{head}\nproc(f)\n"
    with pytest.raises(BuildError) as refused:
        load(folder, PRELUDE + text)
    assert HEADS[head] in refused.value.remedy
    assert str(folder) in str(refused.value.where)


def test_a_function_without_source_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("def f(x: int) -> int:\n    return x\n", names)
    with pytest.raises(BuildError, match="has no source to read"):
        proc(names["f"])


def test_a_file_edited_since_it_was_imported_is_refused(folder: Path) -> None:
    module = load(folder, "def f(x: int) -> int:\n    return x\n")
    Path(str(module.__file__)).write_text("def f(x: int) -> int:\n    return x + 1\n")
    with pytest.raises(BuildError, match="is not what its source says"):
        proc(module.f)
