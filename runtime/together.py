"""Several messages to one machine that are stepped one after the other, all of them or none.

They wait, are stepped and are written down as one message: nothing is stepped between two of them, and where one
step raises, the state is as it was before the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from arrows.cells import Values
from runtime.packing import Packing


@attrs.frozen
class Together:
    """The messages, in their order; their reply is the tuple of their replies."""

    messages: tuple[Any, ...]

    def step(self, step: Callable[[Values, Any], tuple[Values, Any]], state: Values) -> tuple[Values, Any]:
        """The state behind the last message, and the replies; raises what a step raises."""
        replies = []
        for message in self.messages:
            state, reply = step(state, message)
            replies.append(reply)
        return state, tuple(replies)


def stepped(
    step: Callable[[Values, Any], tuple[Values, Any]], state: Values, message: Any
) -> tuple[Values, Any]:
    """Step a message, or several."""
    return message.step(step, state) if type(message) is Together else step(state, message)


def pack(packing: Packing, message: Any) -> Any:
    """What `json.dumps` takes for a message or for several. Raises NotData for what is not plain data."""
    if type(message) is Together:
        return {_TAG: [packing.pack(each) for each in message.messages]}
    return packing.pack(message)


def unpack(packing: Packing, packed: Any) -> Any:
    """The message or the several. Raises `arrows.received.Bad` for what `pack` does not give."""
    if type(packed) is tuple and packed[0] == _TAG:
        return Together(tuple(packing.unpack(each) for each in packed[1]))
    return packing.unpack(packed)


_TAG = "together"
"""No tag of a packed value."""
