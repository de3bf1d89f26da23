"""What is stepped, committed and released together."""

from __future__ import annotations

from typing import Any, TypeAlias

from arrows.cells import Values
from runtime.errors import CallError
from runtime.hosted import Hosted
from runtime.journal import Event
from runtime.outbox import DeadLetter, Published
from runtime.requests import Window
from runtime.waits import Waits

Outcome: TypeAlias = tuple[Any, Any, CallError | None]
"""A ticket (None for a cast), the reply to release, and what to raise instead of it."""


class Batch:
    """What was stepped together: the outcomes in order, and each touched machine as it was before the first.

    `events` are what a journal must hold before the outcomes may be seen, and `puts` what else must be kept. `told`
    is for the world when it does; `waits` and `numbers` are what was due to machines before, and how far the outbox
    had counted; `versions` are those that take over in the events, by application.
    """

    __slots__ = ("before", "events", "interrupt", "numbers", "outcomes", "puts", "told", "versions", "waits")

    def __init__(self) -> None:
        self.before: dict[Hosted, tuple[Values, int, int, Window]] = {}
        self.outcomes: list[Outcome] = []
        self.events: list[Event] = []
        self.puts: dict[str, bytes] = {}
        self.versions: dict[str, str] = {}
        self.interrupt: KeyboardInterrupt | None = None
        self.told: list[Published | DeadLetter] = []
        self.waits: dict[Hosted, Waits] = {}
        self.numbers: tuple[int, int] | None = None

    def undo(self) -> None:
        """Let every machine be as it was before."""
        for hosted, was in self.before.items():
            hosted.state, hosted.stepped, hosted.failed, hosted.window = was
