"""A hierarchy: one of the modes is a machine with modes.

The radio is off or on; while it is on, it is on FM or on AM. The inner machine is an ordinary arrow that knows
nothing of the outer one. Its cells stay while the radio is off, so it comes back on where it was.
"""

import attrs

from midflight import modes, proc


@attrs.frozen
class Power:
    pass


@attrs.frozen
class Band:
    pass


@attrs.frozen
class Tune:
    steps: int


@attrs.frozen
class Silent:
    pass


@attrs.frozen
class Hear:
    band: str
    frequency: int


@attrs.frozen
class Fm:
    pass


@attrs.frozen
class Am:
    pass


@proc
def fm(at: tuple[Band | Tune, Fm], *, channel: int = 880) -> tuple[Hear, Fm | Am]:
    """Channels of a tenth of a megahertz. Leaving the band tells where the radio was."""
    msg, mode = at
    match msg:
        case Band():
            return Hear("fm", channel), Am()
        case Tune(steps):
            channel += steps
            return Hear("fm", channel), mode


@proc
def am(at: tuple[Band | Tune, Am], *, frequency: int = 531) -> tuple[Hear, Fm | Am]:
    """Channels of nine kilohertz."""
    msg, mode = at
    match msg:
        case Band():
            return Hear("am", frequency), Fm()
        case Tune(steps):
            frequency += 9 * steps
            return Hear("am", frequency), mode


tuner = modes((Fm, fm), (Am, am), init=Fm(), name="band")


@attrs.frozen
class Off:
    pass


@attrs.frozen
class On:
    pass


@proc
def while_off(at: tuple[Power | Band | Tune, Off]) -> tuple[Silent | Hear, Off | On]:
    msg, mode = at
    match msg:
        case Power():
            return Silent(), On()
        case Band() | Tune():
            return Silent(), mode


@proc
def while_on(at: tuple[Power | Band | Tune, On]) -> tuple[Silent | Hear, Off | On]:
    msg, mode = at
    match msg:
        case Power():
            return Silent(), Off()
        case Band() | Tune():
            return tuner(msg), mode


radio = modes((Off, while_off), (On, while_on), init=Off(), name="power")
