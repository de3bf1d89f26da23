"""The Python interpreters of this machine that have what the package needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NEWEST = 20
_ASK = (
    "import sys, attrs, immutables, returns.result; print(sys.version_info >= (3, 11), sys.version_info[1])"
)


def interpreters() -> dict[str, int]:
    """Every usable one by its path, with its minor version.

    That is this one, those that `MIDFLIGHT_TEST_PYTHONS` names, and those that are installed. The rest are
    named on standard output, with the reason.
    """
    found = {sys.executable: sys.version_info[1]}
    for each in candidates():
        asked = subprocess.run([each, "-c", _ASK], check=False, capture_output=True, text=True)
        answer = asked.stdout.split()
        if answer[:1] == ["True"]:
            found.setdefault(each, int(answer[1]))
        else:
            print(f"{each} is left out: {(asked.stderr.strip() or 'too old').splitlines()[-1]}")
    return found


def candidates() -> list[str]:
    """Every Python that is named or installed, with or without what the package needs."""
    named = [each for each in os.environ.get("MIDFLIGHT_TEST_PYTHONS", "").split(os.pathsep) if each]
    on_path = [shutil.which(f"python3.{minor}") for minor in range(11, NEWEST)]
    kept = sorted(map(str, Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python3")))
    return [*named, *filter(None, on_path), *kept]
