"""The identity of a machine."""

from __future__ import annotations

import hashlib
from typing import Any

from arrows.canonical import NotData
from arrows.content import function_digest
from arrows.origin import BuildError
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
    try:
        packed = kernel(node(arrow), lambda leaf: function_digest(leaf.function, leaf.origin))
    except NotData as wrong:
        raise BuildError(str(wrong), where=arrow.origin, remedy="Hold plain immutable data only.") from None
    return hashlib.sha256(packed).hexdigest()
