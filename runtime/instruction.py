"""An upgrade as a list of instruction values, checked whole before the first runs, and how far it is.

What comes before `Swap` changes nothing; `Swap` is the point of no return for a refusal, and what comes behind it
either lets the upgrade stand or undoes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias, assert_never

import attrs


@attrs.frozen
class Verify:
    """Look whether the version that runs is the expected one (a digest, or None for whichever runs)."""

    application: str
    expected: str | None = None


@attrs.frozen
class Prepare:
    """Load, check and compile the new version, and plan the way of every cell and message."""

    application: str
    version: str


@attrs.frozen
class Rehearse:
    """Step so many of the latest inputs in both versions, in a process of its own."""

    inputs: int


@attrs.frozen
class Lead:
    """Lead cells to the new version beside the running machines, so that the swap need not wait for large ones."""

    cells: tuple[str, ...]
    allow_pause: bool = False


@attrs.frozen
class Swap:
    """Let the new version of these machines take over, all of them between the same two messages, or none."""

    machines: tuple[str, ...]


@attrs.frozen
class Watch:
    """Keep the new version on probation: for so many messages or seconds, whichever come first."""

    messages: int
    seconds: float


@attrs.frozen
class Sweep:
    """Lead the rows of tables that no message has touched; a table is named by its machine and address."""

    tables: tuple[str, ...] = ()
    quarantine: bool = False


@attrs.frozen
class Settle:
    """Let go of the way back: by itself, or when an operator or the next upgrade says so."""

    by_itself: bool


Instruction: TypeAlias = Verify | Prepare | Rehearse | Lead | Swap | Watch | Sweep | Settle


def text(instruction: Instruction) -> str:
    """An instruction for people.

    >>> text(Watch(1000, 10.0))
    'watch the new version for 1000 messages or 10 s'
    """
    match instruction:
        case Verify(expected=expected):
            return f"verify that {expected[:12]} runs" if expected else "verify what runs"
        case Prepare(application=application, version=version):
            return f"prepare version {version} of {application}"
        case Rehearse(inputs=inputs):
            return f"rehearse on the last {inputs} inputs"
        case Lead(cells=cells, allow_pause=allow_pause):
            if not cells:
                return "lead no cells: none becomes another"
            led = f"lead {', '.join(cells)} beside the running machines"
            return f"{led}, or in the swap with a pause" if allow_pause else led
        case Swap(machines=machines):
            return f"swap {', '.join(machines)}"
        case Watch(messages=messages, seconds=seconds):
            return f"watch the new version for {messages} messages or {seconds:g} s"
        case Sweep(tables=tables, quarantine=quarantine):
            if not tables:
                return "lead no rows: no table changes"
            led = f"lead the rows of {', '.join(tables)}"
            return f"{led}, and set keys aside where that fails" if quarantine else led
        case Settle(by_itself=by_itself):
            return "settle" if by_itself else "settle when told to, or with the next upgrade"
        case _:
            assert_never(instruction)


@attrs.frozen
class Progress:
    """How far an upgrade is: which instruction of how many, its text, and what became of it.

    `seconds` is how long it took, where it is done or refused; `note` is what there is to say.
    """

    at: int
    of: int
    instruction: str
    state: Literal["begun", "told", "done", "refused"]
    note: str = ""
    seconds: float = 0.0


Tell: TypeAlias = Callable[[Progress], object]
"""Hears how far an upgrade is."""


@attrs.frozen
class Probation:
    """For how long a new version is watched: so many messages or seconds, whichever come first.

    Raises ValueError for less than one message or no time.
    """

    messages: int = attrs.field(default=1000)
    seconds: float = attrs.field(default=10.0)

    def __attrs_post_init__(self) -> None:
        if self.messages < 1 or not self.seconds > 0:
            raise ValueError(
                f"a probation of {self.messages} messages or {self.seconds:g} s: give at least 1 and more than 0, "
                "or None for no probation"
            )

    def __str__(self) -> str:
        return f"{self.messages}/{self.seconds:g}s"


@attrs.frozen
class Terms:
    """On what terms a new version takes over: how long it is watched, and whether it settles by itself behind that.

    With `quarantine` the keys of rows that cannot be led to it are set aside.
    """

    probation: Probation | None = Probation()
    settle: bool = False
    quarantine: bool = False

    def written(self) -> list[Any]:
        """For the journal: the limits, whether it settles, and whether keys are set aside; `read` takes them."""
        limit = self.probation
        return [None if limit is None else [limit.messages, limit.seconds], self.settle, self.quarantine]

    @classmethod
    def read(
        cls, limit: Sequence[float] | None = None, settle: bool = False, quarantine: bool = False
    ) -> Terms:
        """What was `written`.

        >>> Terms.read(*Terms(Probation(5, 1.0)).written())
        Terms(probation=Probation(messages=5, seconds=1.0), settle=False, quarantine=False)
        """
        return cls(None if limit is None else Probation(int(limit[0]), limit[1]), settle, quarantine)


_WRITTEN = re.compile(r"(\d+)/(\d+(?:\.\d+)?)(s|m|h)")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def probation(written: str) -> Probation | None:
    """Read `MESSAGES/TIME`, as in `1000/10s`, `100/5m`, `100000/1h`; `0` is None: no probation. Raises ValueError.

    >>> probation("100/5m"), probation("0")
    (Probation(messages=100, seconds=300.0), None)
    """
    if written == "0":
        return None
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise ValueError(
            f"{written!r}: write MESSAGES/TIME, such as 1000/10s, 100/5m or 100000/1h, or 0 for none"
        )
    return Probation(int(found[1]), float(found[2]) * _UNITS[found[3]])


def as_texts(instructions: Iterable[Instruction]) -> list[str]:
    """Instructions for people, in their order."""
    return [text(each) for each in instructions]
