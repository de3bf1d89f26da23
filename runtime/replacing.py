"""Another edition of the version that runs takes its place: its classes may be other objects, nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
from returns.result import Failure, Result, Success

from arrows.cells import Values
from migrations.lazy import only_led
from migrations.plan import plan
from migrations.refusal import Refusal
from runtime.hosted import Compiled, Running
from runtime.leading import led
from runtime.on_the_way import loaded_again
from runtime.waits import Waits


def replace(running: Running, new: Compiled) -> Result[Callable[[], None], Refusal]:
    """Let another edition of the same version run, loaded once more: its classes may be other objects.

    Returns Success(what undoes it), or what the way of the state refuses.
    """
    old, previous = running.compiled, running.previous
    if new is old:
        return Success(lambda: None)
    new = attrs.evolve(new, through=old.through)
    states: dict[str, tuple[Values, Waits]] = {}
    for machine, hosted in running.machines.items():
        way = plan(hosted.program, new.programs[machine], None, machine=machine)
        if isinstance(way, Failure):
            return Failure(way.failure())
        applied = way.unwrap().apply(only_led(hosted.state))
        if isinstance(applied, Failure):
            return Failure(applied.failure())
        adopted = led(hosted, new.application.name, new)
        if isinstance(adopted, Failure):
            return Failure(adopted.failure())
        states[machine] = applied.unwrap(), adopted.unwrap().waits
    before = {machine: (hosted.state, hosted.waits) for machine, hosted in running.machines.items()}

    def run(compiled: Compiled, states: Mapping[str, tuple[Values, Waits]]) -> None:
        running.compiled = compiled
        for machine, hosted in running.machines.items():
            hosted.state, hosted.waits = states[machine]
            hosted.run(compiled)

    def undo() -> None:
        run(old, before)
        running.previous = previous

    run(new, states)
    if previous is not None:
        running.back_to(previous.compiled, previous.states)
        if previous.settled:
            running.settle()
        else:
            if running.watch is not None:
                running.watched(running.watch.fresh())
            loaded_again(running, {machine: state for machine, (state, _) in before.items()})
    return Success(undo)
