"""The log shows the lines of the version that raised, whatever its file holds by now."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import StepFailed
from runtime.loader import load
from runtime.testing import TestNode
from runtime.traces import shown

TEXT = """
import attrs
from midflight import Application, proc


@attrs.frozen
class Add:
    n: int


def checked(n: int) -> int:
    try:
        return 10 // n
    except ZeroDivisionError as error:
        raise ValueError(
            "it is nothing"
        ) from error


@proc
def shop(msg: Add, *, total: int = 0) -> int:
    total += checked(msg.n)
    return total


app = Application("shop", version="1", machines={"shop": shop})
"""


def raised(folder: Path) -> tuple[StepFailed, TestNode]:
    """What the step of a version raises whose file has got two lines more since."""
    file = folder / "app.py"
    file.write_text(TEXT)
    node = TestNode()
    node.start(load(str(file)).unwrap()).unwrap()
    file.write_text("# one\n# two\n" + TEXT)
    takes: Any = node._host.core.machines["shop"].program.takes
    with pytest.raises(StepFailed) as told:
        node.call("shop", takes.cls(0))
    return told.value, node


def test_the_log_has_the_lines_that_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        raised(tmp_path)
    (record,) = (each for each in caplog.records if "a step failed" in each.message)
    assert record.exc_info is not None, "who handles it has the error itself"
    text = logging.Formatter().format(record)
    assert "in shop\n    total += checked(msg.n)\n" in text
    assert "    return 10 // n\n" in text
    assert "    raise ValueError(\n" in text
    assert text.endswith("ValueError: it is nothing")
    assert "try:" not in text


def test_it_is_what_python_shows_where_nothing_has_changed(tmp_path: Path) -> None:
    error = raised(tmp_path)[0].error
    (tmp_path / "app.py").write_text(TEXT)
    python = logging.Formatter().formatException((type(error), error, error.__traceback__))
    assert shown(error, {str(tmp_path / "app.py"): TEXT}) == python
