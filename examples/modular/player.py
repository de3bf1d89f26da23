"""`f + g`: two machines side by side; each message is for one of them, and only that one steps.

In the notes this is the angelic product of two machines.
"""

import attrs

from midflight import named, proc


@attrs.frozen
class Play:
    seconds: int


@attrs.frozen
class Rewind:
    pass


@attrs.frozen
class Louder:
    by: int


@attrs.frozen
class Mute:
    pass


@attrs.frozen
class At:
    seconds: int


@attrs.frozen
class Volume:
    level: int


@proc
def video(msg: Play | Rewind, *, position: int = 0) -> At:
    match msg:
        case Play(seconds):
            position += seconds
        case Rewind():
            position = 0
    return At(position)


@proc
def audio(msg: Louder | Mute, *, volume: int = 3) -> Volume:
    match msg:
        case Louder(by):
            volume += by
        case Mute():
            volume = 0
    return Volume(volume)


player = named("video", video) + named("audio", audio)
