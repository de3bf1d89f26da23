"""Upgrades between real protocol machines: what the state is after any history, and where only a person can say."""

from __future__ import annotations

import enum
import itertools
import random
from ast import literal_eval
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from returns.result import Success

from examples.protocol.protocol import Mealy, machine, read
from midflight import Application, Migration, Program, compile, follow, plan, proc, run
from migrations.counterparts import HistoriesDiffer, NotTaken
from migrations.finite import by_behaviour
from runtime.testing import TestNode

Word: TypeAlias = Sequence[str]

SEED = 7
SAID = "an error"
"""The answer to an input that a state has no answer to."""


@pytest.fixture(scope="module")
def models(data_dir: Path) -> dict[str, Mealy]:
    found = {
        f"{f.parent.name}/{f.stem}": read(f.read_text()) for f in sorted((data_dir / "mealy").glob("*/*.dot"))
    }
    if not found:
        pytest.skip(f"no learned models at {data_dir / 'mealy'}")
    return found


# Machines, read here without Midflight


def inputs(*several: Mealy) -> list[str]:
    return sorted({x for mealy in several for row in mealy.table.values() for x in row})


def step(mealy: Mealy, at: str, x: str) -> tuple[str, str]:
    return mealy.table[at].get(x, (SAID, at))


def walk(mealy: Mealy, word: Word, at: str | None = None) -> tuple[str, list[str]]:
    """The state behind a word, and the answers."""
    at, said = at or mealy.initial, []
    for x in word:
        answer, at = step(mealy, at, x)
        said.append(answer)
    return at, said


def reached_together(old: Mealy, new: Mealy) -> dict[tuple[str, str], Word]:
    """Every pair of states that one history leads to; what the old one has no answer to has not happened."""
    found: dict[tuple[str, str], Word] = {(old.initial, new.initial): ()}
    waiting = deque(found)
    while waiting:
        at, beside = waiting.popleft()
        for x in inputs(old, new):
            if x in old.table[at]:
                after = step(old, at, x)[1], step(new, beside, x)[1]
                if after not in found:
                    found[after] = (*found[at, beside], x)
                    waiting.append(after)
    return found


def apart(one: Mealy, at: str, other: Mealy, beside: str) -> Word | None:
    """A shortest word that two states answer differently, or None: they answer every word alike."""
    seen = {(at, beside)}
    waiting: deque[tuple[str, str, tuple[str, ...]]] = deque([(at, beside, ())])
    while waiting:
        here, there, word = waiting.popleft()
        for x in inputs(one, other):
            (answer, after), (another, behind) = step(one, here, x), step(other, there, x)
            if answer != another:
                return (*word, x)
            if (after, behind) not in seen:
                seen.add((after, behind))
                waiting.append((after, behind, (*word, x)))
    return None


def renamed(mealy: Mealy, names: dict[str, str]) -> Mealy:
    return Mealy(
        names[mealy.initial],
        {
            names[at]: {x: (said, names[to]) for x, (said, to) in row.items()}
            for at, row in mealy.table.items()
        },
    )


def permuted(mealy: Mealy, chance: random.Random) -> Mealy:
    """The same machine, each of its names standing for another state."""
    names = list(mealy.table)
    while any(a == b for a, b in zip(names, mealy.table, strict=True)):
        chance.shuffle(names)
    return renamed(mealy, dict(zip(mealy.table, names, strict=True)))


def split(mealy: Mealy, chance: random.Random) -> Mealy:
    """The same machine with up to three copies of each state; a step leads to any of them."""
    copies = {at: [f"{at}_{n}" for n in range(chance.randint(1, 3))] for at in mealy.table}
    return Mealy(
        copies[mealy.initial][0],
        {
            copy: {x: (said, chance.choice(copies[to])) for x, (said, to) in row.items()}
            for at, row in mealy.table.items()
            for copy in copies[at]
        },
    )


def minimised(mealy: Mealy) -> Mealy:
    """The same machine with one state of those that are never told apart."""
    kept: list[str] = []
    names: dict[str, str] = {}
    for at in mealy.table:
        like = next((each for each in kept if apart(mealy, at, mealy, each) is None), None)
        if like is None:
            kept.append(at)
        names[at] = like or at
    return renamed(mealy, names)


def altered(mealy: Mealy, chance: random.Random) -> Mealy:
    """The machine with another answer, or another next state, in one place."""
    at, x, said, to = chance.choice(list(mealy.transitions()))
    if chance.random() < 0.5:
        new = chance.choice([answer for _, _, answer, _ in mealy.transitions() if answer != said]), to
    else:
        new = said, chance.choice([each for each in mealy.table if each != to])
    return Mealy(mealy.initial, {**mealy.table, at: {**mealy.table[at], x: new}})


def variants(mealy: Mealy, chance: random.Random) -> dict[str, Mealy]:
    """Machines that answer every word as the given one does."""
    torn = split(mealy, chance)
    return {
        "itself": mealy,
        "new names": renamed(mealy, {at: f"t{n}" for n, at in enumerate(sorted(mealy.table))}),
        "permuted": permuted(mealy, chance),
        "split": torn,
        "split and permuted": permuted(torn, chance),
        "minimised": minimised(mealy),
        "minimised and permuted": permuted(minimised(mealy), chance),
    }


# Through Midflight


def migration(old: Program[str, str], new: Program[str, str], known: Iterable[str]) -> Migration:
    known = list(known)
    return Migration(
        "machine",
        old="1",
        new="2",
        up={"state": follow(old, new, known).unwrap()},
        down={"state": follow(new, old, known).unwrap()},
    )


def words(known: Sequence[str], chance: random.Random) -> Iterator[Word]:
    """All short words, and long ones."""
    for length in range(4 if len(known) < 10 else 3):
        yield from itertools.product(known, repeat=length)
    for _ in range(25):
        yield chance.choices(known, k=chance.randint(4, 60))


def answers(program: Program[str, str], at: tuple[Any, ...], word: Word) -> list[str]:
    said = []
    for x in word:
        try:
            at, answer = program.step(at, x)
        except KeyError:
            answer = SAID
        said.append(answer)
    return said


def goes_on(old: Mealy, new: Mealy, chance: random.Random) -> int:
    """Swap after each of many prefixes, up and back: all later answers are those of the old machine."""
    before, after, known = compile(machine(old)), compile(machine(new)), inputs(old)
    both = migration(before, after, known)
    up = plan(before, after, both).unwrap()
    down = plan(after, before, both, down=True).unwrap()
    proven: set[tuple[str, str]] = set()
    swaps = 0
    for prefix in words(known, chance):
        at = before.initial()
        for x in prefix:
            at, _ = before.step(at, x)
        moved = up.apply(at).unwrap()
        back = down.apply(moved).unwrap()
        suffix = chance.choices(known, k=20)
        wanted = answers(before, at, suffix)
        assert answers(after, moved, suffix) == answers(before, back, suffix) == wanted, (prefix, suffix)
        if (at[0], moved[0]) not in proven:
            assert apart(old, at[0], new, moved[0]) is None, (prefix, at, moved)
            assert apart(old, at[0], old, back[0]) is None, (prefix, at, back)
            proven.add((at[0], moved[0]))
        swaps += 1
    assert {at for at, _ in proven} <= {at for at, _ in reached_together(old, new)}
    return swaps


def test_between_equivalent_machines_the_behaviour_is_kept_after_any_prefix(models: dict[str, Mealy]) -> None:
    chance = random.Random(SEED)
    swaps = pairs = 0
    for mealy in models.values():
        for other in variants(mealy, chance).values():
            assert apart(mealy, mealy.initial, other, other.initial) is None
            swaps += goes_on(mealy, other, chance)
            swaps += goes_on(other, mealy, chance)
            pairs += 2
    print(f"seed {SEED}: {swaps} swaps between {pairs} pairs of equivalent machines of {len(models)} models")


def test_names_would_not_do(models: dict[str, Mealy]) -> None:
    """What is tested above can fail: kept by name, the state of a permuted machine is another."""
    chance = random.Random(SEED)
    for name, mealy in models.items():
        other = permuted(mealy, chance)
        old, new = compile(machine(mealy)), compile(machine(other))
        kept = plan(old, new, None, machine="machine").unwrap()
        assert [row.label for row in kept.rows] == ["kept"]
        held = {kept.apply((at,)).unwrap()[0]: at for at, _ in reached_together(mealy, mealy)}
        assert any(apart(mealy, at, other, to) for to, at in held.items()), name


def test_a_round_trip_keeps_the_names(models: dict[str, Mealy]) -> None:
    chance = random.Random(SEED)
    for mealy in models.values():
        other = permuted(split(mealy, chance), chance)
        for one, two in ((mealy, permuted(mealy, chance)), (other, permuted(other, chance))):
            old, new = compile(machine(one)), compile(machine(two))
            there = follow(old, new, inputs(one)).unwrap() >> follow(new, old, inputs(one)).unwrap()
            states = [at for at, _ in reached_together(one, one)]
            assert run(there, states) == states


@pytest.mark.parametrize("kind", ["permuted", "split and permuted", "minimised and permuted"])
def test_a_node_is_upgraded_and_rolled_back(models: dict[str, Mealy], kind: str) -> None:
    chance = random.Random(SEED)
    for mealy in models.values():
        other = variants(mealy, chance)[kind]
        known = inputs(mealy)
        both = migration(compile(machine(mealy)), compile(machine(other)), known)
        one = Application("protocol", version="1", machines={"machine": machine(mealy)})
        two = Application("protocol", version="2", machines={"machine": machine(other)}, migrations=[both])
        for _ in range(3):
            node = TestNode()
            assert isinstance(node.start(one), Success)
            word = chance.choices(known, k=60)
            said = [node.call("machine", x) for x in word[:20]]
            assert isinstance(node.upgrade(two), Success)
            said += [node.call("machine", x) for x in word[20:40]]
            assert isinstance(node.rollback("protocol"), Success)
            said += [node.call("machine", x) for x in word[40:]]
            assert said == walk(mealy, word)[1], word


# As enums, of which the plan can list all values


def listed(mealy: Mealy, known: Sequence[str]) -> Program[Any, str]:
    """The machine with an enum for its states and one for its messages."""
    held: Any = enum.Enum("State", list(mealy.table))  # type: ignore[misc]
    message: Any = enum.Enum("Message", [(f"m{n}", x) for n, x in enumerate(known)])  # type: ignore[misc]
    first = held[mealy.initial]
    table = {
        held[at]: {message(x): (answer, held[to]) for x, (answer, to) in row.items()}
        for at, row in mealy.table.items()
    }

    @proc
    def step(msg: message, *, state: held = first) -> str:
        answer, state = table[state][msg]
        return answer

    return compile(step)


def by_enum(mealy: Mealy, other: Mealy) -> tuple[Program[Any, str], Program[Any, str]]:
    known = inputs(mealy)
    return listed(mealy, known), listed(other, known)


def test_what_the_plan_takes_without_being_asked(models: dict[str, Mealy]) -> None:
    chance = random.Random(SEED)
    took = 0
    for mealy in models.values():
        for kind, other in variants(mealy, chance).items():
            old, new = by_enum(mealy, other)
            found = by_behaviour(old, new)
            states = {at for at, _ in reached_together(mealy, mealy)}
            if found is None:
                assert kind in {"itself", "minimised"}
                assert all(apart(mealy, at, other, at) is None for at in states)
                continue
            took += 1
            assert found.how == "equivalent states"
            for at in states:
                value = type(old.initial()[0])[at]
                moved = found.way.up(value)
                assert apart(mealy, at, other, moved.name) is None
                assert found.way.down is not None
                assert apart(mealy, found.way.down(moved).name, mealy, at) is None
                assert found.way.back(moved, found.way.lost and found.way.lost(value)) is value
    print(f"seed {SEED}: behaviour decided for {took} pairs, names for the others")
    assert took >= 5 * len(models)


def test_the_plan_does_not_keep_a_name_that_stands_for_another_state(models: dict[str, Mealy]) -> None:
    chance = random.Random(SEED)
    for mealy in models.values():
        other = permuted(mealy, chance)
        old, new = by_enum(mealy, other)
        up = plan(old, new, None, machine="machine").unwrap()
        for at, _ in reached_together(mealy, mealy):
            (moved,) = up.apply((type(old.initial()[0])[at],)).unwrap()
            assert apart(mealy, at, other, moved.name) is None


def decided(old: Mealy, new: Mealy) -> bool:
    """Follow one machine by another, and prove what comes of it by brute force; return whether it was decided."""
    known = inputs(old, new)
    result = follow(compile(machine(old)), compile(machine(new)), known)
    pairs = reached_together(old, new)
    if isinstance(result, Success):
        moved = {at: run(result.unwrap(), [at])[0] for at, _ in pairs}
        for at, beside in pairs:
            assert apart(new, moved[at], new, beside) is None, (at, beside)
        return True
    refusal = result.failure()
    if isinstance(refusal, NotTaken):
        *before, last = (literal_eval(each) for each in refusal.history)
        assert SAID not in walk(old, [*before, last])[1]
        assert walk(old, [*before, last])[0] != walk(old, before)[0]
        assert last not in new.table[walk(new, before)[0]]
        return False
    assert isinstance(refusal, HistoriesDiffer), refusal
    state = literal_eval(refusal.state)
    one, other = (tuple(map(literal_eval, each)) for each in refusal.histories)
    here, there = map(literal_eval, refusal.states)
    assert SAID not in walk(old, one)[1] + walk(old, other)[1]
    assert walk(old, one)[0] == walk(old, other)[0] == state
    assert (walk(new, one)[0], walk(new, other)[0]) == (here, there)
    assert len(one) == min(len(word) for (at, _), word in pairs.items() if at == state)
    word = tuple(map(literal_eval, refusal.inputs))
    first, second = walk(new, word, here)[1], walk(new, word, there)[1]
    assert first[:-1] == second[:-1]
    assert first[-1] != second[-1]
    assert len(word) == len(apart(new, here, new, there) or ())
    return False


def test_other_implementations_of_one_protocol(models: dict[str, Mealy]) -> None:
    pairs = [
        (one, other)
        for one, other in itertools.permutations(models, 2)
        if one.split("/")[0] == other.split("/")[0]
    ]
    took = [(one, other) for one, other in pairs if decided(models[one], models[other])]
    print(f"{len(took)} of {len(pairs)} pairs of one protocol are decided; the plan asks about the others")
    for names in took:
        old, new = (models[name] for name in names)
        same = apart(old, old.initial, new, new.initial) is None
        print(f"decided{', the same machine' if same else ''}: {' -> '.join(names)}")
    assert len(took) < len(pairs)


def test_versions_with_one_transition_altered(models: dict[str, Mealy]) -> None:
    chance = random.Random(SEED)
    print(f"seed {SEED}")
    took = asks = 0
    for name, mealy in models.items():
        here = [decided(*pair) for _ in range(12) for pair in [(mealy, altered(mealy, chance))]]
        back = [decided(*pair) for _ in range(12) for pair in [(altered(mealy, chance), mealy)]]
        took += sum(here) + sum(back)
        asks += len(here + back) - sum(here) - sum(back)
        print(f"{name}: up {sum(here)} of 12 decided, down {sum(back)} of 12")
    print(f"{took} decided, {asks} asked")
    assert took
    assert asks
