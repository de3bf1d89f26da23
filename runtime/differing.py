"""What an upgrade changes, for its row in the history: in cells, and in the trees."""

from __future__ import annotations

from typing import Any

from arrows.diff import diff
from runtime import bounds
from runtime.joint import Joint
from runtime.upgrade import Prepared


def differing(joint: Joint) -> dict[str, Any]:
    """The cells that are not kept, and the edits of each machine's tree, for JSON; of many only the first.

    `more` tells how many are left out.
    """
    cells = [
        {"machine": machine, "address": row.address, "label": row.label, "old": row.old, "new": row.new}
        for machine, rows in joint.rows.items()
        for row in rows
        if row.label != "kept"
    ]
    tree = [line for each in joint.swaps for line in _edits(each)]
    shown = bounds.SHOWN_CHANGES
    left = max(0, len(cells) - shown) + max(0, len(tree) - shown)
    return {"cells": cells[:shown], "tree": tree[:shown], **({"more": left} if left else {})}


def _edits(prepared: Prepared) -> list[str]:
    old, new = prepared.against.application.machines, prepared.compiled.application.machines
    return [
        f"{machine}: {line}" if machine in old else f"{machine}: a new machine"
        for machine in new
        for line in (str(diff(old[machine], new[machine])).splitlines() if machine in old else [""])
        if machine not in old or line[:1] in "+-~><"
    ]
