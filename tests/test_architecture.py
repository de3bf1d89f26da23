"""The map of the code stays true: who imports whom, what is exported, how long things are."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("arrows", "migrations", "runtime")
MAY_IMPORT = {
    "arrows": {"arrows"},
    "migrations": {"arrows", "migrations"},
    "runtime": {"arrows", "migrations", "runtime"},
}
NO_IO = {"asyncio", "http", "logging", "os", "random", "socket", "sqlite3", "subprocess", "threading", "time"}
MODULE_LINES, FUNCTION_LINES = 300, 70
LONGER: dict[str, int] = {}
"""Modules that may be longer, and how long; may only shrink."""


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield (node.module or "").partition(".")[0], node.lineno


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    ours = {*PACKAGES, "midflight"}
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(package)
        for name, line in imports(path)
        if name in ours - MAY_IMPORT[package]
    ]
    assert not wrong


@pytest.mark.parametrize("package", ["arrows", "migrations"])
def test_values_do_no_io(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules(package)
        for name, line in imports(path)
        if name in NO_IO
    ]
    assert not wrong


def exported(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    raise AssertionError(f"{path} has no __all__")


def test_each_public_name_is_exported_once() -> None:
    by_package = {package: exported(ROOT / package / "__init__.py") for package in PACKAGES}
    everything = [name for names in by_package.values() for name in names]
    assert len(everything) == len(set(everything)), "a name in two packages"
    for package, names in by_package.items():
        assert names == sorted(names), f"{package}.__all__ is not sorted"
    facade = exported(ROOT / "midflight.py")
    assert facade == sorted(everything), "the facade is not the sum of the packages"


def test_what_is_exported_is_there() -> None:
    import midflight

    for name in midflight.__all__:
        assert hasattr(midflight, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_grows_long(package: str) -> None:
    for path in modules(package):
        name = str(path.relative_to(ROOT))
        lines = len(path.read_text().splitlines())
        assert lines <= LONGER.get(name, MODULE_LINES), f"{name}: {lines} lines: split it by meaning"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= FUNCTION_LINES, f"{name}:{node.lineno}: {node.name} has {length} lines"


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_are_named_after_what_they_know(package: str) -> None:
    vague = {"utils", "util", "helpers", "common", "manager", "misc"}
    for path in modules(package):
        assert path.stem not in vague
        assert path.stem == "__init__" or path.stem not in sys.stdlib_module_names, (
            f"{path} hides a standard module"
        )


def test_every_public_thing_has_a_docstring() -> None:
    import midflight

    bare = [
        name
        for name in midflight.__all__
        if callable(getattr(midflight, name)) and not getattr(midflight, name).__doc__
    ]
    assert not bare
