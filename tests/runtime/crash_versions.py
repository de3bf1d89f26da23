"""The versions that the crash test changes between: one before, a good one, one behind that, and those that fail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runtime.loader import load

FILES: Final = Path(__file__).parent / "crash"
EXPECTED: Final = FILES / "expected.py"
"""What a rehearsal of version 2 may find."""
EVERY: Final = 13
"""Every how many numbers a failing version fails."""
SPOILT: Final = 777
"""The sum of a row that `picky` cannot lead."""

_FINE = "def fine(n: int) -> int:\n"
_SHOWN = "def shown(told: Told) -> Told:\n"
_WELL = "    return True\n"
_ROW = "def row(total: int) -> int:\n"

OTHERS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "raises": ((_FINE, f"{_FINE}    if n % {EVERY} == 0:\n        raise KeyError(n)\n"),),
    "odd": ((_SHOWN, f"{_SHOWN}    if told.count % {EVERY} == 0:\n        return object()\n"),),
    "unwell": ((_WELL, f"    return pair[1].count % {EVERY} != 0\n"),),
    "picky": ((_ROW, f"{_ROW}    if total == {SPOILT}:\n        raise ValueError('no such row')\n"),),
    "v3": (('version="2"', 'version="3"'),),
}
"""What is another in the text of version 2."""

FAILING: Final = ("raises", "odd", "unwell")
"""Those that the node finds out about by itself, on probation."""


def versions(folder: Path) -> dict[str, Path]:
    """The file of each version, by its name."""
    found = {"v1": FILES / "v1.py", "v2": FILES / "v2.py"}
    text = found["v2"].read_text()
    for number, (name, changes) in enumerate(OTHERS.items()):
        changed = text.replace("    return n\n", f"    return n + 0 * {number}\n")  # a digest of its own
        for old, new in changes:
            assert changed.count(old) == 1, old
            changed = changed.replace(old, new)
        found[name] = folder / f"{name}.py"
        found[name].write_text(changed)
    return found


def digests(files: Mapping[str, Path]) -> dict[str, str]:
    """The name of each version, by its digest."""
    return {load(str(file)).unwrap().digest: name for name, file in files.items()}
