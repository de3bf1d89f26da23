"""A machine as an SVG file: the DOT text of `arrows.draw`, laid out by Graphviz."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Result, Success

from arrows.diff import Difference
from arrows.draw import dot
from arrows.term import Arrow
from migrations.refusal import Refusal
from runtime import bounds


@attrs.frozen
class CannotDraw(Refusal):
    """A picture could not be made or written."""

    problem: str

    @property
    def happened(self) -> str:
        return self.problem

    @property
    def remedy(self) -> str:
        return ""


def svg(arrow: Arrow[Any, Any], difference: Difference | None = None) -> Result[str, CannotDraw]:
    """Return Success(the SVG text of a machine), or Failure(CannotDraw) where Graphviz is missing or fails.

    With a difference made from the machine, what changes is in colours, as in `arrows.draw.dot`.
    """
    program = shutil.which("dot")
    if program is None:
        return Failure(
            CannotDraw(
                "an SVG needs the program `dot` of Graphviz, which is not on the path. Install it "
                "(apt install graphviz, brew install graphviz), or leave out --svg for Mermaid text."
            )
        )
    try:
        done = subprocess.run(  # noqa: S603 - the program was looked up, and takes no argument of a user's
            [program, "-Tsvg"],
            input=dot(arrow, difference),
            capture_output=True,
            encoding="utf-8",
            timeout=bounds.DRAW_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return Failure(
            CannotDraw(f"{program} took more than {bounds.DRAW_SECONDS} s; the machine is too big to draw.")
        )
    except (subprocess.CalledProcessError, OSError) as error:
        told = getattr(error, "stderr", None) or error
        return Failure(CannotDraw(f"{program} failed: {str(told).strip()}"))
    return Success(done.stdout)


def write(
    arrow: Arrow[Any, Any], file: Path, difference: Difference | None = None
) -> Result[Path, CannotDraw]:
    """Write the SVG of a machine to a file; nothing is written where it cannot be drawn."""
    return svg(arrow, difference).bind(lambda text: save(text, file))


def save(text: str, file: Path) -> Result[Path, CannotDraw]:
    """Write an SVG to a file."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        return Failure(CannotDraw(f"{file}: {error.strerror}"))
    return Success(file)
