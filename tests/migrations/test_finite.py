"""Machines with few states: which new state stands for an old one, and where the plan has to ask."""

from __future__ import annotations

import enum
import itertools
import random
from ast import literal_eval
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import attrs
import pytest
from returns.result import Failure, Success

from arrows import (
    Arrow,
    Effect,
    Program,
    Secret,
    arr,
    compile,
    decode,
    emit,
    encode,
    keyed,
    loop,
    perform,
    proc,
    run,
    state,
)
from arrows.build import identity
from migrations import Migration, follow, plan
from migrations.behaviour import MAX_STEPS
from migrations.counterparts import HistoriesDiffer, NotFinite, NotTaken
from migrations.finite import by_behaviour
from migrations.plan import Row
from tests.arrows.test_notation import load

Table: TypeAlias = dict[str, dict[str, tuple[Any, str]]]


def of_table(table: Table, init: str) -> Program[Any, Any]:
    @proc
    def step(at: tuple[str, str]) -> tuple[Any, str]:
        message, state = at
        return table[state][message]

    return compile(loop(step, init=init, name="state"))


def becomes(old: Program[Any, Any], new: Program[Any, Any], inputs: Any, *values: Any) -> list[Any]:
    return run(follow(old, new, inputs).unwrap(), values)


# A door in three versions, and a script of each with classes of its own

DOOR = """
import enum
from arrows import proc

class At(enum.Enum):
    OPEN = 1
    SHUT = 2
    LOCKED = 3

class Ask(enum.Enum):
    PUSH = 1
    TURN = 2

@proc
def door(ask: Ask, *, at: At = At.OPEN) -> str:
    if ask is Ask.PUSH:
        if at is At.OPEN:
            at = At.SHUT
            return "shut"
        if at is At.SHUT:
            at = At.OPEN
            return "open"
        return "stuck"
    if at is At.SHUT:
        at = At.LOCKED
        return "locked"
    if at is At.LOCKED:
        at = At.SHUT
        return "shut"
    return "nothing"
"""
SWAPPED = DOOR.replace("LOCKED", "HELD").replace("OPEN", "LOCKED").replace("HELD", "OPEN")
RENAMED = DOOR.replace("LOCKED", "BOLTED")
KNOCKING = DOOR.replace('"nothing"', '"knock"')


def door(folder: Path, text: str) -> Any:
    return load(folder, text)


def after(program: Program[Any, Any], module: Any, words: Any) -> Any:
    now = program.initial()
    for word in words:
        now, _ = program.step(now, module.Ask[word])
    return now


def answers(program: Program[Any, Any], module: Any, now: Any, words: Any) -> list[str]:
    found = []
    for word in words:
        now, answer = program.step(now, module.Ask[word])
        found.append(answer)
    return found


WORDS = [word for length in range(5) for word in itertools.product(("PUSH", "TURN"), repeat=length)]


def swapping_keeps_the_answers(one: Any, other: Any, migration: Migration | None) -> None:
    """After every prefix, the new version goes on as the old one would."""
    old, new = compile(one.door), compile(other.door)
    found = plan(old, new, migration, machine="door").unwrap()
    for prefix, suffix in itertools.product(WORDS, WORDS):
        before = after(old, one, prefix)
        moved = found.apply(before).unwrap()
        assert answers(new, other, moved, suffix) == answers(old, one, before, suffix), (prefix, suffix)


@pytest.mark.parametrize("text", [SWAPPED, RENAMED, DOOR])
def test_follow_goes_into_a_migration(tmp_path: Path, text: str) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, text)
    old, new = compile(one.door), compile(other.door)
    up, down = follow(old, new).unwrap(), follow(new, old).unwrap()
    migration = Migration("door", old="1", new="2", up={"at": up}, down={"at": down})
    swapping_keeps_the_answers(one, other, migration)
    assert run(up >> down, list(one.At)) == list(one.At)


def test_the_arrow_is_data(tmp_path: Path) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, SWAPPED)
    up = follow(compile(one.door), compile(other.door)).unwrap()
    again = decode(encode(up).unwrap()).unwrap()
    assert encode(again) == encode(up)
    assert [each.name for each in run(again, list(one.At))] == ["LOCKED", "SHUT", "OPEN"]


def test_names_would_be_wrong(tmp_path: Path) -> None:
    """What the plan has to see: kept by name, the permuted door answers otherwise."""
    one, other = door(tmp_path, DOOR), door(tmp_path, SWAPPED)
    before = after(compile(one.door), one, ["PUSH", "TURN"])
    kept = (other.At[before[0].name],)
    assert answers(compile(other.door), other, kept, ["PUSH"]) != answers(
        compile(one.door), one, before, ["PUSH"]
    )


# What the plan takes without being asked


def test_behaviour_decides_where_names_were_permuted(tmp_path: Path) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, SWAPPED)
    for here, there in ((one, other), (other, one)):
        found = by_behaviour(compile(here.door), compile(there.door))
        assert found is not None
        assert found.how == "equivalent states"
        moved = {each.name: found.way.up(each) for each in here.At}
        assert moved == {"OPEN": there.At.LOCKED, "SHUT": there.At.SHUT, "LOCKED": there.At.OPEN}


def test_behaviour_decides_where_a_name_is_gone(tmp_path: Path) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, RENAMED)
    found = by_behaviour(compile(one.door), compile(other.door))
    assert found is not None
    assert found.how == "equivalent states"
    assert found.way.up(one.At.LOCKED) is other.At.BOLTED


def test_histories_decide_where_a_name_is_gone_and_behaviour_changes(tmp_path: Path) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, RENAMED.replace('"nothing"', '"knock"'))
    found = by_behaviour(compile(one.door), compile(other.door))
    assert found is not None
    assert found.how == "histories"
    assert [found.way.up(each).name for each in one.At] == ["OPEN", "SHUT", "BOLTED"]


def test_histories_do_not_decide_against_a_name(tmp_path: Path) -> None:
    changed = SWAPPED.replace('"nothing"', '"knock"').replace("SHUT", "CLOSED")
    one, other = door(tmp_path, DOOR), door(tmp_path, changed)
    assert by_behaviour(compile(one.door), compile(other.door)) is None


@pytest.mark.parametrize("text", [DOOR, KNOCKING, SWAPPED.replace('"nothing"', '"knock"')])
def test_names_decide_elsewhere(tmp_path: Path, text: str) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, text)
    assert by_behaviour(compile(one.door), compile(other.door)) is None


def test_nothing_is_said_of_machines_whose_types_do_not_list_their_states() -> None:
    flip: Table = {"a": {"x": (1, "b")}, "b": {"x": (2, "a")}}
    flop: Table = {"b": {"x": (1, "a")}, "a": {"x": (2, "b")}}
    assert by_behaviour(of_table(flip, "a"), of_table(flop, "b")) is None


def test_nothing_is_said_where_messages_have_other_names(tmp_path: Path) -> None:
    """What the old door did at a push, the new one does at a shove: no history leads anywhere."""
    one, other = door(tmp_path, DOOR), door(tmp_path, RENAMED.replace("PUSH", "SHOVE"))
    assert by_behaviour(compile(one.door), compile(other.door)) is None
    assert isinstance(follow(compile(one.door), compile(other.door)).failure(), NotTaken)


MERGED = """
import enum
from arrows import proc

class At(enum.Enum):
    OPEN = 1
    FIXED = 2

class Ask(enum.Enum):
    PUSH = 1
    TURN = 2

@proc
def door(ask: Ask, *, at: At = At.OPEN) -> str:
    if at is At.OPEN and ask is Ask.PUSH:
        at = At.FIXED
        return "shut"
    return "nothing"
"""
TWICE = """
import enum
from arrows import proc

class At(enum.Enum):
    OPEN = 1
    FIXED = 2
    STUCK = 3

class Ask(enum.Enum):
    PUSH = 1
    TURN = 2

@proc
def door(ask: Ask, *, at: At = At.OPEN) -> str:
    if at is At.OPEN and ask is Ask.PUSH:
        at = At.FIXED
        return "shut"
    if at is At.FIXED and ask is Ask.TURN:
        at = At.STUCK
        return "nothing"
    return "nothing"
"""


def test_states_that_become_one_come_back_with_what_is_kept_beside(tmp_path: Path) -> None:
    one, other = door(tmp_path, TWICE), door(tmp_path, MERGED)
    found = by_behaviour(compile(one.door), compile(other.door))
    assert found is not None
    way = found.way
    assert [way.up(each).name for each in one.At] == ["OPEN", "FIXED", "FIXED"]
    assert way.down is not None
    assert way.down(other.At.FIXED) is one.At.FIXED
    assert way.lost is not None
    assert [way.back(way.up(each), way.lost(each)) for each in one.At] == list(one.At)
    assert way.back(other.At.OPEN, way.lost(one.At.STUCK)) is one.At.OPEN


@attrs.frozen
class Idle:
    pass


@attrs.frozen
class Busy:
    pass


@attrs.frozen
class Start:
    pass


@attrs.frozen
class Stop:
    pass


def work(first: Any, second: Any) -> Program[Any, Any]:
    @proc
    def step(msg: Start | Stop, *, at: Idle | Busy = first) -> str:
        match msg:
            case Start():
                at = second
                return "started"
            case Stop():
                before = at
                at = first
                return "stopped" if before == second else "never ran"

    return compile(step)


def test_classes_without_fields_are_states_and_messages() -> None:
    old, new = work(Idle(), Busy()), work(Busy(), Idle())
    found = by_behaviour(old, new)
    assert found is not None
    assert [found.way.up(Idle()), found.way.up(Busy())] == [Busy(), Idle()]
    assert becomes(old, new, (), Idle(), Busy()) == [Busy(), Idle()]


@pytest.mark.parametrize("text", [SWAPPED, RENAMED])
def test_the_plan_keeps_the_behaviour(tmp_path: Path, text: str) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, text)
    for here, there in ((one, other), (other, one)):
        swapping_keeps_the_answers(here, there, None)
        found = plan(compile(here.door), compile(there.door), None, machine="door").unwrap()
        assert found.rows == (Row("at", "converted", "At", "At", "inferred (equivalent states)"),)


def test_the_plan_asks_histories_where_a_name_is_gone(tmp_path: Path) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, RENAMED.replace('"nothing"', '"knock"'))
    found = plan(compile(one.door), compile(other.door), None, machine="door").unwrap()
    assert found.rows == (Row("at", "converted", "At", "At", "inferred (histories)"),)


def test_the_plan_keeps_names_where_they_decide(tmp_path: Path) -> None:
    one, other = door(tmp_path, DOOR), door(tmp_path, KNOCKING)
    found = plan(compile(one.door), compile(other.door), None, machine="door").unwrap()
    assert [row.label for row in found.rows] == ["kept"]


# Where histories differ


def test_the_refusal_tells_all() -> None:
    """The old lamp forgets how it was lit; the new one does not."""
    old: Table = {
        "dark": {"press": ("on", "lit"), "wave": ("on", "lit")},
        "lit": {"press": ("off", "dark"), "wave": ("off", "dark")},
    }
    new: Table = {
        "dark": {"press": ("on", "pressed"), "wave": ("on", "waved")},
        "pressed": {"press": ("off", "dark"), "wave": ("off", "dark")},
        "waved": {"press": ("off", "dark"), "wave": ("dimmed", "dark")},
    }
    refusal = follow(of_table(old, "dark"), of_table(new, "dark"), ["press", "wave"]).failure()
    assert refusal == HistoriesDiffer(
        "state",
        "'lit'",
        (("'press'",), ("'wave'",)),
        ("'pressed'", "'waved'"),
        ("'wave'",),
        ("'off'", "'dimmed'"),
    )
    assert refusal.message == (
        "The cell 'state' holds 'lit' after 'press' as after 'wave'; the new version would hold 'pressed' after the "
        "first and 'waved' after the second, and these answer 'wave' with 'off' and with 'dimmed'. What the cell holds "
        "does not decide: give the Migration an arrow that does, {'state': arrow}."
    )
    assert refusal.to_plain()["reason"] == "HistoriesDiffer"
    assert becomes(of_table(new, "dark"), of_table(old, "dark"), ["press", "wave"], "waved") == ["lit"]


def test_an_input_that_raised_has_not_happened() -> None:
    """Only the new version knows `wave`: who waved at the old one was told that it failed."""
    old: Table = {"dark": {"press": (1, "lit")}, "lit": {"press": (0, "dark")}}
    new: Table = {
        "dark": {"press": (1, "lit"), "wave": (1, "gone")},
        "lit": {"press": (0, "dark"), "wave": (0, "gone")},
        "gone": {"press": (9, "gone"), "wave": (9, "gone")},
    }
    assert becomes(of_table(old, "dark"), of_table(new, "dark"), ["press", "wave"], "dark", "lit") == [
        "dark",
        "lit",
    ]
    back = follow(of_table(new, "dark"), of_table(old, "dark"), ["press", "wave"]).failure()
    assert back == NotTaken("state", ("'wave'",), ("1", "the error KeyError"))
    assert back.message == (
        "After no input the old version answers 'wave' with 1, the new one with the error KeyError: where that leads, "
        "nothing tells. Let the new version take it, or give the Migration an arrow, {'state': arrow}."
    )


def test_an_input_that_moved_nothing_may_be_refused() -> None:
    old: Table = {"dark": {"press": (1, "lit"), "wave": (5, "dark")}, "lit": {"press": (0, "dark")}}
    new: Table = {"off": {"press": (1, "on")}, "on": {"press": (0, "off")}}
    up = follow(of_table(old, "dark"), of_table(new, "off"), ["press", "wave"]).unwrap()
    assert run(up, ["dark", "lit"]) == ["off", "on"]


def test_errors_of_two_types_are_two_answers() -> None:
    def raising(error: type[Exception]) -> Program[Any, Any]:
        def step(message: str, at: str) -> tuple[int, str]:
            if message == "x":
                raise error
            return 0, {"a": "b", "b": "a"}[at]

        return compile(loop(step, init="a", name="state"))

    flat: Table = {"a": {"y": (0, "a")}}
    assert becomes(raising(KeyError), of_table(flat, "a"), ["x", "y"], "a", "b") == ["a", "a"]
    back = follow(of_table(flat, "a"), raising(KeyError), ["x", "y"])
    assert isinstance(back, Success)  # its two states behave alike


def test_states_may_be_told_apart_late() -> None:
    old: Table = {"a": {"x": (0, "b"), "y": (0, "b")}, "b": {"x": (0, "b"), "y": (0, "b")}}
    new: Table = {"a": {"x": (0, "p0"), "y": (0, "q0")}}
    for row, last in (("p", 1), ("q", 2)):
        for n in range(7):
            to = f"{row}{min(n + 1, 6)}"
            new[f"{row}{n}"] = {"x": (0, f"{row}{n}"), "y": (last if n == 6 else 0, to)}
    refusal = follow(of_table(old, "a"), of_table(new, "a"), ["x", "y"]).failure()
    assert isinstance(refusal, HistoriesDiffer)
    assert refusal.histories == (("'x'",), ("'y'",))
    assert refusal.inputs == ("'y'",) * 7
    assert refusal.answers == ("1", "2")


def test_many_pairs_are_refused() -> None:
    def turning(size: int) -> Program[Any, Any]:
        return compile(loop(lambda _, at: (0, (at + 1) % size), init=0, name="state"))

    refusal = follow(turning(450), turning(451), ["x"]).failure()
    assert f"more than {MAX_STEPS} pairs of a state and an input go together" in refusal.message


def test_states_that_are_told_apart_very_late_are_refused() -> None:
    def full(_: str, at: int) -> tuple[bool, int]:
        return at == 5000, min(at + 1, 5000)

    tank = compile(loop(full, init=0, name="state"))
    assert "telling their 10002 states apart takes too long" in follow(tank, tank, ["x"]).failure().message


# States that nothing leads to


class Phase(enum.Enum):
    A = 1
    B = 2
    LOST = 3
    ODD = 4


class Later(enum.Enum):
    A = 1
    B = 2
    LOST = 3


class Tick(enum.Enum):
    TICK = 1


def clock(cls: Any, *, lost: int, rest: int = 7) -> Program[Any, Any]:
    def step(_: Tick, at: Any) -> tuple[int, Any]:
        if at is cls.A:
            return 1, cls.B
        if at is cls.B:
            return 2, cls.A
        return (lost if at is cls.LOST else rest), at

    step.__annotations__ = {"_": Tick, "at": cls, "return": tuple[int, cls]}
    return compile(loop(step, init=cls.A, name="state"))


def test_what_becomes_of_a_state_that_nothing_leads_to() -> None:
    old, new = clock(Phase, lost=5), clock(Later, lost=6)
    up = follow(old, new, [Tick.TICK]).unwrap()
    assert run(up, [Phase.A, Phase.B, Phase.LOST]) == [Later.A, Later.B, Later.LOST]  # by name
    like = follow(old, clock(Later, lost=7), [Tick.TICK]).unwrap()
    assert run(like, [Phase.ODD]) == [Later.LOST]  # it behaves alike
    migration = Migration("m", old="1", new="2", up={"state": up})
    found = plan(old, new, migration).unwrap()
    assert found.apply((Phase.B,)) == Success((Later.B,))
    refused = found.apply((Phase.ODD,)).failure()
    assert refused.message.startswith("m: migrating the cell 'state' raised KeyError: 'ODD'")


def test_behaviour_says_nothing_where_it_does_not_decide_about_all() -> None:
    assert by_behaviour(clock(Phase, lost=5), clock(Later, lost=6)) is None


def test_a_text_that_the_old_version_never_holds_is_refused() -> None:
    flip: Table = {"a": {"x": (1, "b")}, "b": {"x": (2, "a")}}
    up = follow(of_table(flip, "a"), of_table(flip, "a"), ["x"]).unwrap()
    found = plan(of_table(flip, "a"), of_table(flip, "a"), Migration("m", old="1", new="2", up={"state": up}))
    assert isinstance(found.unwrap().apply(("z",)), Failure)


# What cannot be followed


@attrs.frozen
class Charge(Effect[int]):
    cents: int


@attrs.frozen
class Sold(Effect[None]):
    to: str


def test_what_is_emitted_is_an_answer() -> None:
    def shop(one: str, other: str) -> Program[Any, Any]:
        @proc
        def step(msg: Tick, *, state: str = one) -> int:
            emit(Sold("ann" if state == "a" else "bob"))
            state = "b" if state == "a" else "a"
            return 0

        assert other
        return compile(step)

    assert becomes(shop("a", "b"), shop("b", "a"), [Tick.TICK], "a", "b") == ["b", "a"]


def count(by: int, total: int) -> tuple[int, int]:
    return total, total + by


@pytest.mark.parametrize(
    ("arrow", "inputs", "says"),
    [
        (loop(count, init=0, name="n"), (), "no input is known. Give all inputs"),
        (loop(count, init=0, name="n"), (1,), f"it has more than {MAX_STEPS} states. Declare an arrow."),
        (loop(count, init=0, name="n") >> state("m", 0, identity()), (1,), "it has 2 cells"),
        (keyed(loop(count, init=0, name="n"), identity(), "by"), (1,), "it has 1 cells, or one by key"),
        (state("n", 0, arr(Charge) >> perform(Charge)), (1,), "it waits for answers from outside"),
        (state("n", 0, arr(lambda _: object())), (1,), "object is not plain data"),
        (state("n", [1], identity()), (1,), "a list[int] cannot be looked up"),
        (loop(count, init=0, name="n"), (object(),), "object is not plain data"),
        (
            loop(lambda x, at: (0, x), init=0, name="n"),
            (0, 1.0, 1),
            "Python takes two of its states for equal",
        ),
    ],
)
def test_what_cannot_be_followed(arrow: Arrow[Any, Any], inputs: Any, says: str) -> None:
    refusal = follow(compile(arrow), compile(arrow), inputs).failure()
    assert type(refusal) is NotFinite
    assert refusal.message.startswith("The two versions cannot be followed through their states: ")
    assert says in refusal.message


def test_cells_of_other_addresses_are_not_followed() -> None:
    old, new = (compile(loop(count, init=0, name=name)) for name in "nm")
    assert "their cells are 'n' and 'm'" in follow(old, new, [0]).failure().message


@attrs.frozen
class Login:
    pin: Annotated[int, Secret]


def test_a_refusal_shows_no_secret() -> None:
    old: Table = {"a": {"x": (0, "b"), "y": (0, "b")}, "b": {"x": (0, "b"), "y": (0, "b")}}
    new: Table = {
        "a": {"x": (0, "b"), "y": (0, "c")},
        "b": {"x": (Login(4711), "b"), "y": (0, "b")},
        "c": {"x": (Login(4712), "b"), "y": (0, "b")},
    }
    refusal = follow(of_table(old, "a"), of_table(new, "a"), ["x", "y"]).failure()
    assert isinstance(refusal, HistoriesDiffer)
    assert refusal.answers == ("a Login", "a Login")
    assert "471" not in str(refusal.to_plain())


# Random machines, and brute force


def some(chance: random.Random, states: int) -> Table:
    names = [f"s{n}" for n in range(states)]
    return {
        name: {x: (chance.choice("01"), chance.choice(names)) for x in "ab" if chance.random() < 0.95}
        for name in names
    }


def stepped(table: Table, at: str, word: Any) -> tuple[str, list[Any]]:
    said = []
    for x in word:
        answer, at = table[at].get(x, ("error", at))
        said.append(answer)
    return at, said


LONGEST = 6
"""More than tell three states apart."""
ALL = [word for length in range(LONGEST + 1) for word in itertools.product("ab", repeat=length)]


def brute(old: Table, new: Table) -> tuple[dict[str, dict[str, tuple[str, ...]]], list[tuple[str, ...]]]:
    """By old state: each new state, with the first shortest history; of histories that the old version answered.

    And those whose last input moves the old machine and is an error in the new one.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    gaps = []
    for word in (w for n in range(10) for w in itertools.product("ab", repeat=n)):
        at, said = stepped(old, "s0", word)
        if "error" in said:
            continue
        there, told = stepped(new, "s0", word)
        if told[-1:] == ["error"] and stepped(old, "s0", word[:-1])[0] != at:
            gaps.append(word)
        found.setdefault(at, {}).setdefault(there, word)
    return found, gaps


@pytest.mark.parametrize("seed", range(150))
def test_random_machines_against_brute_force(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    old, new = some(chance, 3), some(chance, 3)
    if seed % 3 == 0:
        new = {name: dict(row) for name, row in old.items()}
    met, gaps = brute(old, new)

    def behaves(at: str) -> list[Any]:
        return [stepped(new, at, word)[1] for word in ALL]

    result = follow(of_table(old, "s0"), of_table(new, "s0"), "ab")
    if gaps:
        gap = result.failure()
        assert isinstance(gap, NotTaken)
        history = tuple(map(literal_eval, gap.history))
        assert history in gaps
        assert len(history) == len(gaps[0])
        return
    asks = [s for s, to in met.items() if len({str(behaves(t)) for t in to}) > 1]
    assert isinstance(result, Failure) == bool(asks), (old, new)
    if isinstance(result, Success):
        for s, to in met.items():
            (moved,) = run(result.unwrap(), [s])
            assert all(behaves(moved) == behaves(t) for t in to)
        return
    refusal = result.failure()
    assert isinstance(refusal, HistoriesDiffer)
    s = literal_eval(refusal.state)
    assert s in asks
    (one, other) = (tuple(map(literal_eval, each)) for each in refusal.histories)
    (here, there) = map(literal_eval, refusal.states)
    assert stepped(old, "s0", one)[0] == stepped(old, "s0", other)[0] == s
    assert (stepped(new, "s0", one)[0], stepped(new, "s0", other)[0]) == (here, there)
    assert len(one) == len(met[s][here]) == min(map(len, met[s].values()))
    assert len(other) == min(len(word) for t, word in met[s].items() if behaves(t) != behaves(here))
    apart = [word for word in ALL if stepped(new, here, word)[1] != stepped(new, there, word)[1]]
    word = tuple(map(literal_eval, refusal.inputs))
    assert word in apart
    assert len(word) == min(map(len, apart))
