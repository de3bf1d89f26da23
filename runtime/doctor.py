"""What would keep midflight from working here."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
from returns.result import Failure, Success

from runtime import report
from runtime.control_client import NoNode, ask

_OURS = Path(__file__).resolve().parent.parent
_NAMES = ("arrows", "migrations", "runtime", "midflight")
_LIBRARIES = ("attrs", "immutables", "returns", "rich", "starlette", "typer", "uvicorn")


@attrs.frozen
class Finding:
    """Something that was looked at; `remedy` says what to do where it is not well."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def run(data: Path, *, as_json: bool) -> int:
    """Look, tell, and return 1 where something is wrong."""
    findings = list(examine(data, Path.cwd()))
    well = all(each.ok for each in findings)
    if as_json:
        report.plain({"ok": well, "findings": [attrs.asdict(each) for each in findings]})
    else:
        rows = [(each.name, "ok" if each.ok else "WRONG", each.found, each.remedy) for each in findings]
        report.table("", ("what", "", "found", "what to do"), rows)
    return 0 if well else 1


def examine(data: Path, folder: Path) -> Iterator[Finding]:
    """Look at the interpreter, our modules as seen from `folder`, the libraries, and the data directory."""
    wanted = sys.version_info >= (3, 11)
    yield Finding(
        "python", wanted, platform.python_version(), "" if wanted else "Python 3.11 or later is needed."
    )
    posix = os.name == "posix"
    yield Finding("platform", posix, platform.platform(), "" if posix else "Linux or macOS is needed.")
    for name in _NAMES:
        yield _module(name, folder)
    for name in _LIBRARIES:
        yield _library(name)
    yield _data(data)


def _module(name: str, folder: Path) -> Finding:
    """Whether a name is ours for a program that is started in `folder`."""
    path = [folder, *(Path(each) for each in sys.path if each)]
    ours = _place(_OURS, name)
    for place in path:
        if place.resolve() == _OURS:
            break
        other = _place(place, name)
        if other is not None and other.resolve() != ours:
            remedy = (
                f"Programs that are started here and import midflight find this {name!r} first: rename it, or put "
                f"{_OURS} before {place} on sys.path. `midflight` itself and what it runs are not troubled."
            )
            return Finding(name, False, f"{ours}, hidden by {other}", remedy)
    return Finding(name, ours is not None, str(ours or "missing"), "" if ours else "Install midflight again.")


def _place(folder: Path, name: str) -> Path | None:
    found = (folder / name / "__init__.py", folder / f"{name}.py")
    return next((each for each in found if each.is_file()), None)


def _library(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", f"pip install {name}")


def _data(data: Path) -> Finding:
    """Whether a node could run on the data directory, or does."""
    directory = data.absolute()
    match ask(data, {"op": "status"}, timeout=5):
        case Success(reply):
            return Finding(
                "data", True, f"{directory}: a node runs there, process {reply['status']['process']}"
            )
        case Failure(NoNode()):
            pass
        case Failure(refusal):
            return Finding(
                "data", False, str(refusal), "Stop that node, or use another directory: --data DIR."
            )
    nearest = next(each for each in (directory, *directory.parents) if each.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("data", False, f"{nearest} cannot be written", "Use another directory: --data DIR.")
    return Finding(
        "data", True, f"{directory}: {'no node runs there' if nearest == directory else 'not made yet'}"
    )
