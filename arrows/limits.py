"""Every bound of this package, with assertions that relate them."""

from __future__ import annotations

FORMAT = 1
"""The number of the encoding that `encode` writes. `decode` refuses a larger one."""

MAX_DEPTH = 240
"""Nesting of nodes, values, shapes and paths in an encoding."""

MAX_BYTES = 2 * 1024 * 1024
"""Length of an encoding."""

MAX_PARTS = 150_000
"""Arrays, objects and commas in an encoding: roughly, the values in it."""

MAX_DIGITS = 4000
"""Hex digits of an integer in an encoding."""

MAX_NAME = 255
"""Letters of the name of a class, field, attribute or keyword in an encoding."""

MAX_CLASSES = 200
"""Classes in an encoding."""

MAX_FIELDS = 1000
"""Fields and members of all the classes in an encoding."""

MAX_ALIKE = 8
"""Keys of a dict, or items of a frozenset, that Python hashes alike, in an encoding."""

DECODE_MEMORY = 64 * 1024 * 1024
"""Bytes that `decode` may need beyond the encoding."""

PART_MEMORY = 180
"""Bytes that the costliest part takes while it is read: an array in an array, as it is parsed and as it is kept."""

BYTE_MEMORY = 6
"""Bytes that a byte of a text takes at most, where a single sign in it makes all of them wide."""

FIELD_MEMORY = 24 * 1024
"""Bytes that a field takes while its class is made."""

LOOK = 32
"""Nodes that are read on either side of a place where two arrows are composed, to tell whether they fit."""

GLANCE = 8
"""Nodes that are read of the arrow of a case, and of the arrows of a `keyed`: they may be nested, and received."""

LARGE = 1000
"""Parts of a value that are told apart where arrows are checked; of a larger one nothing is known."""

assert MAX_PARTS * PART_MEMORY + MAX_BYTES * BYTE_MEMORY + MAX_FIELDS * FIELD_MEMORY <= DECODE_MEMORY, (
    "what is within the limits must fit into the memory"
)
assert MAX_PARTS < MAX_BYTES, "each part is a byte at least"
assert MAX_DEPTH * 4 < 1000, (
    "a reader that recurses four frames a level must stay within Python's default limit"
)
