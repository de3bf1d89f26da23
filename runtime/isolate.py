"""A version's own modules: executed afresh, under private names, beside those of every other version.

The files of a project are executed without the import system: no `sys.path`, no shared `sys.modules` entry,
no working directory changes. Each module gets a copy of the builtins whose `__import__` knows the version: a
name that a file or package beside the main file answers to is that file, loaded for this version alone; every
other name, and `midflight` always, is the environment's. So two contents of one path stand side by side, and a
project's own `runtime` or `tests` is the project's.

**Names.** `dataclasses`, `typing.get_type_hints` and `pickle` look a class up in `sys.modules` under its
`__module__`. There stands, for each module, a view under a private name that reads the module and does not
hold it. A version lives as long as something of it is used: its functions hold it through their builtins, its
data classes through `HOME`. When nothing does, the views and what `linecache` was told are taken away.

**Classes.** Each class at the top of a module is interned as it is defined: a decorator is put around it in
the tree, the outermost one, at the line where the class begins, so that every line stays where it was. A data
class that was there before, with the same content, takes the place of the new one.
"""

from __future__ import annotations

import ast
import builtins
import enum
import importlib.util
import itertools
import linecache
import sys
import threading
import types
import weakref
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Final

from arrows.interning import intern
from arrows.record import is_frozen_record
from arrows.source import SOURCE
from runtime.files import Disk, Files

PREFIX: Final = "_midflight_version_"
HOME: Final = "__midflight_home__"
"""Where a data class holds the version that defined it."""

_INTERN: Final = "__midflight_intern__"
_OURS: Final = ("arrows", "migrations", "runtime")
_NUMBERS = itertools.count(1)


class Version:
    """The modules of one loaded version of the project around a main file."""

    def __init__(self, main: Path, files: Files | None = None) -> None:
        self.files = files = files or Disk()
        package = main.parent
        parts = [main.stem.replace(".", "_")]
        while files.is_file(package / "__init__.py") and package != package.parent:
            parts.insert(0, package.name)
            package = package.parent
        self.main = main
        self.name = ".".join(parts)
        self.root = f"{PREFIX}{next(_NUMBERS)}"
        self.places = list(dict.fromkeys((package, main.parent)))
        self.texts: dict[str, str] = {}
        self._modules: dict[str, types.ModuleType] = {}
        self._lock = threading.RLock()
        self._builtins = {**vars(builtins), "__import__": self._import, _INTERN: self._intern}
        weakref.finalize(self, _forget, self.root).atexit = False

    def execute(self) -> types.ModuleType:
        """Execute the main file and what it imports; raises what they raise."""
        with self._lock:
            self._module("")
            *packages, _ = self.name.split(".")
            for length in range(len(packages)):
                self._module(".".join(packages[: length + 1]))
        return self._execute(self.name, self.main)

    def module(self, name: str) -> types.ModuleType | None:
        """A module that was loaded, by its name in the project."""
        return self._modules.get(name)

    # Importing

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - the names that callers may use
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> types.ModuleType:
        if level:
            package = str((globals or {}).get("__package__") or "")
            if package != self.root and not package.startswith(self.root + "."):
                return builtins.__import__(name, globals, locals, fromlist or (), level)
            name = _relative(package[len(self.root) + 1 :], name, level)
        elif not self._is_own(name.partition(".")[0]):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        with self._lock:
            module = self._chain(name)
            if not fromlist:
                return self._module(name.partition(".")[0])
            if hasattr(module, "__path__"):
                self._submodules(module, name, fromlist)
            return module

    def _is_own(self, top: str) -> bool:
        """Whether an absolute name is a file of the project.

        In a package, the folder that holds the package comes before the environment and the main file's own
        folder after it. A folder without `__init__.py` comes last, as everywhere in Python.
        """
        if top == "midflight":
            return False
        if top in self._modules or self._source(self.places[0], top) is not None:
            return True
        folder = any(self.files.is_dir(place / top) for place in self.places)
        if folder and top in _OURS:
            return True
        return (folder or self._source(self.places[-1], top) is not None) and not _installed(top)

    def _chain(self, name: str) -> types.ModuleType:
        """Load a dotted name from its first part on; return the last."""
        parts = name.split(".") if name else []
        module = self._module("")
        for length in range(len(parts)):
            module = self._module(".".join(parts[: length + 1]))
        return module

    def _submodules(self, module: types.ModuleType, name: str, wanted: Sequence[str]) -> None:
        if "*" in wanted:
            wanted = [*wanted, *getattr(module, "__all__", ())]
        for each in wanted:
            dotted = f"{name}.{each}" if name else each
            if each != "*" and not hasattr(module, each) and self._found(dotted) is not None:
                self._module(dotted)

    def _module(self, name: str) -> types.ModuleType:
        """The module of a dotted name whose parent is loaded."""
        if name in self._modules:
            return self._modules[name]
        if not name:
            return self._show("", ModuleSpec(self.root, None, is_package=True), self.places)
        found = self._found(name)
        if found is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        file = found / "__init__.py" if self.files.is_dir(found) else found
        if self.files.is_file(file):
            return self._execute(name, file)
        return self._show(name, ModuleSpec(f"{self.root}.{name}", None, is_package=True), [found])

    def _found(self, name: str) -> Path | None:
        """The file or folder of a module whose parent is loaded."""
        parent, _, last = name.rpartition(".")
        places = [Path(each) for each in getattr(self._modules[parent], "__path__", ())]
        sources = (self._source(place, last) for place in places)
        folders = (place / last for place in places if last and self.files.is_dir(place / last))
        return next((each for each in sources if each is not None), None) or next(folders, None)

    def _source(self, place: Path, name: str) -> Path | None:
        """The package folder or file of a module in a folder."""
        if self.files.is_file(place / name / "__init__.py"):
            return place / name
        file = place / f"{name}.py"
        return file if name and self.files.is_file(file) else None

    # Executing

    def _execute(self, name: str, file: Path) -> types.ModuleType:
        _know_imported(file)
        self.texts[str(file)] = ""
        text = self.texts[str(file)] = self.files.text(file)
        tree = ast.parse(text, str(file))
        code = compile(_Interned().visit(tree), str(file), "exec", dont_inherit=True)
        package = [str(file.parent)] if file.name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(
            f"{self.root}.{name}", file, submodule_search_locations=package
        )
        assert spec is not None, "the name of a source file ends in .py"
        module = self._show(name, spec, [file.parent] if package else None)
        vars(module)[SOURCE] = {str(file): text}
        try:
            exec(code, vars(module))  # noqa: S102 - to execute the file is what loading is
        except BaseException:
            self._hide(name)
            raise
        return module

    def _show(self, name: str, spec: ModuleSpec, path: Sequence[Path] | None) -> types.ModuleType:
        """Make the module, empty as yet, and let it be found."""
        module = importlib.util.module_from_spec(spec) if spec.loader else types.ModuleType(spec.name)
        module.__spec__, module.__package__ = spec, spec.parent
        if path is not None:
            module.__path__ = [str(each) for each in path]
        vars(module)["__builtins__"] = self._builtins
        self._modules[name] = module
        sys.modules[spec.name] = _View(self, name, spec)
        parent, _, last = name.rpartition(".")
        if last:
            setattr(self._modules[parent], last, module)
        return module

    def _hide(self, name: str) -> None:
        module = self._modules.pop(name)
        sys.modules.pop(module.__name__, None)
        parent, _, last = name.rpartition(".")
        if vars(self._modules[parent]).get(last) is module:
            delattr(self._modules[parent], last)

    def _intern(self, cls: Any) -> Any:
        kept = intern(cls)
        if kept is cls and isinstance(cls, type) and (issubclass(cls, enum.Enum) or is_frozen_record(cls)):
            setattr(cls, HOME, self)
        return kept


class _View(types.ModuleType):
    """What stands in `sys.modules` for a module of a version: reads it, and does not keep it alive."""

    def __init__(self, version: Version, name: str, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__ = spec
        self._seen = weakref.ref(version), name

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        version, name = self._seen
        alive = version()
        module = alive.module(name) if alive else None
        return vars(module) if module else {}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None


class _Interned(ast.NodeTransformer):
    """Puts the interning decorator around every class that is defined at the top of a module."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        place = node.decorator_list[0] if node.decorator_list else node
        node.decorator_list.insert(0, ast.copy_location(ast.Name(_INTERN, ast.Load()), place))
        return node

    def visit(self, node: ast.AST) -> Any:
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        return node if inside else super().visit(node)


def _know_imported(file: Path) -> None:
    """Intern the data classes of this file as the process itself has imported it.

    A program asks `isinstance(reply, Found)` with the class that it imported: a version's has to be that one.
    """
    for module in list(sys.modules.values()):
        held = getattr(module, "__dict__", {})
        if held.get("__file__") == str(file):
            for each in list(held.values()):
                intern(each)


def _installed(top: str) -> bool:
    """Whether the environment has a module of that name, mere folders not counted."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return top in sys.modules
    return spec is not None and spec.loader is not None and spec.origin is not None


def _relative(package: str, name: str, level: int) -> str:
    parts = package.split(".") if package else []
    if level - 1 > len(parts):
        raise ImportError("attempted relative import beyond the project's folder")
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


def _forget(root: str) -> None:
    for name in [each for each in list(sys.modules) if each == root or each.startswith(root + ".")]:
        sys.modules.pop(name, None)
    for file in [each for each in list(linecache.cache) if f" {root}." in each]:
        linecache.cache.pop(file, None)
