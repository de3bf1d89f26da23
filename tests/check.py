"""Everything that must pass, with this interpreter's own tools: lint, format, types, tests.

Stops at the first step that fails, with its exit code. Arguments go to pytest, which has a process for each core
(`-n 0` for one alone, which shows what tests print with `-s`).
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

STEPS = {
    "lint": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "types": ["mypy"],
    "tests": ["pytest", "--numprocesses=auto", "--dist=loadfile", *sys.argv[1:]],
}


def main() -> int:
    for name, (tool, *arguments) in STEPS.items():
        print(f"== {name}: {tool} {' '.join(arguments)}", flush=True)
        began = time.monotonic()
        code = subprocess.run([sys.executable, "-m", tool, *arguments], cwd=ROOT, check=False).returncode
        print(
            f"== {name}: {'ok' if code == 0 else f'failed ({code})'}, {time.monotonic() - began:.1f} s",
            flush=True,
        )
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
