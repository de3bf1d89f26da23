"""The latest inputs of an application's running version, gathered from the log."""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs

from arrows.cells import Values
from runtime.core import Core
from runtime.errors import OverBudget
from runtime.journal import Event
from runtime.together import unpack


@attrs.frozen
class Input:
    """A message to a machine, and the state that it met."""

    machine: str
    message: Any
    state: Values


class Inputs:
    """Gathers the latest inputs of an application's running version, as recovery repeats them."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self.found: deque[Input] = deque(maxlen=limit)

    def hear(self, _: tuple[int, int], event: Event, core: Core) -> None:
        """Take in an event that is about to be repeated."""
        kind, name, *rest = event
        if kind in ("start", "swap", "stop") and name == self._name:
            self.found.clear()
        elif kind in ("step", "raised"):
            hosted = core.machines[name]
            is_endless = kind == "raised" and rest[1].startswith(OverBudget.__name__)
            if hosted.application.name == self._name and not is_endless:
                self.found.append(Input(name, unpack(hosted.packing, rest[0]), hosted.state))
