"""The map of the code stays true: who imports whom, what is exported, how long things are."""

import ast
import inspect
import re
import subprocess
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
# pathlib is not among them: a path is a value, and what names a place in source needs it.
NO_IO = {
    *(
        "asyncio",
        "concurrent",
        "http",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "random",
        "secrets",
    ),
    *("select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile"),
    *("threading", "time", "urllib"),
}
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


def in_order(names: list[str]) -> list[str]:
    """Constants, then classes, then the rest, each by the alphabet: the order the linter keeps."""
    return sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))


def test_each_public_name_is_exported_once() -> None:
    by_package = {package: exported(ROOT / package / "__init__.py") for package in PACKAGES}
    everything = [name for names in by_package.values() for name in names]
    assert len(everything) == len(set(everything)), "a name in two packages"
    for package, names in by_package.items():
        assert names == in_order(names), f"{package}.__all__ is not sorted"
    facade = exported(ROOT / "midflight.py")
    assert facade == in_order(everything), "the facade is not the sum of the packages"


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

    things = {name: getattr(midflight, name) for name in midflight.__all__}
    documented = {
        name: each for name, each in things.items() if inspect.isclass(each) or inspect.isroutine(each)
    }
    assert not [name for name, each in documented.items() if not each.__doc__]


def test_exceptions_are_still_needed() -> None:
    for name, lines in LONGER.items():
        length = len((ROOT / name).read_text().splitlines())
        assert MODULE_LINES < length <= lines, f"{name}: {length} lines: take it off the list"


ELSEWHERE = re.compile(
    r"/(?:work|root|home|Users)/\w"  # somebody's machine
    r"|\bissues? #?\d|(?<![\w&#])#\d+\b"  # a tracker that a reader does not have
    r"|\bpypi[.]org|pythonhosted[.]org|npmjs[.]org"  # where somebody's packages come from
)


def test_files_stand_alone() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: nothing says which files are the project's")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    wrong = [
        f"{name}:{number}: {line.strip()}"
        for name in listed.splitlines()
        if (ROOT / name).is_file()
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert not wrong
