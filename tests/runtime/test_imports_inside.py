"""Imports inside functions belong to the version: to its identity, to its texts, and to nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from returns.result import Failure

from arrows.origin import BuildError
from runtime.application import Application
from runtime.editions import Editions
from runtime.loader import load
from runtime.testing import TestNode
from tests.runtime.engines import Power, Simulated

MAIN = """
from midflight import Application, arr
def f(n: int) -> int:
    {statement}
    return n + {value}
app = Application("a", version="1", machines={{"m": arr(f)}})
"""
WAYS = {
    "import late": "late.word",
    "import late as other": "other.word",
    "from late import word": "word",
    "from .late import word as own": "own",
    "import package.late as deep": "deep.word",
    "import package.late": "package.late.word",
}


def project(folder: Path, statement: str, value: str, word: int) -> Application:
    for place in (folder, folder / "package"):
        place.mkdir(exist_ok=True)
        (place / "late.py").write_text(f"from {'.' if place == folder else ''}deeper import word\n")
        (place / "deeper.py").write_text(f"word = {word}\n")
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "late.py").write_text("from .deeper import word\n")
    (folder / "main.py").write_text(MAIN.format(statement=statement, value=value))
    return load(str(folder / "main.py")).unwrap()


def deleted(folder: Path) -> None:
    for file in folder.rglob("*.py"):
        file.write_text("raise RuntimeError('edited since')\n")


@pytest.mark.parametrize("statement", WAYS)
def test_what_a_function_imports_is_the_versions(statement: str, tmp_path: Path) -> None:
    power = Power()
    one = project(tmp_path, statement, WAYS[statement], 1)
    deleted(tmp_path)
    two = project(tmp_path, statement, WAYS[statement], 2)
    deleted(tmp_path)
    assert one.digest != two.digest
    node = TestNode(store=Simulated(power, automatic=True))
    node.start(one).unwrap()
    assert node.call("m", 10) == 11
    node.upgrade(two).unwrap()
    assert node.call("m", 10) == 12
    node.rollback("a").unwrap()
    assert node.call("m", 10) == 11
    again = TestNode(store=Simulated(power, automatic=True))
    again.start(one).unwrap()
    assert again.call("m", 10) == 11


def test_a_comment_in_what_a_function_imports_is_no_other_version(tmp_path: Path) -> None:
    one = project(tmp_path, "import late", "late.word", 1)
    assert one.digest
    (tmp_path / "deeper.py").write_text("# a comment\nword = 1\nunused = 2\n")
    assert load(str(tmp_path / "main.py")).unwrap().digest == one.digest


def test_what_cannot_be_known_before_it_runs_is_refused(tmp_path: Path) -> None:
    found = project(tmp_path, "import importlib", "importlib.import_module('late').word", 1)
    with pytest.raises(BuildError, match="import_module"):
        _ = found.digest
    assert isinstance(TestNode().start(found), Failure)


def test_a_library_that_is_not_there_is_the_functions_to_expect(tmp_path: Path) -> None:
    statement = "try:\n        import no_such_library\n    except ImportError:\n        pass"
    assert project(tmp_path, statement, "1", 1).digest


def test_an_edition_is_needed_for_as_long_as_the_log_may_speak_of_it() -> None:
    editions = Editions({"version/old"}, 5)
    assert editions.unused(4) == frozenset()
    assert editions.unused(5) == {"version/old"}
    assert editions.unused(9) == frozenset()
    editions.seen((), {"version/through"}, 12)
    assert editions.unused(11) == frozenset()
    assert editions.unused(12) == {"version/through"}
