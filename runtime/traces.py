"""Tracebacks of versions that run: with the lines they were loaded from, whatever stands in their files by now."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from runtime.application import Application


def log(logger: logging.Logger, text: str, error: BaseException, of: Application | None) -> None:
    """Log an error that a step of an application raised."""
    if not logger.isEnabledFor(logging.ERROR):
        return
    raised = (type(error), error, error.__traceback__)
    record = logger.makeRecord(logger.name, logging.ERROR, __file__, 0, text, (), raised, "log")
    if of is not None and of.sources is not None:
        record.exc_text = shown(error, of.sources.version.texts)
    logger.handle(record)


def shown(error: BaseException, texts: Mapping[str, str]) -> str:
    """The traceback of an error as Python shows it; lines of these files are those of their `texts`."""
    told = traceback.TracebackException.from_exception(error, lookup_lines=False)
    waiting: list[Any] = [told]
    while waiting:
        each = waiting.pop()
        each.stack[:] = [_with_line(frame, texts) for frame in each.stack]
        more = (each.__cause__, each.__context__, *(getattr(each, "exceptions", None) or ()))
        waiting.extend(one for one in more if one is not None)
    return "".join(told.format()).rstrip("\n")


def _with_line(frame: Any, texts: Mapping[str, str]) -> traceback.FrameSummary:
    text, line = texts.get(frame.filename), frame.lineno
    if text is None or line is None:
        return frame  # type: ignore[no-any-return]
    last = (
        frame.end_lineno if sys.version_info >= (3, 13) else line
    )  # it shows an expression of several lines
    lines = "".join(f"{each}\n" for each in text.split("\n")[line - 1 : last or line])
    place = {name: getattr(frame, name) for name in ("end_lineno", "colno", "end_colno")}
    return traceback.FrameSummary(frame.filename, line, frame.name, lookup_line=False, line=lines, **place)
