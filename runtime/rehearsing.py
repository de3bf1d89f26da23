"""A rehearsal: the latest inputs of an application in both versions, in a process of its own, before the swap.

The process reads the data directory and changes nothing in it. It may take so much time and memory, leaves the
processor to the node, and ends with it. What it tells is read as JSON, a line at a time.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime import bounds
from runtime.allowed import Differing
from runtime.errors import cut
from runtime.rerun import Rerun


@attrs.frozen
class RehearsalDiffers(Refusal):
    """The new version does something otherwise than the one that runs, and nobody said that it may."""

    application: str
    inputs: int
    differing: tuple[Differing, ...]

    @property
    def happened(self) -> str:
        first = sorted(self.differing, key=lambda each: not each.refuses)
        shown = "; ".join(map(str, first[: bounds.SHOWN_DIFFERING]))
        more = len(first) - bounds.SHOWN_DIFFERING
        rest = f"; and {more} more" if more > 0 else ""
        return (
            f"{self.application}: rehearsed on {self.inputs} inputs, the new version differs. {shown}{rest}."
        )

    @property
    def remedy(self) -> str:
        return (
            "Mend it, or where that is meant, say so in a file with `expected = {MACHINE: ARROW}`, an arrow from the "
            "old and the new reply to True (`expected_effects` for what it tells), and give it with --expect FILE. "
            "--rehearse 0 does without."
        )

    def to_plain(self) -> dict[str, Any]:
        """The refusal for JSON, with everything that differs."""
        return {**super().to_plain(), "differing": [attrs.asdict(each) for each in self.differing]}


@attrs.frozen
class RehearsalFailed(Refusal):
    """The rehearsal did not come to its end."""

    application: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.application}: the rehearsal did not come to its end: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Look into it, rehearse fewer inputs with --rehearse N, or do without: --rehearse 0."


async def rehearsed(
    directory: Path,
    application: str,
    versions: tuple[str, ...],
    texts: Mapping[str, bytes],
    inputs: int,
    expect: str | None,
    tell: Callable[[str], object],
    *,
    quarantine: bool = False,
) -> Result[Rerun, Refusal]:
    """Step the last inputs of an application in both versions, in a process of its own.

    `versions` are the editions of the new one and of those to go through, `texts` what `kept` gave of them, `expect` a
    file with what may differ. `tell` hears how far it is. With `quarantine` rows that cannot be led are left out.
    Returns Success(Rerun), or Failure(RehearsalDiffers | RehearsalFailed), or why the upgrade or the way back is
    refused.
    """
    request = {
        "directory": str(directory),
        "application": application,
        "versions": versions,
        "texts": {key: base64.b64encode(data).decode() for key, data in texts.items()},
        "inputs": inputs,
        "expect": expect,
        "quarantine": quarantine,
        "memory": bounds.REHEARSAL_MEMORY,
    }
    with tempfile.TemporaryFile() as said:
        try:
            process = await _begun(said)
        except OSError as error:
            return Failure(RehearsalFailed(application, f"it could not be begun: {error}"))
        return await _heard(process, said, request, tell)


async def _heard(
    process: asyncio.subprocess.Process,
    said: IO[bytes],
    request: dict[str, Any],
    tell: Callable[[str], object],
) -> Result[Rerun, Refusal]:
    application, last = request["application"], ""

    async def talk() -> dict[str, Any] | None:
        nonlocal last
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()  # and it stays open: its end is that of this process
        while line := await process.stdout.readline():
            told: dict[str, Any] = json.loads(line)
            if "at" not in told:
                return told
            last = told["at"]
            tell(last)
        return None

    try:
        answer = await asyncio.wait_for(talk(), bounds.REHEARSAL)
    except TimeoutError:
        return Failure(RehearsalFailed(application, _late(last)))
    except (OSError, ValueError) as error:
        return Failure(RehearsalFailed(application, cut(f"{type(error).__name__}: {error}")))
    finally:
        await _gone(process)
    if answer is None:
        said.seek(max(0, said.seek(0, os.SEEK_END) - bounds.REHEARSAL_SAID))
        return Failure(RehearsalFailed(application, _ended(process.returncode, last, said.read())))
    return _result(application, answer)


async def _begun(said: IO[bytes]) -> asyncio.subprocess.Process:
    """A Python that finds the modules that this one finds, with its children in a group of their own."""
    root = str(Path(__file__).resolve().parent.parent)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _CHILD, json.dumps([*map(os.path.abspath, sys.path), root])),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=said,
        limit=bounds.REHEARSAL_LINE,
        start_new_session=True,
    )


async def _gone(process: asyncio.subprocess.Process) -> None:
    """End the process with those that it began."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.communicate(), bounds.REHEARSAL_ENDS)


def _result(application: str, answer: dict[str, Any]) -> Result[Rerun, Refusal]:
    if "problem" in answer:
        return Failure(RehearsalFailed(application, answer["problem"]))
    differing = tuple(Differing(**each) for each in answer["differing"])
    done = Rerun(answer["inputs"], differing, answer["expected"])
    refuses = any(each.refuses for each in differing)
    return Failure(RehearsalDiffers(application, done.inputs, differing)) if refuses else Success(done)


def _late(last: str) -> str:
    return f"it took longer than {bounds.REHEARSAL:g} s" + (f", and was at {last}" if last else "")


def _ended(code: int | None, last: str, said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    how = "it ran out of memory" if lines and lines[-1].startswith("MemoryError") else f"it ended with {code}"
    text = f": {cut(lines[-1])}" if lines else ""
    return f"{how}{text}" + (f", and was at {last}" if last else "")


_CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
import midflight
from runtime.aside import main
main()
"""
