"""What a version imports: its own `importlib`, where a module is, and what functions may ask for later."""

from __future__ import annotations

import ast
import contextlib
import importlib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arrows.parse import parse
from runtime.files import Files


class Importlib(types.ModuleType):
    """The standard module, but for `import_module`, which finds the version's own modules first."""

    def __init__(self, import_module: Callable[[str, str | None], types.ModuleType]) -> None:
        super().__init__("importlib")

        def of_the_version(name: str, package: str | None = None) -> types.ModuleType:
            return import_module(name, package)

        of_the_version.__name__ = of_the_version.__qualname__ = "import_module"
        of_the_version.__module__ = "importlib"
        self.import_module = of_the_version

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib, name)


def statements(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The modules that a text may import, now or when its functions run: dotted names, and the dots before them.

    >>> sorted(statements(ast.parse("import a.b" + chr(10) + "from ..c import d")))
    [('a.b', 0), ('c', 2), ('c.d', 2)]
    """
    for each in ast.walk(tree):
        if isinstance(each, ast.Import):
            yield from ((alias.name, 0) for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            start = each.module or ""
            yield start, each.level
            for alias in each.names:
                yield f"{start}.{alias.name}".removeprefix("."), each.level


def relative(package: str, name: str, level: int) -> str:
    """The full name of a relative import in a package; "" is the project's own folder.

    >>> relative("shop.web", "words", 2)
    'shop.words'
    """
    parts = package.split(".") if package else []
    if level - 1 > len(parts):
        raise ImportError("attempted relative import beyond the project's folder")
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


def source(files: Files, place: Path, name: str) -> Path | None:
    """The package folder or file of a module in a folder."""
    if files.is_file(place / name / "__init__.py"):
        return place / name
    file = place / f"{name}.py"
    return file if name and files.is_file(file) else None


def read_ahead(
    files: Files,
    places: Sequence[Path],
    texts: dict[str, str],
    packages: Mapping[str, str],
    is_own: Callable[[str], bool],
) -> set[str]:
    """Add to `texts` each file of a project that the texts speak of, and those that they speak of.

    `packages` has the package of each text. Returns what is imported and not the project's, by first names.
    """
    outside: set[str] = set()
    waiting = [(package, texts[file]) for file, package in packages.items() if file in texts]
    while waiting:
        package, text = waiting.pop()
        for name, level in statements(parse(text)):
            with contextlib.suppress(ImportError):
                dotted = relative(package, name, level) if level else name
                if level or is_own(dotted.partition(".")[0]):
                    waiting += _unread(files, places, texts, dotted)
                else:
                    outside.add(dotted.partition(".")[0])
    return outside


def _unread(
    files: Files, places: Sequence[Path], texts: dict[str, str], dotted: str
) -> Iterator[tuple[str, str]]:
    """The package and text of each file on the way to a module that was not read before."""
    parts = dotted.split(".")
    for at, part in enumerate(parts):
        found = next((each for place in places if (each := source(files, place, part))), None)
        if found is None:
            places = [place / part for place in places if files.is_dir(place / part)]
            continue
        folder = files.is_dir(found)
        file = found / "__init__.py" if folder else found
        if str(file) not in texts:
            with contextlib.suppress(SyntaxError, OSError):
                text = files.text(file)
                parse(text)
                texts[str(file)] = text
                yield ".".join(parts[: at + 1 if folder else at]), text
        places = [found] if folder else []
