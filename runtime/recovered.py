"""What recovery comes to, and who hears of it on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from migrations.refusal import Refusal
from runtime.core import Core
from runtime.hosted import Running
from runtime.journal import Event
from runtime.snapshot import Base
from runtime.unit import Unit


class Stopped(Exception):
    """Recovery cannot go on."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@attrs.frozen
class Recovered:
    """The applications as they were, the number and time of the log's last entry, how many steps were repeated.

    `releases` is what belongs together, `told` how far the outbox has counted, `base` the snapshot it began with.
    """

    applications: dict[str, Running]
    number: int
    now: int
    steps: int
    told: tuple[int, int]
    base: Base
    releases: dict[str, Unit]


Listen: TypeAlias = Callable[[tuple[int, int], Event, Core], None]
"""Hears of each event before it is repeated: the entry and the place in it, the event, the machines."""
