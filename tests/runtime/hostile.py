"""`midflight` for the tests of hostile upgrades, with small bounds, that does something at a given instruction.

python -m tests.runtime.hostile ORDER run v1.py --listen ... --data ...

ORDER is a file: `kill Swap begun` in it lets the process kill itself when that is told of the instruction, and
`fill Swap begun` fill the disk of the data directory. An order is done once.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from runtime import bounds
from runtime.cli import main
from runtime.transaction import Transaction
from tests.runtime.crashing import sweep_slowly

BALLAST = "ballast"


def fill(folder: Path) -> None:
    """Leave no room on a disk."""
    with (folder / BALLAST).open("ab", buffering=0) as ballast:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue


def obey(order: Path, data: Path) -> None:
    """Do what is ordered when an instruction comes to it."""
    say = Transaction._say

    def said(transaction: Transaction, kind: type, state: str, *rest: Any) -> None:
        given = order.read_text().split() if order.exists() else []
        if given[1:] == [kind.__name__, state]:
            order.unlink()
            if given[0] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            fill(data.parent)
        say(transaction, kind, state, *rest)  # type: ignore[arg-type]

    mock.patch.object(Transaction, "_say", said).start()


if __name__ == "__main__":
    bounds.LEADING, bounds.BUDGET = 1.5, 0.5
    bounds.REHEARSAL_MEMORY, bounds.LEADING_MEMORY = 400 << 20, 150 << 20
    sweep_slowly()
    obey(Path(sys.argv.pop(1)), Path(sys.argv[sys.argv.index("--data") + 1]))
    main()
