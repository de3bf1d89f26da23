"""Values as text for people: `repr`, and something in its place where that fails."""

from __future__ import annotations

import math

from arrows import record
from arrows.secret import MASK

_DEEP = 20
"""Levels of a value that are looked into where its own `repr` failed."""


def represent(value: object, depth: int = 0) -> str:
    """Return `repr(value)`; where that raises, what can be said of the value. Never raises.

    Python writes no integer of more than 4300 digits (`sys.set_int_max_str_digits`):

    >>> represent((1, 10**5000))
    '(1, int of 5001 digits)'
    """
    try:
        return repr(value)
    except Exception:
        return _apart(value, depth + 1) if depth < _DEEP else "…"


def _apart(value: object, depth: int) -> str:
    match value:
        case int():
            return f"int of {_digits(abs(value))} digits"
        case tuple() | list() | frozenset() if type(value) in (tuple, list, frozenset):
            inner = ", ".join(represent(each, depth) for each in value)
            if isinstance(value, frozenset):
                return f"frozenset({{{inner}}})"
            return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
        case dict():
            pairs = (f"{represent(key, depth)}: {represent(each, depth)}" for key, each in value.items())
            return f"{{{', '.join(pairs)}}}"
        case _ if record.is_frozen_record(type(value)):
            held = zip(record.fields(type(value)), record.values(value), strict=True)
            fields = ", ".join(
                f"{field.name}={MASK if field.secret else represent(each, depth)}" for field, each in held
            )
            return f"{type(value).__qualname__}({fields})"
    return f"a {type(value).__qualname__} that has no text"


def _digits(value: int) -> int:
    low = int((value.bit_length() - 1) * math.log10(2))
    return low + 2 if value // 10 ** (low + 1) else low + 1
