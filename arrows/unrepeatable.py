"""What gives something else each time: clocks, chance, and what belongs to the process or the computer.

A step is repeated when a node is started again, in a rehearsal and in a trial, and must come to the same each time. So
a function that calls such a thing is refused, with what to do instead. What makes the default of a field is not: who
sends a message may let it have a number of its own, which is in the message when that is written down.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

from arrows.origin import BuildError, Origin

NAMES: Final[Mapping[str, frozenset[str]]] = {
    "time": frozenset(
        f"{name}{unit}"
        for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime")
        for unit in ("", "_ns")
    ),
    "uuid": frozenset({"uuid1", "uuid4", "getnode"}),
    "secrets": frozenset({"token_bytes", "token_hex", "token_urlsafe", "choice", "randbelow", "randbits"}),
    "posix": frozenset({"urandom", "getrandom", "getpid", "getppid", "times"}),
    "os": frozenset({"getenv"}),
    "builtins": frozenset({"id", "input"}),
    "io": frozenset({"open"}),
    "_io": frozenset({"open"}),
    "socket": frozenset({"socket", "create_connection", "gethostname", "getfqdn"}),
    "_socket": frozenset({"gethostname"}),
}
"""By the module that defines them."""

_METHODS: Final = frozenset({"now", "utcnow", "today"})
"""Of the classes of `datetime`."""


def is_unrepeatable(value: Any) -> bool:
    """Whether a function is such a one."""
    name, held = getattr(value, "__name__", ""), getattr(value, "__self__", None)
    if isinstance(held, type):
        return name in _METHODS and _is_of(held, "datetime")
    return name in NAMES.get(getattr(value, "__module__", None) or "", ()) or _is_of(type(held), "random")


def within(tree: ast.AST, found: Mapping[str, Any], stands_for: Callable[[ast.AST], Any]) -> str:
    """What a function calls of those, as it is written there; empty for nothing.

    `found` is what its names stand for, by dotted name, and `stands_for` gives that of an expression.
    """
    methods = (
        ast.unparse(each)
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute) and each.attr in _METHODS
        if isinstance(owner := stands_for(each.value), type) and _is_of(owner, "datetime")
    )
    return next((name for name, value in found.items() if is_unrepeatable(value)), "") or next(methods, "")


def refused(what: str, where: Origin | None) -> BuildError:
    """Why a machine cannot have such a function in it."""
    return BuildError(
        f"this function uses {what}, which gives something else each time, and steps are repeated",
        where=where,
        remedy="Let the message carry it, from who sends that; what is to be done at some time is an After.",
    )


def _is_of(cls: type, module: str) -> bool:
    return any(base.__module__ == module for base in cls.__mro__)
