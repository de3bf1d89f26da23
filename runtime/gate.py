"""A step in a thread that signals do not reach: what is thrown at it arrives in it, or is not thrown."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

_throw = ctypes.pythonapi.PyThreadState_SetAsyncExc
_throw.argtypes = (ctypes.c_ulong, ctypes.py_object)

Step: TypeAlias = Callable[[Any, Any], Any]


def gated(step: Step) -> Step:
    """A step for the calling thread: as it is in the main one, behind a gate in others."""
    return step if threading.current_thread() is threading.main_thread() else Gate(step)


class Gate:
    """A step; `open` is an object of its own for each one that is under way, and else None."""

    __slots__ = ("_step", "open")

    def __init__(self, step: Step) -> None:
        self._step = step
        self.open: object | None = None

    def __call__(self, state: Any, message: Any) -> Any:
        """Make a step."""
        self.open = object()
        try:
            return self._step(state, message)
        finally:
            self.open = None
            _land()

    def throw(self, thread: int | None, what: type[BaseException], token: object | None = None) -> None:
        """Throw something at the step of this thread, if one is under way; at that of a `token` and no other."""
        token = token or self.open
        if token is not None and self.open is token:
            _throw(thread, what)


def _land() -> None:
    """Be a place where the interpreter raises what was thrown at this thread."""
