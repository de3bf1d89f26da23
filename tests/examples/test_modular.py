"""The modular machines: what each does, alike for every reader, from pure data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.modular.brackets import brackets
from examples.modular.door import Pull, Push, Turn, door
from examples.modular.lights import Light, Tick, junction, lights
from examples.modular.player import At, Louder, Mute, Play, Rewind, Volume, player
from examples.modular.radio import Band, Hear, Power, Silent, Tune, radio
from midflight import Arrow, Left, Right, compile, decode, encode, evaluate, run

MACHINES: dict[str, Arrow[Any, Any]] = {
    "brackets": brackets,
    "door": door,
    "junction": junction,
    "player": player,
    "radio": radio,
}


def answers(machine: Arrow[Any, Any], inputs: list[Any]) -> list[Any]:
    """The replies, on which the reference and the compiled machine agree."""
    found = run(machine, inputs)
    state: Any = None
    for value, expected in zip(inputs, found, strict=True):
        state, reply = evaluate(machine, state, value)
        assert reply == expected
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_is_data_and_comes_back_from_its_bytes(name: str) -> None:
    data = encode(MACHINES[name]).unwrap()
    assert encode(decode(data).unwrap()).unwrap() == data


def test_only_the_side_that_a_message_is_for_steps() -> None:
    said = answers(player, [Left(Play(5)), Right(Louder(2)), Left(Play(1)), Right(Mute()), Left(Rewind())])
    assert said == [Left(At(5)), Right(Volume(5)), Left(At(6)), Right(Volume(0)), Left(At(0))]


def test_each_side_keeps_its_own_cells() -> None:
    assert [slot.address for slot in compile(player).slots] == ["video/position", "audio/volume"]


def test_a_pair_steps_in_lock_step() -> None:
    assert answers(lights, [(Tick(), Tick())]) == [(Light.RED, Light.GREEN)]
    shown = answers(junction, [Tick()] * 12)
    assert shown[:6] == shown[6:]
    assert shown[:3] == [(Light.RED, Light.GREEN), (Light.RED, Light.GREEN), (Light.RED, Light.AMBER)]
    assert all(Light.RED in pair for pair in shown), "one of the two always stops"


def test_a_door_does_what_its_mode_says() -> None:
    tried = [Pull(), Turn(7), Push(), Turn(7), Pull(), Turn(8), Turn(7), Pull()]
    said = ["opens", "stands open", "shuts", "locks", "is locked", "wrong code", "unlocks", "opens"]
    assert answers(door, tried) == said


def test_a_radio_that_is_off_is_silent_and_comes_back_where_it_was() -> None:
    assert answers(radio, [Tune(1), Power(), Tune(3), Power(), Tune(9), Power(), Tune(1)]) == [
        *(Silent(), Silent(), Hear("fm", 883)),
        *(Silent(), Silent(), Silent(), Hear("fm", 884)),
    ]


def test_each_band_remembers_its_place() -> None:
    used = [Power(), Tune(2), Band(), Tune(1), Power(), Power(), Tune(1), Band(), Tune(0)]
    heard = [each for each in answers(radio, used) if each != Silent()]
    assert heard == [
        *(Hear("fm", 882), Hear("fm", 882), Hear("am", 540)),
        *(Hear("am", 549), Hear("am", 549), Hear("fm", 882)),
    ]


CLOSES = {")": "(", "]": "["}


def by_hand(text: str) -> list[str]:
    """What a list used as a stack says of each sign."""
    stack: list[str] = []
    said = []
    wrong = False
    for sign in text:
        if sign in CLOSES:
            wrong = wrong or not stack or stack.pop() != CLOSES[sign]
        elif sign in CLOSES.values():
            stack.append(sign)
        said.append("wrong" if wrong else "open" if stack else "balanced")
    return said


def test_brackets_close_in_the_order_they_opened() -> None:
    assert answers(brackets, list("a(b[c])")) == ["balanced", *["open"] * 5, "balanced"]
    assert answers(brackets, list("([)a")) == ["open", "open", "wrong", "wrong"]


@given(st.text("()[]a", max_size=30))
def test_brackets_agree_with_a_stack(text: str) -> None:
    assert answers(brackets, list(text)) == by_hand(text)
