"""An upgrade as it goes: what it is made of, what became of that so far, and who hears of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

from migrations.plan import Row
from migrations.planner import ABSENT
from migrations.refusal import Refusal
from runtime.application import Application
from runtime.errors import cut
from runtime.instruction import (
    Instruction,
    Lead,
    Prepare,
    Progress,
    Rehearse,
    Settle,
    Swap,
    Sweep,
    Tell,
    Terms,
    Verify,
    Watch,
    text,
)

if TYPE_CHECKING:
    from runtime.joint import Joint
    from runtime.release import Release

logger = logging.getLogger("midflight")

State: TypeAlias = Literal["begun", "told", "done", "refused"]


@attrs.frozen
class Changed:
    """Cells, and tables, whose values become others, by machine and address.

    >>> Changed.of({"store": [Row("entries", "converted", "a table by str", "a table by str")]})
    Changed(cells=(), tables=('store.entries',))
    """

    cells: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Mapping[str, Sequence[Row]]) -> Changed:
        """Read from what becomes of each machine's cells."""
        cells, tables = [], []
        for machine, several in rows.items():
            held = [row.address for row in several if _is_table(row.old) and _is_table(row.new)]
            for row in several:
                if row.label == "converted" and not row.address.endswith(ABSENT):
                    if row.address in held:
                        tables.append(f"{machine}.{row.address}")
                    elif not any(row.address.startswith(f"{each}/") for each in held):
                        cells.append(f"{machine}.{row.address}")
        return cls(tuple(cells), tuple(tables))


def _is_table(kind: str) -> bool:
    return kind.startswith("a table ")


def instructions(
    application: str,
    version: str,
    machines: tuple[str, ...],
    terms: Terms,
    *,
    expected: str | None = None,
    rehearse: int = 0,
    allow_pause: bool = False,
    changed: Changed = Changed(),
) -> tuple[Instruction, ...]:
    """What an upgrade does, in order.

    >>> [text(each) for each in instructions("counter", "2", ("counter",), Terms(None))][-3:]
    ['swap counter', 'lead no rows: no table changes', 'settle when told to, or with the next upgrade']
    """
    limit = terms.probation
    given = (
        Verify(application, expected),
        Prepare(application, version),
        Rehearse(rehearse) if rehearse else None,
        Lead(changed.cells, allow_pause),
        Swap(machines),
        Sweep(changed.tables, terms.quarantine),
        None if limit is None else Watch(limit.messages, limit.seconds),
        Settle(terms.settle),
    )
    return tuple(each for each in given if each is not None)


@attrs.frozen
class Planned:
    """What an upgrade would do: `rows` tell what becomes of each machine's cells."""

    application: str
    old: str
    new: str
    old_version: str
    new_version: str
    instructions: tuple[Instruction, ...]
    rows: Mapping[str, tuple[Row, ...]]

    def to_plain(self) -> dict[str, Any]:
        """For JSON, with instructions as texts."""
        rows = {machine: [attrs.asdict(row) for row in each] for machine, each in self.rows.items()}
        told = attrs.asdict(self, recurse=False)
        return {**told, "instructions": [text(each) for each in self.instructions], "rows": rows}


def planned(
    joint: Joint, expected: str | None = None, *, rehearse: int = 0, allow_pause: bool = False
) -> Planned:
    """What a prepared upgrade would do."""
    (old_version, old), (version, new) = joint.old, joint.new
    given = instructions(
        joint.name,
        version,
        joint.machines,
        joint.terms,
        expected=expected,
        rehearse=rehearse,
        allow_pause=allow_pause,
        changed=joint.changed,
    )
    return Planned(joint.name, old, new, old_version, version, given, joint.rows)


@attrs.define
class _Step:
    """An instruction that was begun; `seconds` is how long it took."""

    instruction: Instruction
    since: float
    state: State = "begun"
    note: str = ""
    seconds: float = 0.0


class Transaction:
    """An upgrade of an application, or of a release, on its way through its instructions. `clock` gives seconds.

    `row` is its row in the history, `why` what refused it or made it go back, `changes` what it changes
    in cells and trees.
    """

    def __init__(
        self,
        application: str,
        version: str,
        given: tuple[Instruction, ...],
        clock: Callable[[], float],
        tell: Tell | None = None,
        *,
        is_release: bool = False,
    ) -> None:
        self.application = application
        self.is_release = is_release
        self.version = version
        self.instructions = given
        self.row: dict[str, Any] | None = None
        self.why: Refusal | None = None
        self.changes: dict[str, Any] = {}
        self._clock = clock
        self._tell = tell
        self._steps: dict[type[Instruction], _Step] = {}

    def planned(self, machines: tuple[str, ...], changed: Changed) -> None:
        """Know which machines are to swap, the cells that are to be led, and the tables whose rows are."""

        def known(each: Instruction) -> Instruction:
            if isinstance(each, Swap):
                return attrs.evolve(each, machines=machines)
            if isinstance(each, Lead):
                return attrs.evolve(each, cells=changed.cells)
            return attrs.evolve(each, tables=changed.tables) if isinstance(each, Sweep) else each

        self.instructions = tuple(map(known, self.instructions))

    def begin(self, kind: type[Instruction]) -> None:
        """An instruction begins, where there is such a one."""
        found = next((each for each in self.instructions if isinstance(each, kind)), None)
        if found is not None:
            self._steps[kind] = _Step(found, self._clock())
            self._say(kind, "begun")

    def note(self, kind: type[Instruction], what: str) -> None:
        """Something is to be told of an instruction that was begun."""
        self._say(kind, "told", what)

    def done(self, kind: type[Instruction], what: str = "") -> None:
        """An instruction came to its end."""
        self._say(kind, "done", what)

    def goes_on(self, kind: type[Instruction]) -> bool:
        """Whether an instruction was begun and is not at its end."""
        return kind in self._steps and self._steps[kind].state in ("begun", "told")

    def refused(self, kind: type[Instruction], why: Refusal) -> None:
        """An instruction says no: nothing changes, or the version before takes over again."""
        self.why = why
        self._say(kind, "refused", cut(str(why)))

    def refuse(self, why: Refusal) -> None:
        """As `refused`, of the instruction that was begun last."""
        if self._steps:
            self.refused(next(reversed(self._steps)), why)

    def _say(self, kind: type[Instruction], state: State, note: str = "") -> None:
        step = self._steps.get(kind)
        if step is None:
            return
        seconds = self._clock() - step.since if state in ("done", "refused") else 0.0
        step.state, step.note, step.seconds = state, note, seconds
        if self._tell is None:
            return
        at = next(at for at, each in enumerate(self.instructions) if isinstance(each, kind))
        progress = Progress(at + 1, len(self.instructions), text(step.instruction), state, note, seconds)
        try:
            self._tell(progress)
        except Exception:
            logger.exception("what hears how far an upgrade is raised, and hears no more")
            self._tell = None

    def to_plain(self) -> list[dict[str, Any]]:
        """Every instruction for JSON, those that were begun with what became of them."""
        return [self._plain(each) for each in self.instructions]

    def _plain(self, instruction: Instruction) -> dict[str, Any]:
        step = self._steps.get(type(instruction))
        told: dict[str, Any] = {"instruction": text(instruction)}
        if step is None:
            return told
        told["state"] = "begun" if step.state == "told" else step.state
        if step.state in ("done", "refused"):
            told["seconds"] = step.seconds
        return {**told, "note": step.note} if step.note and step.state != "told" else told


def begun(
    wanted: Application | Release,
    terms: Terms,
    clock: Callable[[], float],
    tell: Tell | None = None,
    *,
    expected: str | None = None,
    rehearse: int = 0,
    allow_pause: bool = False,
) -> Transaction:
    """The upgrade to a version, or to a release, of which nothing was done yet."""
    machines = tuple(wanted.machines)
    given = instructions(
        wanted.name,
        wanted.version,
        machines,
        terms,
        expected=expected,
        rehearse=rehearse,
        allow_pause=allow_pause,
    )
    is_release = not isinstance(wanted, Application)
    return Transaction(wanted.name, wanted.version, given, clock, tell, is_release=is_release)
