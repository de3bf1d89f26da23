"""What machines with few states do: tried in each state on each input, and told apart by their answers.

Two states behave alike (they are bisimilar) if no row of inputs makes them answer differently. They are told apart
round by round, as in E. F. Moore, "Gedanken-experiments on Sequential Machines" (1956): first by their answers to one
input, then by the classes of the round before that they step into, until a round makes no class smaller. The round in
which two states part is the length of a shortest row of inputs that tells them apart. (Hopcroft's refinement of 1971
is faster on large machines, and forgets that length.)
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from arrows import record
from arrows.canonical import NotData, Packer, dump
from arrows.compile import Program
from arrows.effect import Suspended
from arrows.fit import adopt, misfit, show
from arrows.keys import key_of
from arrows.shape import shape_of_value

MAX_STEPS = 200_000
"""Steps that are tried of one machine, and pairs of states times inputs that are followed of two."""

MAX_LOOKS = 5 * MAX_STEPS
"""Steps that are looked at, in all rounds, to tell states apart."""

State: TypeAlias = Hashable
"""What stands for a value of the cell: equal for values that are the same data."""


class NotFew(Exception):
    """A machine that cannot be tried in all its states: for `problem`; do `instead`."""

    def __init__(self, problem: str, instead: str) -> None:
        super().__init__(problem)
        self.problem, self.instead = problem, instead


class Untaken(Exception):
    """What moves the old machine, the new one does not take: `history` leads there, with that input at its end."""

    def __init__(self, history: tuple[int, ...], answer: Answer, other: Answer) -> None:
        super().__init__(history)
        self.history, self.answer, self.other = history, answer, other


@attrs.frozen
class Answer:
    """What a step tells the outside: two are equal if nobody outside can tell them apart."""

    data: bytes
    text: str = attrs.field(eq=False)
    taken: bool = attrs.field(eq=False, default=True)
    """Whether the step was made; what raises or is refused changes nothing."""


Row: TypeAlias = Sequence[tuple[Answer, Any]]
"""For each input: the answer, and the state behind it."""


@attrs.frozen
class Tried:
    """A machine of one cell, tried in each of its states: `values` has them, `rows` what they do."""

    first: State
    values: Mapping[State, Any]
    rows: Mapping[State, Row]


class _Named(Packer):
    """Packs values by the names of their classes and fields, so that those of two versions can be compared."""

    def place(self, cls: type) -> Any:
        return cls.__name__

    def _sorted(self, items: frozenset[Any], depth: int) -> list[Any]:
        return sorted((self.value(each, depth) for each in items), key=dump)


def by_name(value: Any) -> bytes:
    """Data as bytes that are equal for equal data of two versions. Raises NotFew for what is not data."""
    try:
        return dump(_Named().value(value))
    except NotData as error:
        raise NotFew(str(error), "Answer, and ask, with plain data.") from None


def said(value: Any) -> str:
    """A value for people; what holds secrets is not shown."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    return f"a {type(value).__name__}" if record.holds_secrets(shape_of_value(value)) else show(value)


def tried(program: Program[Any, Any], states: Iterable[Any], inputs: Sequence[Any]) -> Tried:
    """Try a machine on each input in its first state, in `states`, and in each that they lead to.

    Raises NotFew past `MAX_STEPS`, and for a machine that waits for an answer or tells what is not data.
    """
    given = [adopt(each, program.takes) for each in inputs]
    (init,) = program.initial()
    values: dict[State, Any] = {_state(each): each for each in (init, *states)}
    rows: dict[State, Row] = {}
    waiting = deque(values)
    while waiting:
        if (len(rows) + len(waiting)) * len(given) > MAX_STEPS:
            raise NotFew(f"it has more than {MAX_STEPS // len(given)} states", "Declare an arrow.")
        at = waiting.popleft()
        row = []
        for each in given:
            answer, value = _step(program, values[at], each)
            after = at if value is values[at] else _state(value)
            if after not in values:
                values[after] = value
                waiting.append(after)
            row.append((answer, after))
        rows[at] = row
    return Tried(_state(init), values, rows)


def _state(value: Any) -> State:
    try:
        key: State = key_of(value)
    except NotData as error:
        raise NotFew(str(error), "Keep plain data in the cell.") from None
    return key


def _step(program: Program[Any, Any], value: Any, given: Any) -> tuple[Answer, Any]:
    if misfit(given, program.takes) is not None:
        return Answer(b"refused", "a refusal of the message", taken=False), value
    try:
        (after,), end, told = program.begin((value,), given)
    except Exception as error:
        name = type(error).__name__
        return Answer(b"raised" + name.encode(), f"the error {name}", taken=False), value
    if isinstance(end, Suspended):
        raise NotFew("it waits for answers from outside", "Declare an arrow.")
    data = by_name((end.output, told))
    text = said(end.output) + "".join(f" and {said(each)}" for each in told)
    return Answer(data, text), after


Met: TypeAlias = Mapping[State, Mapping[State, tuple[State, State, int] | None]]
"""Which states of the new machine go with each of the old; for each pair the one before it and the input between."""


def together(old: Tried, new: Tried) -> Met:
    """Which states of two machines go together: those that the same inputs lead to, the shortest rows first.

    An input that `old` has no answer to has not happened, for either. Raises Untaken where `new` has no answer to one
    that leads `old` to another state, and NotFew past `MAX_STEPS`.
    """
    found: dict[State, dict[State, tuple[State, State, int] | None]] = {old.first: {new.first: None}}
    waiting = deque([(old.first, new.first)])
    steps = 0
    while waiting:
        one, other = waiting.popleft()
        steps += len(old.rows[one])
        if steps > MAX_STEPS:
            raise NotFew(
                f"more than {MAX_STEPS} pairs of a state and an input go together", "Declare an arrow."
            )
        rows = zip(old.rows[one], new.rows[other], strict=True)
        for place, ((answer, after), (another, beside)) in enumerate(rows):
            if answer.taken and not another.taken and after != one:
                raise Untaken((*history(found, one, other), place), answer, another)
            known = found.setdefault(after, {}) if answer.taken else None
            if known is not None and beside not in known:
                known[beside] = one, other, place
                waiting.append((after, beside))
    return found


def history(met: Met, one: State, other: State) -> tuple[int, ...]:
    """A shortest row of inputs that leads to two states that go together."""
    found = []
    before = met[one][other]
    while before is not None:
        found.append(before[2])
        before = met[before[0]][before[1]]
    return tuple(reversed(found))


@attrs.frozen
class Classes:
    """The states of two machines, by what they do: `rounds` has the class of each, finer from round to round."""

    rows: Mapping[Any, Row]
    rounds: Sequence[Mapping[Any, int]]

    def of(self, version: int, state: State) -> int:
        """The class of a state of the old machine (0) or of the new one (1)."""
        return self.rounds[-1][version, state]

    def word(self, one: Any, other: Any) -> tuple[tuple[int, ...], Answer, Answer]:
        """A shortest row of inputs that tells two states of different classes apart, and their last answers."""
        at = next(n for n, each in enumerate(self.rounds) if each[one] != each[other])
        word = []
        for before in reversed(self.rounds[:at]):
            ways = zip(self.rows[one], self.rows[other], strict=True)
            place, one, other = next(
                (place, to, beside)
                for place, ((_, to), (_, beside)) in enumerate(ways)
                if before[to] != before[beside]
            )
            word.append(place)
        answers = zip(self.rows[one], self.rows[other], strict=True)
        last, answer, another = next(
            (place, mine, yours) for place, ((mine, _), (yours, _)) in enumerate(answers) if mine != yours
        )
        return (*word, last), answer, another


def classes(old: Tried, new: Tried) -> Classes:
    """Tell the states of two machines apart. Raises NotFew past `MAX_LOOKS`."""
    rows = {
        (version, state): [(answer, (version, after)) for answer, after in row]
        for version, machine in enumerate((old, new))
        for state, row in machine.rows.items()
    }
    rounds = [_numbered({state: tuple(answer.data for answer, _ in row) for state, row in rows.items()})]
    while True:
        last = rounds[-1]
        if len(rounds) * sum(map(len, rows.values())) > MAX_LOOKS:
            raise NotFew(f"telling their {len(rows)} states apart takes too long", "Declare an arrow.")
        finer = _numbered(
            {state: (last[state], *(last[after] for _, after in row)) for state, row in rows.items()}
        )
        if max(finer.values()) == max(last.values()):
            return Classes(rows, rounds)
        rounds.append(finer)


def _numbered(marks: Mapping[Any, Hashable]) -> dict[Any, int]:
    numbers: dict[Hashable, int] = {}
    return {state: numbers.setdefault(mark, len(numbers)) for state, mark in marks.items()}
