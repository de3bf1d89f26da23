"""Every bound of this package, with assertions that relate them."""

from __future__ import annotations

FORMAT = 1
"""The number of the encoding that `encode` writes. `decode` refuses a larger one."""

MAX_DEPTH = 240
"""Nesting of nodes, values and shapes in an encoding."""

MAX_BYTES = 16 * 1024 * 1024
"""Length of an encoding."""

MAX_DIGITS = 4000
"""Hex digits of an integer in an encoding."""

MAX_CLASSES = 1000
"""Classes in an encoding."""

assert MAX_DEPTH * 4 < 1000, (
    "a reader that recurses four frames a level must stay within Python's default limit"
)
