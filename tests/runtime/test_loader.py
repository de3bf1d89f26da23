"""Files as versions of their own: side by side, private, and one line for each that cannot be loaded."""

from __future__ import annotations

import asyncio
import gc
import linecache
import sys
import textwrap
import traceback
import typing
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from runtime.application import Application
from runtime.beside import beside
from runtime.isolate import PREFIX
from runtime.loader import load
from runtime.testing import TestNode

COUNTER = """
from attrs import frozen
from midflight import Application, proc

@frozen
class Incr:
    by: int = 1

@proc
def counter(msg: Incr, *, count: int = 0) -> int:
    count += msg.by{more}
    return count

app = Application("counter", version="1", machines={{"counter": counter}})
"""


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def loaded(path: str) -> Application:
    return load(path).unwrap()


def why(path: str) -> str:
    match load(path):
        case Failure(refusal):
            text = str(refusal)
            assert "\n" not in text
            return text
        case Success(found):
            raise AssertionError(found)
    raise AssertionError


def message_class(application: Application, name: str = "Incr") -> type:
    from arrows.compile import compile
    from arrows.shape import Record, options

    (machine,) = application.machines.values()
    return next(
        each.cls
        for each in options(compile(machine).takes)
        if isinstance(each, Record) and each.cls.__name__ == name
    )


# Versions beside one another


def test_two_contents_of_one_path_stand_side_by_side(tmp_path: Path) -> None:
    one = loaded(written(tmp_path, "v1.py", COUNTER.format(more="")))
    other = loaded(written(tmp_path, "v1.py", COUNTER.format(more=" * 10")))
    assert one.digest != other.digest
    node = TestNode()
    node.start(one).unwrap()
    incr = message_class(one)
    assert node.call("counter", incr(2)) == 2
    node.upgrade(other).unwrap()
    assert node.call("counter", incr(2)) == 22


def test_an_unchanged_class_is_one_object_and_an_edited_one_is_not(tmp_path: Path) -> None:
    one = loaded(written(tmp_path, "v1.py", COUNTER.format(more="")))
    same = loaded(written(tmp_path, "v2.py", "# a comment\n" + COUNTER.format(more=" * 10")))
    edited = loaded(written(tmp_path, "v3.py", COUNTER.format(more="").replace("= 1\n", "= 2\n")))
    assert message_class(one) is message_class(same)
    assert message_class(one) is not message_class(edited)
    assert message_class(one)().by == 1


def test_one_content_has_one_digest_wherever_and_whenever_it_is_loaded(tmp_path: Path) -> None:
    one = loaded(written(tmp_path, "a/v1.py", COUNTER.format(more="")))
    other = loaded(written(tmp_path, "b/other.py", COUNTER.format(more="")))
    assert one.digest == other.digest


def test_a_data_class_of_each_kind_is_interned(tmp_path: Path) -> None:
    text = """
        import dataclasses, enum, typing
        from typing import NamedTuple
        import attrs, msgspec
        from midflight import Application, arr

        @dataclasses.dataclass(frozen=True)
        class D:
            n: "int" = 0
            later: dataclasses.KW_ONLY = None
        @attrs.frozen
        class A: n: int
        class S(msgspec.Struct, frozen=True): n: int
        class E(enum.Enum): RED = 1
        if True:
            @attrs.frozen
            class Inside: n: int
        class N(NamedTuple): n: int
        class Plain: n = 1
        class P(typing.Protocol):
            def m(self) -> int: ...
        seen = [D, A, S, E, Inside]
        own = [N, Plain, P]
        app = Application("x", version="1", machines={"m": arr(lambda x: (x, seen, own))})
        """
    path = written(tmp_path, "v1.py", textwrap.dedent(text))
    kept: list[tuple[Any, Any]] = []
    for _ in range(2):
        (machine,) = loaded(path).machines.values()
        code = machine.function  # type: ignore[attr-defined]
        kept.append((code.__globals__["seen"], code.__globals__["own"]))
    assert all(a is b for a, b in zip(kept[0][0], kept[1][0], strict=True))
    assert all(a is not b for a, b in zip(kept[0][1], kept[1][1], strict=True))


# A project's own modules


PROJECT = {
    "v1.py": "from runtime import message\nfrom migrations.deep import here\nimport tests, arrows.inner\n"
    "import json, attrs\nfrom midflight import Application, arr\nfrom . import beside\nfrom .beside import word\n"
    "assert arrows.inner.name == 'mine' and tests.where == here == word == 'project', (tests, here, word)\n"
    "def answer(n: int) -> str:\n    import late\n    return message + late.word\n"
    "app = Application('p', version='1', machines={'m': arr(answer)})\n",
    "runtime.py": "message = 'own '\n",
    "migrations/__init__.py": "",
    "migrations/deep.py": "from ..tests import where as here\nfrom . import sibling\n",
    "migrations/sibling.py": "from .deep import __name__ as other\n",
    "tests/__init__.py": "from .inner import *\n",
    "tests/inner.py": "__all__ = ['where']\nwhere = 'project'\n",
    "arrows/inner.py": "name = 'mine'\n",
    "beside.py": "word = 'project'\n",
    "late.py": "word = 'late'\n",
}


def test_the_projects_own_modules_win_and_nothing_global_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in PROJECT.items():
        written(tmp_path / "project", name, text)
    monkeypatch.chdir(tmp_path)
    import midflight  # noqa: F401 - what the environment has is loaded by now

    before, path = set(sys.modules), list(sys.path)
    application = loaded("project/v1.py")
    node = TestNode()
    node.start(application).unwrap()
    assert node.call("m", 1) == "own late"
    assert sys.path == path
    assert Path.cwd() == tmp_path
    assert {name for name in set(sys.modules) - before if not name.startswith(PREFIX)} == set()
    assert sys.modules["runtime"].__file__ == str(Path(__file__).parents[2] / "runtime" / "__init__.py")


def test_each_version_has_its_own_copy_of_what_it_imports(tmp_path: Path) -> None:
    text = (
        "import shared\nfrom midflight import Application, constant\n"
        "app = Application('p', version='1', machines={'m': constant(shared.value)})\n"
    )
    path = written(tmp_path, "v1.py", text)
    written(tmp_path, "shared.py", "value = 1\n")
    one = loaded(path)
    written(tmp_path, "shared.py", "value = 2\n")
    other = loaded(path)
    values = []
    for application in (one, other):
        node = TestNode()
        node.start(application).unwrap()
        values.append(node.call("m", 0))
    assert values == [1, 2]


def test_a_file_inside_a_package_is_a_module_of_it(tmp_path: Path) -> None:
    written(tmp_path, "shop/__init__.py", "")
    written(tmp_path, "shop/json.py", "raise RuntimeError('the package, not the standard library')\n")
    written(tmp_path, "shop/words.py", "word = 'ours'\n")
    text = (
        "import json\nfrom shop import words\nfrom .words import word\nfrom midflight import Application, constant\n"
        "assert words.word is word and json.dumps(1)\nimport shop.words as again\nassert again is words\n"
        "app = Application('p', version='1', machines={'m': constant(word)})\n"
    )
    assert loaded(written(tmp_path, "shop/v1.py", text)).name == "p"


def test_hints_resolve_after_loading_and_lines_are_the_users(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nimport attrs\nfrom midflight import Application, arr\n"
        "@attrs.frozen\nclass Inner:\n    n: int\n@attrs.frozen\nclass Outer:\n    inner: Inner\n"
        "def boom(o: Outer) -> int:\n    raise ValueError(o)\n"
        "app = Application('p', version='1', machines={'m': arr(boom)})\n"
    )
    application = loaded(written(tmp_path, "v1.py", text))
    outer = message_class(application, "Outer")
    gc.collect()
    inner = typing.get_type_hints(outer)["inner"]
    (machine,) = application.machines.values()
    with pytest.raises(ValueError, match="Outer") as raised:
        machine.function(outer(inner(1)))  # type: ignore[attr-defined]
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (last.lineno, last.line) == (11, "raise ValueError(o)")


def test_a_version_that_nobody_uses_leaves_nothing(tmp_path: Path) -> None:
    gc.collect()
    modules = {name for name in sys.modules if name.startswith(PREFIX)}
    lines = {name for name in linecache.cache if PREFIX in name}
    for number in range(5):
        path = written(tmp_path, f"v{number}.py", COUNTER.format(more=f" + {number}"))
        loaded(path)
        loaded(path + ":app")
        load(written(tmp_path, "bad.py", COUNTER.format(more="") + "1 / 0\n"))
    gc.collect()
    assert {name for name in sys.modules if name.startswith(PREFIX)} <= modules
    assert {name for name in linecache.cache if PREFIX in name} <= lines


# What cannot be loaded


APP = (
    "from midflight import Application, arr\napp = Application('a', version='1', machines={'m': arr(abs)})\n"
)

BAD: dict[str, tuple[str, str]] = {
    "syntax": ("x = 1\nif:\n", "v1.py:2: SyntaxError: "),
    "raises": ("def f():\n    1 / 0\nx = 0\nf()\n", "v1.py:2: ZeroDivisionError: division by zero"),
    "library": ("import json\njson.loads('{')\n", "v1.py:2: JSONDecodeError: "),
    "missing": (
        "\nimport no_such_library\n",
        "v1.py:2: ModuleNotFoundError: No module named 'no_such_library'",
    ),
    "exits": (
        "import sys\nsys.exit('bye')\n",
        "v1.py:2: ended the program while it was loaded (SystemExit: bye)",
    ),
    "interrupts": ("class Odd(BaseException): pass\nraise Odd('a\\nb')\n", "v1.py:2: Odd: a b"),
    "bytes": ("x = '\udcff'\n", "v1.py: SyntaxError: not text in UTF-8"),
    "zeros": ("x = '\0'\n", "source code string cannot contain null bytes"),
    "deep": ("x = " + "(" * 5000 + ")" * 5000 + "\n", "v1.py"),
    "none": ("x = 1\n", "v1.py: holds no Application; write app = Application(...)"),
    "a name that is not there": (
        "from helper_of_two import tax\n",
        "v1.py:1: ImportError: cannot import name 'tax' from 'helper_of_two' (",
    ),
    "a name of the folder": (
        "from . import tax\n",
        "v1.py:1: ImportError: cannot import name 'tax' from '.' (",
    ),
    "two": (
        APP + "other = Application('b', version='1', machines={'m': arr(abs)})\n",
        "(app, other); name one: v1.py:app",
    ),
    "build": (
        "from midflight import Application\n\napp = Application('a b', version='1', machines={})\n",
        "v1.py:3: ",
    ),
    "helper": ("import helper\n", "helper.py:2: NameError: name 'y' is not defined"),
    "helper syntax": ("import broken\n", "broken.py:1: SyntaxError: "),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_loaded_is_one_line_with_its_place(kind: str, tmp_path: Path) -> None:
    text, expected = BAD[kind]
    written(tmp_path, "helper.py", "x = 1\ny\n")
    written(tmp_path, "broken.py", "def\n")
    written(tmp_path, "helper_of_two.py", "")
    path = tmp_path / "v1.py"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert expected in why(str(path))


def test_a_signal_that_is_set_is_told_for_what_it_is(tmp_path: Path) -> None:
    """Only in the main thread that can be done, and a node executes a version in another one too."""
    path = written(tmp_path, "v1.py", f"import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\n{APP}")
    found = asyncio.run(beside(why, path))
    assert (
        "v1.py:2: ValueError: signal only works in main thread of the main interpreter; a node exec" in found
    )


def test_files_that_are_none(tmp_path: Path) -> None:
    assert why(str(tmp_path / "no.py")).endswith("no.py: there is no such file")
    assert "is a folder" in why(str(tmp_path))
    assert "is not a Python file" in why(written(tmp_path, "v1.txt", ""))
    assert "null" in why("a\0b.py")
    assert "is not a Python file" in why("/dev/null")
    assert load("x" * 5000 + ".py").failure()


def test_an_application_may_be_named(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "v1.py",
        APP + "same = app\nother = Application('b', version='1', machines={'m': arr(abs)})\n",
    )
    assert loaded(path + ":other").name == "b"
    assert "there is no 'third'; applications: app, other, same" in why(path + ":third")
    assert "'arr' is no Application but of type function" in why(path + ":arr")
    assert "cannot name a variable" in why(path + ":a b")
    assert loaded(written(tmp_path, "v2.py", APP + "same = app\n")).name == "a"
