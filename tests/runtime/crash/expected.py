"""What version 2 may tell otherwise: its sends and timers are other ones."""

from typing import Any

from midflight import arr


def meant(effects: tuple[tuple[Any, ...], tuple[Any, ...]]) -> bool:
    return len(effects[0]) == len(effects[1])


expected_effects = {"accounts": arr(meant)}
