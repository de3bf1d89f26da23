"""Tables that an upgrade led, when they are read back, or their version is loaded once more, before it is settled.

They know again which rows of the version before they are made of: those that are still to be led are led when they
are touched, and with a rollback each that nobody wrote comes back as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from arrows.cells import Slot, Table, Values
from arrows.fit import adopt
from arrows.keys import key_of, value_of
from migrations.ahead import Ahead
from migrations.chain import Route
from migrations.lazy import LazyTable, adopted, stored
from migrations.plan import Plan
from runtime.hosted import Hosted, Running


def read_back(running: Running, aside: Mapping[str, Mapping[str, list[Any]]]) -> None:
    """Of an application whose states come from a snapshot, with the keys that are set aside (`quarantine.written`)."""
    packing = running.compiled.packing
    for hosted, begun in _begun(running, aside):
        state = list(hosted.state)
        for at, table in begun.items():
            packed = aside.get(hosted.name, {}).get(str(at), ())
            state[at] = stored(table, state[at], [key_of(packing.unpack(each)) for each in packed])
        hosted.state = tuple(state)


def loaded_again(running: Running, before: Mapping[str, Values]) -> None:
    """Of an application whose rows have the classes of another edition now; `before` are its states until then."""
    for hosted, begun in _begun(running, {}):
        state = list(hosted.state)
        for at, table in begun.items():
            was = before[hosted.name][at]
            if type(was) is LazyTable:
                state[at] = adopted(was, table, state[at], _keys(hosted.program.slots[at]))
        hosted.state = tuple(state)


def _keys(slot: Slot) -> Callable[[Any], Any]:
    """What becomes of the keys of a table."""
    assert isinstance(slot, Table)
    shape = slot.key
    return lambda key: key_of(adopt(value_of(key), shape))


def _begun(
    running: Running, aside: Mapping[str, Mapping[str, list[Any]]]
) -> Iterator[tuple[Hosted, dict[int, LazyTable]]]:
    """Each machine with its tables, by their places, as they were when the version took over; none if it is settled."""
    previous = running.previous
    if previous is None:
        return
    for machine, state in previous.states.items():
        hosted = running.machines[machine]
        ahead = Ahead(quarantine=machine in aside)
        ahead.again()
        for slot in hosted.program.slots:
            if not isinstance(slot, Table):
                ahead.knows(slot.address)
        led = previous.routes[machine].bind(Route.plan).bind(partial(Plan.apply, state=state, ahead=ahead))
        tables = {at: each for at, each in enumerate(led.value_or(())) if type(each) is LazyTable}
        yield hosted, tables
