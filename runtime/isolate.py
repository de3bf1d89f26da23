"""A version's own modules: executed afresh, under private names, beside those of every other version.

The files of a project are executed without the import system: no `sys.path`, no shared `sys.modules` entry,
no working directory changes. Each module gets a copy of the builtins whose `__import__` knows the version: a
name that a file or package beside the main file answers to is that file, loaded for this version alone; every
other name, and `midflight` always, is the environment's. So two contents of one path stand side by side, and a
project's own `runtime` or `tests` is the project's.

**Names.** `dataclasses`, `typing.get_type_hints` and `pickle` look a class up in `sys.modules` under its
`__module__`. There stands, for each module, a view under a private name that reads the module and does not
hold it. A version lives as long as something of it is used: its functions hold it through their builtins, its
data classes through `HOME`. When nothing does, or when it cannot be loaded, the views and what the process
remembers of its files are taken away.

**Afterwards** nothing is read from the disk any more. What an import statement inside a function may ask for later
is read when the version is loaded, and executed when it is asked for: a file that is edited or deleted since alters
no version. `runtime.defining` has the classes, `runtime.surroundings` what is put back of the process.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import itertools
import re
import sys
import threading
import types
import weakref
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Final

from arrows.interning import intern
from arrows.origin import BuildError
from arrows.parse import parse
from arrows.source import SOURCE
from runtime.defining import INTERN, Classes, with_interning
from runtime.files import Disk, Files, Kept
from runtime.importing import Importlib, read_ahead, relative, source
from runtime.view import Loader, View, forget

PREFIX: Final = "_midflight_version_"
HOME: Final = "__midflight_home__"
"""Where a data class holds the version that defined it."""

_OURS: Final = ("arrows", "migrations", "runtime")
_NUMBERS = itertools.count(1)


def with_own_names(text: str) -> str:
    """A text about modules of versions with the names that they have in their project.

    >>> with_own_names("cannot import name 'tax' from '_midflight_version_5.shop' or '_midflight_version_5'")
    "cannot import name 'tax' from 'shop' or '.'"
    """
    return re.sub(rf"\b{PREFIX}\d+\b", ".", re.sub(rf"\b{PREFIX}\d+\.", "", text))


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
        self.outside: set[str] = set()
        """The modules of the environment that it imports, or may import, by the first part of their names."""
        self._imported: Mapping[str, list[types.ModuleType]] = {}
        self._modules: dict[str, types.ModuleType] = {}
        self._lock = threading.RLock()
        self._defining = 0
        self._classes = Classes(self._keep)
        self._importlib = Importlib(self._import_module)
        self._builtins = {**vars(builtins), "__import__": self._import, INTERN: self._around}
        self._forget = weakref.finalize(self, forget, self.root, self.texts)
        self._forget.atexit = False

    def execute(self) -> types.ModuleType:
        """Execute the main file and what it imports; raises what they raise."""
        self._imported = _imported()
        with self._lock:
            self._module("")
            *packages, _ = self.name.split(".")
            for length in range(len(packages)):
                self._module(".".join(packages[: length + 1]))
        module = self._execute(self.name, self.main)
        self._classes.settle()
        self.outside |= read_ahead(self.files, self.places, self.texts, self._packages(), self._is_own)
        self.files = Kept(dict(self.texts))
        return module

    def discard(self) -> None:
        """Take away what the process knows of a version that is not to be used."""
        self._classes.forget()
        self._forget()

    def _packages(self) -> dict[str, str]:
        """The package of each file that was executed, as its relative imports see it."""
        held = [module for module in self._modules.values() if getattr(module, "__file__", None)]
        return {str(each.__file__): (each.__package__ or "")[len(self.root) + 1 :] for each in held}

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
            name = relative(package[len(self.root) + 1 :], name, level)
        elif not self._is_own(name.partition(".")[0]):
            self.outside.add(name.partition(".")[0])
            found = builtins.__import__(name, globals, locals, fromlist or (), level)
            return self._importlib if found is importlib else found
        with self._lock:
            if self._defining == threading.get_ident() and name not in self._modules:
                raise BuildError(f"{name} is not imported yet")
            module = self._chain(name)
            if not fromlist:
                return self._module(name.partition(".")[0])
            if hasattr(module, "__path__"):
                self._submodules(module, name, fromlist)
            return module

    def _import_module(self, name: str, package: str | None) -> types.ModuleType:
        """What `importlib.import_module` gives to the version."""
        level = len(name) - len(name.lstrip("."))
        if level and not package:
            raise TypeError(f"the 'package' argument is required to import {name!r}")
        if package and self._is_own(package.partition(".")[0]):
            package = f"{self.root}.{package}"
        if not level and name.startswith(f"{self.root}."):
            package, name, level = self.root, name[len(self.root) + 1 :], 1
        fromlist = ("__name__",)  # lets the last module be returned, not the first
        return self._import(name.lstrip("."), {"__package__": package}, None, fromlist, level)

    def _is_own(self, top: str) -> bool:
        """Whether an absolute name is a file of the project.

        In a package, the folder that holds the package comes before the environment and the main file's own
        folder after it. A folder without `__init__.py` comes last, as everywhere in Python.
        """
        if top == "midflight":
            return False
        if top in self._modules or source(self.files, self.places[0], top) is not None:
            return True
        folder = any(self.files.is_dir(place / top) for place in self.places)
        if folder and top in _OURS:
            return True
        return (folder or source(self.files, self.places[-1], top) is not None) and not _installed(top)

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
        sources = (source(self.files, place, last) for place in places)
        folders = (place / last for place in places if last and self.files.is_dir(place / last))
        return next((each for each in sources if each is not None), None) or next(folders, None)

    # Executing

    def _execute(self, name: str, file: Path) -> types.ModuleType:
        for imported in self._imported.get(str(file), ()):
            for each in list(vars(imported).values()):
                intern(each)
        self.texts[str(file)] = ""
        text = self.texts[str(file)] = self.files.text(file)
        tree = parse(text, str(file))
        code = compile(with_interning(tree), str(file), "exec", dont_inherit=True)
        package = [str(file.parent)] if file.name == "__init__.py" else None
        own = f"{self.root}.{name}"
        spec = importlib.util.spec_from_file_location(
            own, file, loader=Loader(own, str(file), text), submodule_search_locations=package
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
        sys.modules[spec.name] = View(self, name, spec)
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

    # Classes

    def _around(self, shared: bool, *decorators: Any) -> Callable[[Any], Any]:
        decorate = self._classes.around(shared, *decorators)

        def quietly(cls: Any) -> Any:
            """Nothing may be imported only to learn what a class is."""
            before, self._defining = self._defining, threading.get_ident()
            try:
                return decorate(cls)
            finally:
                self._defining = before

        return quietly

    def _keep(self, cls: type) -> None:
        setattr(cls, HOME, self)


def _imported() -> dict[str, list[types.ModuleType]]:
    """By file, the modules that the process itself has imported, whose data classes are interned.

    A program asks `isinstance(reply, Found)` with the class that it imported: a version's has to be that one.
    """
    found: dict[str, list[types.ModuleType]] = {}
    for module in sys.modules.copy().values():
        file = None if isinstance(module, View) else getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str):
            found.setdefault(file, []).append(module)
    return found


def _installed(top: str) -> bool:
    """Whether the environment has a module of that name, mere folders not counted."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return top in sys.modules
    return spec is not None and spec.loader is not None and spec.origin is not None
