"""What Python, a library or we ourselves define: it goes by name, and its source is not read.

The name is distribution, version, module and qualified name; Python's own has no version. What a library
makes around something of the user's (a decorator's wrapper) has a name too, and holds that something.
"""

from __future__ import annotations

import functools
import importlib.metadata
import sys
import sysconfig
import types
from typing import Any

from arrows.source import SOURCE

OURS = frozenset({"arrows", "migrations", "runtime", "midflight"})
_STANDARD = sysconfig.get_path("stdlib")


def library_name(thing: Any) -> Any:
    """The name of a thing that is there under its name in a library, or None."""
    if isinstance(thing, types.ModuleType):
        return home(thing.__name__, "")
    if isinstance(thing, types.FunctionType):
        name = home(thing.__module__ or "", thing.__qualname__)
        return name if name is not None and _is_there(thing) else None
    held = getattr(thing, "__self__", None) if isinstance(thing, types.BuiltinFunctionType) else None
    if not isinstance(held, types.ModuleType | type | None):
        return None
    owner = getattr(thing, "__objclass__", None)
    if owner is not None:
        return home(owner.__module__, thing.__qualname__)
    if not isinstance(thing, type | types.BuiltinFunctionType) or "<locals>" in thing.__qualname__:
        return None
    module: str | None = held.__module__ if isinstance(held, type) else thing.__module__
    return home(module or "builtins", thing.__qualname__)


def maker(function: types.FunctionType) -> Any:
    """The name of the library code that made a function around what it holds, or None for the user's own."""
    return home(str(function.__globals__.get("__name__", "")), function.__code__.co_qualname)


def _is_there(function: types.FunctionType) -> bool:
    """Whether a function is what its own name says; a wrapper may have taken the name of another."""
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is function


def home(module: str, name: str) -> Any:
    """How a name of a module is written down, or None for the user's own."""
    top = module.partition(".")[0]
    if top in OURS and _is_ours(top):
        return ["midflight", module, name]
    held = sys.modules.get(module)
    file = getattr(held, "__file__", None) or ""
    if top == "__main__" or hasattr(held, SOURCE):  # the program itself, or a version that was loaded
        return None
    if top in sys.stdlib_module_names and file.startswith(_STANDARD if file else ""):
        return ["python", _public(module), name]
    if "site-packages" in file or "dist-packages" in file:
        distribution = (distributions().get(top) or [top])[0]
        try:
            return ["library", distribution, _version(distribution), module, name]
        except importlib.metadata.PackageNotFoundError:
            return ["library", distribution, "", module, name]
    return None


def _public(module: str) -> str:
    """A standard module without the parts that Python keeps to itself: `pathlib` is `pathlib._local` in 3.13."""
    first, *rest = module.split(".")
    return ".".join([first.lstrip("_"), *(part for part in rest if not part.startswith("_"))])


def _is_ours(top: str) -> bool:
    """A project's own `runtime` is not ours."""
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return file.startswith(__file__.removesuffix("arrows/library.py"))


@functools.cache
def _version(distribution: str) -> str:
    return importlib.metadata.version(distribution)


@functools.cache
def distributions() -> Any:
    """The distributions that have a top-level module, by its name."""
    return importlib.metadata.packages_distributions()
