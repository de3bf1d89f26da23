"""Small applications as artifacts, and other users, for the tests of registries."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from arrows import constant, state
from runtime.admission import packed
from runtime.application import Application
from runtime.artifact import Artifact
from runtime.keys import Key
from runtime.seal import sealed


def number(name: str, version: str, start: int = 0, parent: str | None = None) -> Artifact:
    """A machine of pure data, whose first value tells one content from another."""
    machine = state("n", start, constant(start))
    return packed(Application(name, version=version, machines={"m": machine}), parent).unwrap()


def signed(artifact: Artifact, key: Key) -> bytes:
    return sealed("artifact", artifact.content, key)


@contextlib.contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder that every user may read; what tests are given else is its owner's alone."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for each in folder.rglob("*"):
            if each.is_dir() and not each.is_symlink():
                each.chmod(0o700)
        shutil.rmtree(folder)


@contextlib.contextmanager
def reading_only(folder: Path) -> Iterator[None]:
    """Be somebody who may read a folder and what is in it, and change nothing."""
    is_root = os.geteuid() == 0
    every = [folder, *(each for each in folder.rglob("*") if each.is_dir())]
    modes = [each.stat().st_mode for each in every]
    if is_root:
        os.setresuid(65534, 65534, 0)
    else:
        for each in every:
            each.chmod(each.stat().st_mode & 0o555)
    try:
        yield
    finally:
        if is_root:
            os.setresuid(0, 0, 0)
        for each, mode in zip(every, modes, strict=True):
            each.chmod(mode)
