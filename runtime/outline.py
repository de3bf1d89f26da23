"""What a version's messages and cells look like, as plain data: to be compared without executing the version.

    {"classes": [["record", "Incr", [["by", "int"]]]],
     "machines": {"counter": {"takes": ["class", 0], "gives": "int",
                              "cells": [{"address": "count", "shape": "int"}]}}}

`classes` are those that its values are packed by, in their order; shapes speak of them by place. `values` are the
first values of the cells, by machine, in the order of the cells that are in no table.
"""

from __future__ import annotations

import json
from typing import Any

from arrows.canonical import Packer
from arrows.cells import Cell, Slot, initial, layout
from arrows.signature import signature
from arrows.term import node
from arrows.wire import classes_of
from runtime.application import Application


def shapes(application: Application) -> dict[str, Any]:
    """The shapes of a version's messages, replies and cells."""
    packer = _packer(application)
    machines = {}
    for name, machine in application.machines.items():
        takes, gives = signature(node(machine))
        machines[name] = {
            "takes": packer.shape(takes),
            "gives": packer.shape(gives),
            "cells": [_slot(slot, packer) for slot in layout(node(machine)).slots],
        }
    plain: dict[str, Any] = json.loads(json.dumps({"classes": packer.classes, "machines": machines}))
    return plain


def values(application: Application) -> dict[str, Any]:
    """The first values of a version's cells."""
    packer = _packer(application)
    return {
        name: [
            packer.value(value)
            for slot, value in zip(slots, initial(slots), strict=True)
            if isinstance(slot, Cell)
        ]
        for name, machine in application.machines.items()
        for slots in [layout(node(machine)).slots]
    }


def _packer(application: Application) -> Packer:
    packer = Packer()
    for cls in classes_of(node(machine) for machine in application.machines.values()):
        packer.place(cls)
    return packer


def _slot(slot: Slot, packer: Packer) -> dict[str, Any]:
    if isinstance(slot, Cell):
        return {"address": slot.address, "shape": packer.shape(slot.shape)}
    cells = [_slot(each, packer) for each in slot.slots]
    return {"address": slot.address, "key": packer.shape(slot.key), "cells": cells}
