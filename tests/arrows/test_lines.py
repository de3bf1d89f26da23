"""The lines of a `@proc` in tracebacks, `pdb`, `coverage` and traces are those of the user's file."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from types import CodeType, ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arrows import (
    Arrow,
    Left,
    Right,
    arr,
    attempt,
    compile,
    constant,
    decode,
    encode,
    evaluate,
    first,
    keyed,
    left,
    loop,
    parallel,
    patch,
)
from arrows.diff import diff
from arrows.effect import Suspended
from tests.arrows.sources import MESSAGES, PRELUDE, Tally, Writer
from tests.long import LONG

ROOT = Path(__file__).parent.parent.parent
_COUNT = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


def load(folder: Path, text: str, name: str = "") -> ModuleType:
    path = folder / f"{name or f'lines_{next(_COUNT)}'}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TALLY = """

@proc
def {0}(x: int, *, total: int = 0) -> int:
    if total + x > 40:
        raise OverflowError(total)
    total += x
    return total
"""


def lines_run(code: CodeType, call: Callable[[], Any], first: int) -> list[int]:
    """The lines below the head of a function that Python says it runs, in order."""
    run: list[int] = []

    def watch(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code is not code:
            return None
        if event == "line" and frame.f_lineno > first:
            run.append(frame.f_lineno)
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        call()
    except Exception as error:
        run.append(-len(type(error).__name__))
    finally:
        sys.settrace(before)
    return [line for line, _ in itertools.groupby(run)]


@settings(
    max_examples=1_500 if LONG else 75,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    numbers=st.lists(st.integers(-3, 4), min_size=3, max_size=3),
    apart=st.booleans(),
)
def test_a_step_runs_the_lines_that_python_runs(
    folder: Path, seed: int, numbers: list[int], apart: bool
) -> None:
    """Over random functions: the same lines in the same order as the undecorated function.

    The arrows that they call are in the same file, or functions of another.
    """
    writer = Writer(Random(seed))
    function = writer.function()
    arrows = "".join(f'{name} = loop(add_up, 0, "{name}")\n' for name in writer.arrows)
    if apart:
        other = load(folder, PRELUDE + "".join(TALLY.format(name) for name in writer.arrows)).__name__
        arrows = f"from {other} import *\n"
    head = PRELUDE + arrows + "\n\n@proc\n"
    real = load(folder, head + function)
    print(function)
    plain: dict[str, Any] = dict(real.__dict__)
    exec("\n" * head.count("\n") + function, plain)
    program = compile(real.machine)
    assert program.step.__code__.co_name == "machine"
    first, (a, b, c) = head.count("\n") + 1, numbers
    for text in MESSAGES:
        message = eval(text.format(a=a, b=b, c=c), real.__dict__)
        plain.update({name: Tally() for name in writer.arrows})
        expected = lines_run(plain["machine"].__code__, partial(plain["machine"], message), first)
        seen = lines_run(program.step.__code__, partial(program.step, program.initial(), message), first)
        assert seen == expected, message
        stepped = told_by(partial(evaluate, real.machine, program.initial(), message))
        assert told_by(partial(program.step, program.initial(), message)) == stepped, message


COUNTER = """\
from __future__ import annotations

import attrs

from arrows import arr, compile, compose, keyed, loop, proc


@attrs.frozen
class Incr:
    by: int


@attrs.frozen
class Read:
    pass


def share(n: int) -> int:
    return 12 // n


@proc
def counter(msg: Incr | Read, *, count: int = 0) -> int:
    \"\"\"Count.\"\"\"
    match msg:
        case Incr(by):
            if by > 3:
                count += share(by - 5)
            elif by < 0:
                raise ValueError("below", by)
            else:
                count = (
                    count
                    + 12 // by
                )
            return count
        case Read():
            pass
    return count % (count - 6)
"""


def at(text: str, source: str = COUNTER) -> int:
    (line,) = (number for number, each in enumerate(source.splitlines(), 1) if text in each)
    return line


def told(call: Callable[[], Any]) -> list[tuple[str, int, str, str]]:
    """File, line, function and text of each frame below this one that an error passes."""
    try:
        call()
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        return [
            (Path(each.filename).name, each.lineno or 0, each.name, each.line or "")
            for each in frames
            if each.filename != __file__
        ]
    raise AssertionError("nothing was raised")


@pytest.fixture(scope="module")
def counter(folder: Path) -> ModuleType:
    return load(folder, COUNTER, "counter_lines")


def test_a_traceback_shows_the_lines_of_the_function(counter: ModuleType) -> None:
    program = compile(counter.counter)
    file = "counter_lines.py"
    assert told(lambda: program.step((0,), counter.Incr(-1))) == [
        (file, at("raise Value"), "counter", 'raise ValueError("below", by)')
    ]
    assert told(lambda: program.step((0,), counter.Incr(0))) == [
        (file, at("12 // by"), "counter", "+ 12 // by")
    ]
    assert told(lambda: program.step((6,), counter.Read())) == [
        (file, at("count - 6"), "counter", "return count % (count - 6)")
    ]


def test_a_function_that_is_called_has_its_own_frame(counter: ModuleType) -> None:
    program = compile(counter.counter)
    assert told(lambda: program.step((0,), counter.Incr(5))) == [
        ("counter_lines.py", at("+= share"), "counter", "count += share(by - 5)"),
        ("counter_lines.py", at("12 // n"), "share", "return 12 // n"),
    ]


def test_a_traceback_underlines_the_expression(counter: ModuleType) -> None:
    program = compile(counter.counter)
    with pytest.raises(ZeroDivisionError) as caught:
        program.step((0,), counter.Incr(5))
    shown = "".join(traceback.format_exception(caught.value))
    assert re.search(r"\n    count \+= share\(by - 5\)\n             [~^]{13}\n", shown), shown


def test_no_class_of_the_match(folder: Path, counter: ModuleType) -> None:
    program = compile(counter.counter)
    frames = told(lambda: program.step((0,), "neither"))
    assert frames[0] == ("counter_lines.py", at("match msg"), "counter", "match msg:")


def test_the_program_says_what_stands_behind_a_line(counter: ModuleType) -> None:
    program = compile(counter.counter)
    assert f"  # {counter.__file__}:{at('raise Value')}\n" in program.source
    assert "pass\n" not in program.source
    assert program.source.startswith("def step(state, x):\n    c1, = state\n")


# Several functions and files

PARTS = """\
from __future__ import annotations

from arrows import proc
from parts_below import below, built


@proc
def above(x: int) -> int:
    y = x + 1
    z = below(
        y
    )
    return built(z) + 1


@proc
def beside(x: int) -> int:
    return 10 // x


both = above >> beside
"""

BELOW = """\
from __future__ import annotations

from arrows import arr, compose, proc


@proc
def deeper(x: int) -> int:
    return 100 // x


@proc
def below(x: int) -> int:
    return deeper(x - 1)


built = compose(arr(lambda x: x - 50), arr(lambda x: 20 // x))
"""


@pytest.fixture(scope="module")
def parts(folder: Path) -> ModuleType:
    load(folder, BELOW, "parts_below")
    return load(folder, PARTS, "parts_above")


def test_what_another_file_does_has_a_frame_of_that_file(parts: ModuleType) -> None:
    program = compile(parts.both)
    assert told(partial(program.step, (), 0)) == [
        ("parts_above.py", at("below(", PARTS), "step", "z = below("),
        ("parts_below.py", at("100 // x", BELOW), "below", "return 100 // x"),
    ]
    assert told(partial(program.step, (), 5)) == [
        ("parts_above.py", at("10 // x", PARTS), "step", "return 10 // x")
    ]
    assert f"  # {parts.__dict__['below'].origin.file}:8\n" in program.source


def test_each_function_of_another_file_has_its_name(folder: Path, parts: ModuleType) -> None:
    below, deeper = (sys.modules["parts_below"].__dict__[name] for name in ("below", "deeper"))
    both, turned = below >> deeper, deeper >> below
    for machine, x, name in ((both, 1, "below"), (both, 1000, "deeper"), (turned, 100, "below")):
        last = told(partial(compile(machine).step, (), x))[-1]
        assert last == ("parts_below.py", at("100 // x", BELOW), name, "return 100 // x")


def test_what_was_composed_in_another_file_is_at_the_line_that_called_it(parts: ModuleType) -> None:
    program = compile(parts.both)
    assert told(partial(program.step, (), 2)) == [
        ("parts_above.py", at("built(z)", PARTS), "step", "return built(z) + 1"),
    ]


def test_a_file_that_only_composes_shows_generated_lines_and_calls(counter: ModuleType) -> None:
    odd: Arrow[Any, Any] = arr(lambda either: either.value % 2)
    machine: Arrow[Any, Any] = left(counter.counter) >> odd
    program = compile(machine)
    state = program.initial()
    generated, own = told(partial(program.step, state, Left(counter.Incr(-1))))
    assert own == ("counter_lines.py", at("raise Value"), "counter", 'raise ValueError("below", by)')
    assert generated[0].startswith("<midflight step")
    assert generated[2:] == ("step", program.source.splitlines()[generated[1] - 1].strip())
    assert "= part" in generated[3]
    ((file, _, name, line),) = told(partial(program.step, state, Right("no number")))
    assert (file, name) == (generated[0], "step")
    assert line.endswith(", in <lambda>")


def test_cells_go_through_the_functions_of_other_files(folder: Path, counter: ModuleType) -> None:
    """A machine of two files does what `evaluate` does, step by step."""
    load(folder, SHARED, "shared_cell")
    module = load(folder, USING, "using_cell")
    for machine in (module.using, module.using & module.using, keyed(module.using, arr(str), "rows")):
        program = compile(machine)
        assert "part" in program.source
        state: Any = program.initial()
        for message in (1, 2, 0, 5, 2):
            expected = told_by(partial(evaluate, machine, state, message))
            assert told_by(partial(program.step, state, message)) == expected
            if isinstance(expected, tuple):
                state = expected[0]


SHARED = """\
from arrows import proc


@proc
def shared(x: int, *, seen: int = 0, last: int = -1) -> int:
    before = last
    last = x
    if x > 1:
        seen += 10 // (x - 2 if x < 5 else x)
        return seen
    elif x == 1:
        before = before * 2
    else:
        seen -= 1
    return before + seen
"""

USING = """\
from arrows import proc
from shared_cell import shared


@proc
def using(x: int, *, total: int = 0) -> int:
    total += shared(x)
    y = shared(total)
    if y > 3:
        y = shared(y)
    return y + total
"""


def told_by(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return repr(error)


def test_a_function_that_calls_another_keeps_its_name(parts: ModuleType) -> None:
    program = compile(parts.above)
    assert told(lambda: program.step((), 0))[0][2] == "above"


def test_no_line_is_ever_another_files(parts: ModuleType) -> None:
    for machine in (parts.both, parts.above, parts.below, parts.built, parts.beside * parts.below):
        code = compile(machine).step.__code__
        if code.co_filename.startswith("<"):
            continue
        whole = Path(code.co_filename).read_text().splitlines()
        for _, _, line in code.co_lines():
            assert line is None or whole[line - 1].strip()


def test_compositions(counter: ModuleType) -> None:
    """However a function is built in, its lines are its own."""
    step: Arrow[Any, Any] = counter.counter
    built: list[tuple[Arrow[Any, Any], Callable[[Any], Any]]] = [
        (step >> arr(str), lambda m: m),
        (arr(lambda m: m) >> step, lambda m: m),
        (parallel(constant(1), step), lambda m: (0, m)),
        (parallel(step, step), lambda m: (counter.Incr(1), m)),
        (left(step), Left),
        (keyed(step, arr(repr), "rows"), lambda m: m),
        (loop(first(step), init=1, name="kept"), lambda m: m),
        (step & step, lambda m: m),
        (patch(step, diff(step, step >> arr(str))), lambda m: m),
    ]
    for machine, given_by in built:
        program = compile(machine)
        message = given_by(counter.Incr(-1))
        frame = told(partial(program.step, program.initial(), message))[-1]
        assert frame == (
            "counter_lines.py",
            at("raise Value"),
            "counter",
            'raise ValueError("below", by)',
        )
    tried = compile(attempt(step))
    failed = tried.step(tried.initial(), counter.Incr(-1))[1].failure()
    assert traceback.extract_tb(failed.__traceback__)[-1].lineno == at("raise Value")


def test_a_machine_that_was_decoded_has_generated_lines(folder: Path) -> None:
    module = load(folder, "from arrows import proc\n\n\n@proc\ndef f(x: int) -> int:\n    return 1 // x\n")
    program = compile(decode(encode(module.f).unwrap()).unwrap())
    ((file, _, name, text),) = told(lambda: program.step((), 0))
    assert (file.startswith("<midflight step"), name) == (True, "step")
    assert text.startswith("v1 = 1 // x  # ")


def divide(x: int) -> int:
    return 1 // x


def test_generated_lines_name_the_place_where_the_arrow_was_built() -> None:
    machine = arr(divide) >> (arr(str) & constant(5))
    source = compile(machine).source
    here = Path(__file__).read_text().splitlines()
    line = next(number for number, each in enumerate(here, 1) if "machine = arr(divide)" in each)
    assert f"(x)  # {__file__}:{line}\n" in source
    assert source.splitlines()[-1] == "    return state, (v4, 5,)"


PAYING = """\
from __future__ import annotations

import attrs

from arrows import Effect, emit, perform, proc


@attrs.frozen
class Charge(Effect[int]):
    amount: int


@attrs.frozen
class Paid(Effect[None]):
    total: int


@proc
def pay(amount: int, *, total: int = 0) -> str:
    double = amount * 2
    left = perform(Charge(double))
    total += 100 // left
    if total > 50:
        emit(Paid(total))
    return "paid"
"""


def test_what_goes_on_behind_a_perform_has_the_lines_behind_it(folder: Path) -> None:
    program = compile(load(folder, PAYING, "paying_lines").pay)
    state, waiting, _ = program.begin((0,), 5)
    assert isinstance(waiting, Suspended)
    assert told(partial(program.resume, state, waiting, 0))[-1] == (
        "paying_lines.py",
        at("100 // left", PAYING),
        "pay",
        "total += 100 // left",
    )
    (code,) = {each.__code__ for each in program._resume.values()}
    run_now = lines_run(code, partial(program.resume, state, waiting, 1), 1)
    assert run_now == [
        at(text, PAYING) for text in ("= perform", "+= 100", "if total", "emit(Paid", "return")
    ]
    assert lines_run(program.begin.__code__, partial(program.begin, (0,), 5), 1) == [
        at(text, PAYING) for text in ("double = ", "= perform")
    ]


# Debuggers and coverage, as they are run

SCRIPT = (
    COUNTER
    + """

program = compile(counter)
state = program.initial()
for message in (Incr(1), Incr(2), Read()):
    state, output = program.step(state, message)
    print("answer", output)
"""
)


def run(*command: str, cwd: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_pdb_stops_at_a_line_and_lists_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SCRIPT)
    line = at("return count", SCRIPT.replace("return count %", ""))
    commands = (
        f"break app.py:{line};continue;list {line - 3}, {line};where;next;continue;clear 1;continue;quit;"
    )
    ran = run("-m", "pdb", "app.py", cwd=tmp_path, given=commands.replace(";", "\n"))
    assert f"app.py({line})counter()" in ran.stdout, ran.stdout + ran.stderr
    assert "-> return count\n" in ran.stdout
    assert f"{line} B->\t            return count" in ran.stdout
    assert (
        ran.stdout.count(f"> {tmp_path / 'app.py'}({line})counter()") >= 2
    )  # at the first and the second step
    assert "answer 12" in ran.stdout


def test_pdb_steps_from_line_to_line(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SCRIPT)
    line = at("match msg", SCRIPT)
    ran = run(
        *("-m", "pdb", "app.py"),
        cwd=tmp_path,
        given=f"break app.py:{line}\ncontinue\nnext\nnext\nnext\nnext\nquit\n",
    )
    stops = [
        each.partition("app.py(")[2].partition(")")[0]
        for each in ran.stdout.splitlines()
        if "counter()" in each
    ]
    expected = [line, at("case Incr", SCRIPT), at("by > 3", SCRIPT), at("by < 0", SCRIPT)]
    assert [int(each) for each in stops][:4] == expected, ran.stdout


@pytest.mark.parametrize("flags", [(), ("-O",)])
def test_coverage_counts_the_lines(tmp_path: Path, flags: tuple[str, ...]) -> None:
    (tmp_path / "app.py").write_text(SCRIPT)
    ran = run(*flags, "-m", "coverage", "run", "--include=app.py", "app.py", cwd=tmp_path)
    assert ran.stdout == "answer 12\nanswer 18\nanswer 6\n", ran.stderr
    ran = run("-m", "coverage", "json", "-o", "found.json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    (found,) = json.loads((tmp_path / "found.json").read_text())["files"].values()
    missing = [at("return 12 // n", SCRIPT), at("+= share", SCRIPT), at("raise Value", SCRIPT)]
    assert found["missing_lines"] == missing


def test_coverage_counts_the_lines_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "shared_cell.py").write_text(SHARED)
    (tmp_path / "using_cell.py").write_text(USING)
    app = (
        "from using_cell import using\nfrom arrows import arr, run\n\nprint(run(using >> arr(str), [1, 1]))\n"
    )
    (tmp_path / "app.py").write_text(app)
    ran = run("-m", "coverage", "run", "--source=.", "app.py", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    ran = run("-m", "coverage", "json", "-o", "found.json", cwd=tmp_path)
    files = json.loads((tmp_path / "found.json").read_text())["files"]
    assert {name: found["missing_lines"] for name, found in files.items()} == {
        "app.py": [],
        "shared_cell.py": [at("seen += 10", SHARED), at("return seen", SHARED)],
        "using_cell.py": [at("y = shared(y)", USING)],
    }


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
def test_monitoring_sees_the_lines(counter: ModuleType) -> None:
    monitoring: Any = sys.__dict__["monitoring"]
    program = compile(counter.counter)
    seen: list[int] = []
    tool = monitoring.DEBUGGER_ID
    monitoring.use_tool_id(tool, "lines")
    try:
        monitoring.register_callback(tool, monitoring.events.LINE, lambda _, line: seen.append(line))
        monitoring.set_local_events(tool, program.step.__code__, monitoring.events.LINE)
        program.step((3,), counter.Incr(6))
    finally:
        monitoring.set_local_events(tool, program.step.__code__, 0)
        monitoring.free_tool_id(tool)
    words = ("match msg", "case Incr", "by > 3", "+= share", "            return count")
    expected = [next(n for n, text in enumerate(COUNTER.splitlines(), 1) if word in text) for word in words]
    assert [line for line, _ in itertools.groupby(seen)] == expected
