"""The identity of a machine."""

from __future__ import annotations

import hashlib
from typing import Any

from arrows.content import function_digest
from arrows.term import Arrow, node
from arrows.wire import kernel


def digest(arrow: Arrow[Any, Any]) -> str:
    """Return the sha256 of a machine's canonical bytes, as 64 hex digits.

    The functions in it count by their content. Raises BuildError, naming place and remedy, for what
    cannot be identified.

    >>> from arrows import arr, compose, identity
    >>> f, g, h = arr(abs), arr(str), identity()
    >>> digest(compose(f, compose(g, h))) == digest(compose(compose(f, g), h))
    True
    """
    return hashlib.sha256(kernel(node(arrow), lambda leaf: function_digest(leaf.function))).hexdigest()
