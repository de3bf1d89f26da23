"""The process of a rehearsal: reads one request from standard input, and tells how it goes and what came of it."""

from __future__ import annotations

import base64
import ctypes
import json
import logging
import math
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.allowed import Expected
from runtime.hosted import Compiled
from runtime.journal import version_key
from runtime.loader import load_arrows
from runtime.reading import open_reading
from runtime.rerun import Rerun, rerun
from runtime.upgrade import compiled_through
from runtime.versions import BroughtBack, brought_back

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Rehearse, and end."""
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _killed_with_parent()
    logging.disable()
    os.nice(bounds.REHEARSAL_NICE)
    resource.setrlimit(resource.RLIMIT_DATA, (request["memory"], request["memory"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (bounds.REHEARSAL_FILE, bounds.REHEARSAL_FILE))
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the user's code prints is no answer
    at = [""]
    threading.Thread(target=_tell, args=(at, out), daemon=True).start()
    result = _rehearsed(request, at)
    at.append("done")
    match result:
        case Success(Rerun() as found):
            differing = [attrs.asdict(each) for each in found.differing[: bounds.TOLD_DIFFERING]]
            answer: dict[str, Any] = {
                "inputs": found.inputs,
                "expected": found.expected,
                "differing": differing,
            }
        case Failure(refusal):
            answer = {"problem": refusal.message}
    out.write(json.dumps(answer) + "\n")
    out.flush()
    os._exit(0)


def _rehearsed(request: dict[str, Any], at: list[str]) -> Result[Rerun, Refusal]:
    texts = {key: base64.b64decode(data) for key, data in request["texts"].items()}
    found: list[BroughtBack] = []
    for edition in request["versions"]:
        back = brought_back(texts[version_key(edition)])
        if isinstance(back, Failure):
            return Failure(back.failure())
        found.append(back.unwrap())
    new: Result[Compiled, Refusal] = compiled_through(
        found[0].application, [each.application for each in found[1:]]
    )
    names = ("expected", "expected_effects")
    arrows = Success(({}, {})) if request["expect"] is None else load_arrows(request["expect"], *names)
    store = open_reading(Path(request["directory"]))
    for each in (new, arrows, store):
        if isinstance(each, Failure):
            return Failure(each.failure())

    def told(done: int, count: int, what: str) -> None:
        at[0] = f"{done} of {count}, {what}"

    name, limit = request["application"], request["inputs"]
    return rerun(
        store.unwrap(),
        name,
        new.unwrap(),
        limit,
        Expected(*arrows.unwrap()),
        told,
        quarantine=request["quarantine"],
    )


def _tell(at: list[str], out: Any) -> None:
    """Say now and then how far it is, also where a step does not end."""
    while len(at) == 1:
        time.sleep(bounds.REHEARSAL_TELLS)
        if at[0] and len(at) == 1:
            out.write(json.dumps({"at": at[0]}) + "\n")
            out.flush()


def _killed_with_parent() -> None:
    """Linux ends it also while a step keeps every other thread from running; elsewhere its processor time does."""
    seconds = 2 * math.ceil(bounds.REHEARSAL)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_parent() -> None:
    """The node's end of the pipe stays open for as long as the node is there."""
    sys.stdin.read()
    os._exit(1)
