"""The process around a version that is loaded: what of it is put back, and what can only be told.

Python lets a file that is executed do anything to its process. What the import system goes by, and the working
directory, are put back as soon as the version is loaded, or has failed. Whatever else it changed stays changed,
also for the version that runs, and is told.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from runtime.view import View

_HOOKS: Final = ("stdin", "stdout", "stderr", "excepthook", "displayhook", "unraisablehook")
_OTHERS: Final = ("midflight", "asyncio_", "AnyIO worker")
"""How threads of the node's and of its loop are called, which begin while a file is loaded beside them."""
_ONCE: Final = ("what runs at exit", "the filters of warnings")


class Surroundings:
    """The process as it is when this is made."""

    def __init__(self) -> None:
        self._path = list(sys.path)
        self._finders = list(sys.meta_path), list(sys.path_hooks)
        self._modules = dict(sys.modules)
        self._folder = _folder()
        self._seen = _seen()

    def put_back(self) -> None:
        """Let the import system and the working directory be as they were; what was imported since stays."""
        sys.path[:] = self._path
        sys.meta_path[:], sys.path_hooks[:] = self._finders
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module and not isinstance(module, View):
                sys.modules[name] = module
        for name, there in sys.modules.copy().items():
            if name not in self._modules and _is_of_a_version(name, there):
                del sys.modules[name]
        if self._folder and _folder() != self._folder:
            os.chdir(self._folder)

    def changed(self) -> tuple[str, ...]:
        """What else is not as it was, in words.

        What libraries do when they are imported for the first time, and never again, is not told.
        """
        was, now = self._seen, _seen()
        told = [what for what in {**was, **now} if was.get(what) != now.get(what)]
        libraries = (
            sys.modules.keys()
            - self._modules.keys()
            - {name for name, there in sys.modules.copy().items() if isinstance(there, View)}
        )
        return tuple(what for what in told if not (libraries and what in _ONCE))


def _folder() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def _is_of_a_version(name: str, module: Any) -> bool:
    """Whether a name that is no version's leads to a version's module."""
    own = getattr(module, "__name__", name)
    return isinstance(module, ModuleType) and own != name and isinstance(sys.modules.get(own), View)


def _seen() -> Mapping[str, Any]:
    return dict(_looked_at())


def _looked_at() -> Iterator[tuple[str, Any]]:
    for name, value in list(os.environ.items()):
        yield f"the environment variable {name}", value
    for thread in threading.enumerate():
        if thread.name.startswith(_OTHERS):
            continue
        yield f"the thread {thread.name!r}", thread.ident
    for name in _HOOKS:
        yield f"sys.{name}", getattr(sys, name)
    yield "the recursion limit", sys.getrecursionlimit()
    yield "the filters of warnings", list(warnings.filters)
    yield "the root logger", (logging.root.level, list(logging.root.handlers))
    yield "what runs at exit", atexit._ncallbacks()
    for number in sorted(signal.valid_signals()):
        yield f"the handler of signal {number}", signal.getsignal(number)
