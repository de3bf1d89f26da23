"""The state pattern: what a message does depends on the mode, and each mode is an arrow of its own.

A mode has data: a locked door knows its code, which no other mode can even ask for.
"""

import attrs

from midflight import modes, proc


@attrs.frozen
class Push:
    pass


@attrs.frozen
class Pull:
    pass


@attrs.frozen
class Turn:
    code: int


@attrs.frozen
class Open:
    pass


@attrs.frozen
class Closed:
    pass


@attrs.frozen
class Locked:
    code: int


@proc
def while_open(at: tuple[Push | Pull | Turn, Open]) -> tuple[str, Open | Closed | Locked]:
    msg, mode = at
    match msg:
        case Push():
            return "shuts", Closed()
        case Pull() | Turn():
            return "stands open", mode


@proc
def while_closed(at: tuple[Push | Pull | Turn, Closed]) -> tuple[str, Open | Closed | Locked]:
    msg, mode = at
    match msg:
        case Push():
            return "is shut", mode
        case Pull():
            return "opens", Open()
        case Turn(code):
            return "locks", Locked(code)


@proc
def while_locked(at: tuple[Push | Pull | Turn, Locked]) -> tuple[str, Open | Closed | Locked]:
    msg, mode = at
    match msg:
        case Push() | Pull():
            return "is locked", mode
        case Turn(code):
            return ("unlocks", Closed()) if code == mode.code else ("wrong code", mode)


door = modes((Open, while_open), (Closed, while_closed), (Locked, while_locked), init=Closed(), name="door")
