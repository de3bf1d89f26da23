"""What the process sees of a version: an entry of `sys.modules` for each module, and the lines of its files."""

from __future__ import annotations

import linecache
import logging
import sys
import types
import weakref
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import Any, Protocol

from arrows.source import forget_texts


class Holder(Protocol):
    """Where modules are held by their names in the project."""

    def module(self, name: str) -> types.ModuleType | None:
        """A module, or None."""


class View(types.ModuleType):
    """What stands in `sys.modules` for a module of a version: reads and writes it, and does not keep it alive."""

    def __init__(self, holder: Holder, name: str, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        for each in ("__doc__", "__loader__", "__package__"):  # as the module has them
            super().__delattr__(each)
        super().__setattr__("__spec__", spec)
        super().__setattr__("_seen", (weakref.ref(holder), name))

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        holder, name = self._seen
        alive = holder()
        module = alive.module(name) if alive else None
        return vars(module) if module else {}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None


class Loader(SourceFileLoader):
    """Knows the text that a module was made from, wherever its file is now: tracebacks show the lines."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_source(self, fullname: str) -> str:
        """The text."""
        return self._text


def forget(root: str, files: Iterable[str]) -> None:
    """Take away what stands under a version's private names, and what is remembered of its files."""
    forget_texts()
    for name in [each for each in sys.modules.copy() if _is_under(each, root)]:
        sys.modules.pop(name, None)
    for file in [*files, *(each for each in list(linecache.cache) if f" {root}." in each)]:
        linecache.cache.pop(file, None)
    loggers = logging.root.manager.loggerDict
    for name in [each for each in list(loggers) if _is_under(each, root)]:
        loggers.pop(name, None)


def _is_under(name: str, root: str) -> bool:
    return name == root or name.startswith(root + ".")
