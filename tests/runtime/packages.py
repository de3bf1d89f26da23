"""Small applications as artifacts, for the tests of registries."""

from __future__ import annotations

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
