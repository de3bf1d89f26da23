"""From `FILE[:APP]` to an application: the file as a version of its own, or one line that says why not."""

from __future__ import annotations

import logging
import threading
import types
import typing
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows.origin import BuildError
from arrows.term import Arrow, node
from runtime.application import Application, Sources
from runtime.errors import cut
from runtime.files import Files, Kept
from runtime.isolate import Version, with_own_names
from runtime.refusal import CannotLoad
from runtime.surroundings import Surroundings

_NO_PYTHON: Final = "is not a Python file (its name must end in .py)"
_OTHER: Final[Mapping[str, str]] = {
    ".toml": "is the file of a release, and here one application is meant: name the file of one",
    ".artifact": "is an artifact: `midflight push` it, and name it NAME@VERSION",
}

logger = logging.getLogger("midflight")


def load(path: str, files: Files | None = None) -> Result[Application, CannotLoad]:
    """Execute a file as a version of its own and return the one Application in it, or the one named `:APP`.

    It and what it imports are read from `files`, where they are given, and else from the disk. Neither the versions
    loaded before nor anything of the process's import system is altered. What else the file changes in the process
    (the environment, threads, signal handlers) stays changed and is logged. Returns Failure(CannotLoad), naming file
    and line, for a file that is not there, not Python, or raises, and for one that holds no application or several.
    """
    found = _located(path)
    if isinstance(found, Failure):
        return found
    file, name = found.unwrap()
    return _loaded(Version(file, files), name)


def load_kept(main: str, name: str, texts: Mapping[str, str]) -> Result[Application, CannotLoad]:
    """Execute a version from the texts that it was loaded from, whatever stands at their paths now."""
    return _loaded(Version(Path(main), Kept(texts)), name)


def load_arrows(path: str, *names: str) -> Result[tuple[Mapping[str, Arrow[Any, Any]], ...], CannotLoad]:
    """Execute a file, and return those of its variables that are arrows by machine; one that is not there is empty.

    Returns Failure(CannotLoad), also where none is there.
    """
    found = _located(path)
    if isinstance(found, Failure):
        return found
    file, _ = found.unwrap()
    version = Version(file)
    try:
        held = vars(version.execute())
        arrows = tuple({str(m): node(each) for m, each in dict(held.get(name, {})).items()} for name in names)
    except BaseException as error:
        return Failure(_raised(version, error))
    if not any(arrows):
        return Failure(CannotLoad(str(file), f"holds no {' or '.join(names)} = {{MACHINE: ARROW}}"))
    return Success(arrows)


def _loaded(version: Version, name: str) -> Result[Application, CannotLoad]:
    around, result = Surroundings(), None
    try:
        result = _executed(version, name)
        return result
    finally:
        around.put_back()
        for forget in getattr(
            typing, "_cleanups", ()
        ):  # the last aliases, and with them classes of old versions
            forget()
        if not isinstance(result, Success):
            version.discard()
        changed = around.changed()
        if changed:
            logger.warning("%s was loaded, and this process is changed: %s", version.main, "; ".join(changed))


def _executed(version: Version, name: str) -> Result[Application, CannotLoad]:
    try:
        module = version.execute()
    except KeyboardInterrupt as error:
        if threading.current_thread() is threading.main_thread():
            raise
        return Failure(_raised(version, error))
    except BaseException as error:
        return Failure(_raised(version, error))
    chosen = _chosen(module, str(version.main), name)
    return chosen.map(lambda found: attrs.evolve(found[1], sources=Sources(version, found[0])))


def parted(path: str) -> tuple[str, str | None]:
    """The two parts of a `FILE[:APP]`, where the file is there."""
    if Path(path).exists() or ":" not in path:
        return path, None
    file, _, name = path.rpartition(":")
    return file, name


def _located(path: str) -> Result[tuple[Path, str], CannotLoad]:
    try:
        path, name = parted(path)
        if name is not None and not name.isidentifier():
            return Failure(CannotLoad(path, f"{name!r} cannot name a variable; write FILE:APP"))
        file = Path(path).resolve()
        if file.is_dir():
            return Failure(CannotLoad(str(file), "is a folder; name a Python file in it"))
        if not file.exists():
            return Failure(CannotLoad(str(file), "there is no such file"))
        if not file.is_file() or file.suffix != ".py":
            return Failure(CannotLoad(str(file), _OTHER.get(file.suffix, _NO_PYTHON)))
    except (OSError, ValueError) as error:
        return Failure(CannotLoad(cut(path), getattr(error, "strerror", "") or str(error)))
    return Success((file, name or ""))


def _chosen(module: types.ModuleType, file: str, name: str) -> Result[tuple[str, Application], CannotLoad]:
    """The application, and the variable that holds it."""
    held = {key: value for key, value in vars(module).items() if isinstance(value, Application)}
    different = {id(value): (key, value) for key, value in reversed(held.items())}
    known = ", ".join(sorted(held))
    if name:
        if name in held:
            return Success((name, held[name]))
        if name in vars(module):
            kind = type(vars(module)[name]).__name__
            return Failure(CannotLoad(file, f"{name!r} is no Application but of type {kind}"))
        return Failure(CannotLoad(file, f"there is no {name!r}; applications: {known or 'none'}"))
    if not held:
        return Failure(CannotLoad(file, "holds no Application; write app = Application(...)"))
    if len(different) > 1:
        first = sorted(key for key, _ in different.values())[0]
        return Failure(
            CannotLoad(file, f"holds several applications ({known}); name one: {Path(file).name}:{first}")
        )
    return Success(min(held.items(), key=lambda each: each[0]))


def _raised(version: Version, error: BaseException) -> CannotLoad:
    """The innermost line of the project that is to blame, and the error."""
    place = innermost(version.texts, error, str(version.main))
    if isinstance(error, BuildError):
        if error.where and error.where.file in version.texts:
            place = str(error.where)
        return CannotLoad(place, cut(" ".join(f"{error.what}. {error.remedy}".split())).rstrip(". ") + ".")
    if isinstance(error, SyntaxError) and error.filename in version.texts:
        line = f":{error.lineno}" if error.lineno else ""
        return CannotLoad(f"{error.filename}{line}", f"{type(error).__name__}: {error.msg}")
    if isinstance(error, SystemExit):
        return CannotLoad(place, f"ended the program while it was loaded ({_line(error)})")
    return CannotLoad(place, _line(error))


def innermost(texts: Container[str], error: BaseException, otherwise: str = "") -> str:
    """`FILE:LINE` of the innermost line of these files that an error came from."""
    place, trace = otherwise, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in texts:
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _line(error: Any) -> str:
    try:
        text = with_own_names(" ".join(str(error).split()))
    except Exception:
        text = "(its text cannot be shown)"
    if isinstance(error, ValueError) and text.startswith("signal only works in main thread"):
        text += "; a node executes a file in other threads too, so leave signals to what begins the program"
    return cut(f"{type(error).__name__}: {text}" if text else type(error).__name__)
