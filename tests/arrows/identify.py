"""Run as a program in a folder of modules: prints the digest of each module's machine, or why it has none, as JSON."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main(folder: Path) -> dict[str, str]:
    from arrows import BuildError, digest

    told = json.loads((folder / "told.json").read_text())
    sys.path.insert(0, str(folder))
    found = {}
    for name in told["modules"]:
        try:
            machine = importlib.import_module(name).machine
            if name in told["edits"]:
                path = folder / f"{name}.py"
                path.write_text(path.read_text().replace(*told["edits"][name]))
            found[name] = digest(machine)
        except BuildError as refused:
            found[name] = str(refused)
        except Exception as wrong:
            found[name] = f"{name} failed: {wrong!r}"
    return found


if __name__ == "__main__":
    sys.path[0] = sys.argv[2]
    print(json.dumps(main(Path(sys.argv[1]))))
