"""`f * g`: two machines in lock-step; every input is a pair, and both step on their half of it.

In the notes this is the tensor product of two machines. Here two traffic lights follow one clock, whose ticks
`clock & clock` hands to both.
"""

import enum

import attrs

from midflight import Arrow, identity, loop, proc


class Light(enum.Enum):
    RED = 1
    AMBER = 2
    GREEN = 3


@attrs.frozen
class Tick:
    pass


@proc
def turn(at: tuple[Tick, int]) -> tuple[Light, int]:
    """Six ticks a round: red for three, green for two, amber for one."""
    _, phase = at
    then = (phase + 1) % 6
    if phase < 3:
        return Light.RED, then
    return (Light.GREEN, then) if phase < 5 else (Light.AMBER, then)


north = loop(turn, init=0, name="north")
east = loop(turn, init=3, name="east")

lights = north * east
clock: Arrow[Tick, Tick] = identity()
junction = (clock & clock) >> lights
