"""`midflight` as a process that tells what is left in it: one JSON line in a file for each line on standard input.

python -m tests.runtime.soaking REPORTS run v1.py --listen ... --data ...
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import linecache
import logging
import sys
import threading
import types
from collections import Counter
from pathlib import Path
from typing import Any

from runtime import bounds
from runtime.cli import main
from runtime.hosted import Compiled
from runtime.isolate import PREFIX, Version


def left() -> dict[str, Any]:
    """What of versions is to be found in this process, when all that nobody uses is collected."""
    for _ in range(3):
        gc.collect()
    give_back()
    objects = gc.get_objects()
    kinds = Counter(type(each).__name__ for each in objects)
    modules = [each for each in objects if isinstance(each, types.ModuleType)]
    classes = [each for each in objects if isinstance(each, type) and PREFIX in str(each.__module__)]
    return {
        "versions": sum(isinstance(each, Version) for each in objects),
        "compiled": sum(isinstance(each, Compiled) for each in objects),
        "modules": sum(PREFIX in str(each.__dict__.get("__name__")) for each in modules),
        "views": sum(PREFIX in name for name in sys.modules),
        "classes": len(classes),
        "lines": sum(PREFIX in name or name.endswith(("main.py", "words.py")) for name in linecache.cache),
        "loggers": sum(PREFIX in name for name in logging.root.manager.loggerDict),
        "objects": len(objects),
        "threads": threading.active_count(),
        "kinds": kinds.most_common(12),
    }


def give_back() -> None:
    """Let the allocator give the pages back that it holds and nobody uses, where it can be told to."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def listen(reports: Path) -> None:
    for line in sys.stdin:
        with reports.open("a") as file:
            file.write(json.dumps({"asked": line.strip(), **left()}) + "\n")


if __name__ == "__main__":
    bounds.SNAPSHOT_AFTER = 2000
    threading.Thread(target=listen, args=(Path(sys.argv.pop(1)),), daemon=True).start()
    main()
