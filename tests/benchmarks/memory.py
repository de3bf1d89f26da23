"""Memory: what the state of a machine weighs. Run as a script, this file weighs in its own process."""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

import arrows
from arrows.build import identity, keyed, loop
from arrows.compile import compile
from runtime.bench import Bench, Measured, Say, Scale, Skip

KEYS: Final = 1_000_000
GEN_SERVER: Final = 2689.0
"""Bytes of an idle gen_server of Erlang/OTP 25 on a 64-bit machine."""


def keys(scale: Scale, say: Say) -> Measured:
    """A fresh process for each sample, so that nothing else was ever allocated in it."""
    if not Path("/proc/self/statm").exists():
        raise Skip("resident memory is read from /proc, which this system does not have")
    count = scale.of(KEYS, least=1000)
    found = []
    for at in range(scale.samples):
        say(f"{at + 1}/{scale.samples}")
        found.append(_child(count))
    return Measured(
        tuple(found),
        (GEN_SERVER,),
        f"{count:,} keys, the key and its count included; the gen_server is a known number, not measured here",
    )


def _child(count: int) -> float:
    paths = [str(Path(arrows.__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-P", __file__, str(count)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Skip(f"the measuring process failed: {done.stderr.strip().splitlines()[-1:]}")
    return float(json.loads(done.stdout))


def count_of(key: int, total: int) -> tuple[int, int]:
    """Count how often a key was seen, from far enough that each count is an object of its own."""
    return total + 1000, total + 1000 + key


def weigh(count: int) -> None:
    """Step a keyed counter once for each key, and print how many bytes each came to."""
    program = compile(keyed(loop(count_of, init=0, name="count"), by=identity(), name="by_key"))
    state, _ = program.step(program.initial(), -1)
    before = resident()
    for key in range(count):
        state, _ = program.step(state, key)
    print(json.dumps((resident() - before) / count))


def resident() -> int:
    """Bytes of this process that are in memory, without what nobody uses."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


BENCHES = (
    Bench(
        "bytes-per-key",
        "resident bytes for each key of keyed(counter)",
        "an idle gen_server",
        "B",
        keys,
        judged="value",
        reach=400.0,
        at_most=True,
    ),
)


if __name__ == "__main__":
    weigh(int(sys.argv[1]))
