"""What a machine tells the node that hosts it: messages to other machines, events, and messages to itself later.

`emit` them; docs/effects.md says what the node does with each.
"""

from __future__ import annotations

from typing import Any

import attrs

from arrows.effect import Effect
from arrows.record import use


@attrs.frozen
class Send(Effect[None]):
    """A message to the machine of that name on the same node.

    >>> from arrows import arr, compile, emit
    >>> program = compile(arr(lambda n: Send("audit", n)) >> emit(Send))
    >>> program.begin(program.initial(), 5)
    ((), Done(output=None), (Send(to='audit', message=5),))
    """

    to: str
    message: Any


@attrs.frozen
class Publish(Effect[None]):
    """An event for whoever is subscribed to a topic when it is committed."""

    topic: str
    message: Any


@attrs.frozen
class After(Effect[None]):
    """A message to the machine itself, so many seconds later.

    One with a `name` takes the place of the machine's earlier one of that name.
    """

    seconds: float
    message: Any
    name: str | None = None


@attrs.frozen
class Cancel(Effect[None]):
    """The message of that name is not to come; nothing where none is to come."""

    name: str


for _each in (After, Cancel, Publish, Send):
    use(_each)  # machines that are decoded speak of these
