"""`midflight export`: a data directory as JSON lines, beside the node that runs on it or without one."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import IO, Annotated, Any

import attrs
import typer
from returns.result import Failure, Result

from migrations.refusal import Refusal
from runtime import bounds, report
from runtime.command import HERE, Data, done, usage
from runtime.errors import of_system
from runtime.export import export as written
from runtime.reading import opened


@attrs.frozen
class CannotWrite(Refusal):
    """A place to which an export, or an artifact, cannot be written."""

    place: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.place} cannot be written: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Give another with --out FILE."


def export(
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to a file that only you can read. [standard output]"),
    ] = None,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Write what is secret, too; needs --out.")
    ] = False,
    data: Data = HERE,
) -> None:
    """Write what the machines know, and the journal, as JSON lines.

    The data directory is read, also while a node runs on it, which is not held up. The versions that it holds are
    run in this process. `midflight run FILE --initial EXPORT` starts an application with the state.
    """
    if with_secrets and out is None:
        usage("--with-secrets needs --out FILE: what is secret is not for a terminal or a pipe.")
    done(_export(data, out, secrets=with_secrets), as_json=False)


def _export(data: Path, out: Path | None, *, secrets: bool) -> Result[Any, Refusal]:
    found = opened(data)
    if isinstance(found, Failure):
        return Failure(found.failure())
    reading = found.unwrap()
    try:
        with contextlib.ExitStack() as closing:
            file: IO[str] = sys.stdout if out is None else closing.enter_context(_private(out))
            closing.enter_context(contextlib.redirect_stdout(sys.stderr))  # versions may print when they load
            return written(reading, _Printer(file).line, secrets=secrets)
    except BrokenPipeError:
        raise  # whoever read has seen enough; the command ends without a word
    except OSError as error:
        place = "standard output" if out is None else str(out.absolute())
        return Failure(CannotWrite(place, of_system(error)))
    finally:
        reading.close()


def _private(out: Path) -> IO[str]:
    """A file of ours alone. An older one of that name is replaced."""
    out.unlink(missing_ok=True)
    return os.fdopen(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8")


class _Printer:
    """Writes lines, and tells now and then how many."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._count = 0

    def line(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._count += 1
        if self._count % bounds.TOLD_LINES == 0:
            report.complain(f"{self._count} lines")
