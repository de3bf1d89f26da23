"""What gives something else each time: clocks, chance, and what belongs to the process or the computer.

A step is repeated when a node is started again, in a rehearsal and in a trial, and must come to the same each time. So
a function that calls such a thing is refused, with what to do instead. What makes the default of a field is not: who
sends a message may let it have a number of its own, which is in the message when that is written down.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

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


def unrepeatable(tree: ast.AST, found: Mapping[str, Any], stands_for: Callable[[ast.AST], Any]) -> str:
    """What a function calls that gives something else each time, as it is written there; empty for nothing.

    `found` is what its names stand for, by dotted name, and `stands_for` gives that of an expression.
    """
    for name, value in found.items():
        if getattr(value, "__name__", "") in NAMES.get(getattr(value, "__module__", None) or "", ()):
            return name
        if any(base.__module__ == "random" for base in type(getattr(value, "__self__", None)).__mro__):
            return name
    for each in ast.walk(tree):
        if isinstance(each, ast.Attribute) and each.attr in _METHODS:
            owner = stands_for(each.value)
            if isinstance(owner, type) and any(base.__module__ == "datetime" for base in owner.__mro__):
                return ast.unparse(each)
    return ""
