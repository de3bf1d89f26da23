"""What is stepped, committed and released together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from arrows.cells import Values
from runtime.errors import CallError
from runtime.hosted import Hosted
from runtime.journal import Event
from runtime.outbox import DeadLetter, Published
from runtime.requests import Window
from runtime.waits import Waits

if TYPE_CHECKING:
    from runtime.dead_letters import Letter
    from runtime.hosted import Compiled

Outcome: TypeAlias = tuple[Any, Any, CallError | None]
"""A ticket (None for a cast), the reply to release, and what to raise instead of it."""


class Batch:
    """What was stepped together: the outcomes in order, and each touched machine as it was before the first.

    `events` are what a journal must hold before the outcomes may be seen, `puts` what else must be kept, and `gone`
    the keys of what is to be kept no more. `told` is for the world when it does; `dead` are messages that no machine
    took, and `letters` what was made of them; `waits` and `numbers` are what was due to machines before, and how far
    the outbox had counted; `versions` are those that take over in the events, by application.
    """

    __slots__ = (
        "before",
        "dead",
        "events",
        "gone",
        "interrupt",
        "letters",
        "numbers",
        "outcomes",
        "puts",
        "told",
        "versions",
        "waits",
    )

    def __init__(self) -> None:
        self.before: dict[Hosted, tuple[Values, int, int, Window]] = {}
        self.outcomes: list[Outcome] = []
        self.events: list[Event] = []
        self.puts: dict[str, bytes] = {}
        self.versions: dict[str, str] = {}
        self.interrupt: KeyboardInterrupt | None = None
        self.told: list[Published] = []
        self.dead: list[DeadLetter] = []
        self.letters: list[tuple[Letter, Compiled]] = []
        self.gone: set[str] = set()
        self.waits: dict[Hosted, Waits] = {}
        self.numbers: tuple[int, int] | None = None

    def undo(self) -> None:
        """Let every machine be as it was before."""
        for hosted, was in self.before.items():
            hosted.state, hosted.stepped, hosted.failed, hosted.window = was
