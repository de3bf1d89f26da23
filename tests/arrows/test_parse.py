"""Parsing while other threads parse."""

from __future__ import annotations

import ast
import sys
import threading
from pathlib import Path

from arrows.parse import parse

TEXT = Path(__file__).read_text() * 20


class _Cycle:
    """What the collector of cycles frees while a tree is made; another thread may run then."""

    def __del__(self) -> None:
        sum(range(2000))


def test_threads_that_parse_at_once_get_their_trees() -> None:
    """From calls of other depths, and with the collector running: Python 3.11 counts them together."""
    wanted, wrong = ast.dump(ast.parse(TEXT)), list[BaseException]()

    def work(depth: int) -> None:
        if depth:
            work(depth - 1)
            return
        for _ in range(30):
            cycle = _Cycle()
            vars(cycle)["itself"] = cycle
            try:
                assert ast.dump(parse(TEXT)) == wanted
            except BaseException as error:
                wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(depth,)) for depth in (5, 60, 100)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
