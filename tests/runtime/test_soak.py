"""Upgrade after upgrade under load, in a process of its own: nothing of the versions that were is left in it."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from returns.result import Failure, Success

from runtime.control_client import ask
from tests.conftest import ROOT
from tests.runtime.crash_checker import wait_for
from tests.runtime.crash_story import free_port

WORDS = """
import logging
from typing import Optional
from attrs import frozen
@frozen
class Add:
    n: int = 1
    def doubled(self) -> int:
        return self.n * 2
@frozen
class Look:
    pass
@frozen
class Sum:
    total: int
    by: int = {number}
    last: Optional[Add] = None
logging.getLogger(__name__).debug("loaded")
"""
MAIN = """
from __future__ import annotations
import logging
from midflight import Application, Migration, proc
from package.words import Add, Look, Sum
log = logging.getLogger(__name__)
CONSTANT = {number}
def scaled(n: int) -> int:
    from package.late import factor
    return n * factor + CONSTANT * 0
@proc
def adder(msg: Add | Look, *, {cell}) -> Sum:
    match msg:
        case Add(n):
            {step}
        case Look():
            pass
    return Sum({told})
@proc
def up(total: {old}) -> {new}:
    return {there}
@proc
def down(total: {new}) -> {old}:
    return {back}
way = Migration("adder", old="{before}", new="{number}", up={{"total": up}}, down={{"total": down}})
app = Application("adder", version="{number}", machines={{"adder": adder}}, migrations=[way])
"""
SHAPES = (
    {"cell": "total: int = 0", "step": "total += scaled(n)", "told": "total"},
    {
        "cell": "total: tuple[int, int] = (0, 0)",
        "step": "total = (total[0], total[1] + scaled(n))",
        "told": "total[1]",
    },
)
WAYS = (
    {"old": "tuple[int, int]", "new": "int", "there": "total[1]", "back": "(total, total)"},
    {"old": "int", "new": "tuple[int, int]", "there": "(total, total)", "back": "total[1]"},
)


def project(folder: Path, number: int, before: int, ending: str = "") -> Path:
    """A version of three files; its state is of another shape than that of the one before."""
    package = folder / "package"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "late.py").write_text("factor = 1\n")
    (package / "words.py").write_text(WORDS.format(number=number))
    shape = SHAPES[number % 2] | WAYS[number % 2]
    (folder / "main.py").write_text(MAIN.format(number=number, before=before, **shape) + ending)
    return folder / "main.py"


@attrs.frozen
class Seen:
    """A process from outside and from inside."""

    resident: int
    handles: int
    inside: dict[str, Any]


class Soak:
    """A node under load that is upgraded again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.reports = folder, folder / "data", folder / "reports"
        self.port = free_port()
        self.number = self.runs = 0
        url = f"http://127.0.0.1:{self.port}"
        given = ["run", str(project(folder / "in_place", 0, -1)), "--listen", url, "--data", str(self.data)]
        self.node = self.python("-m", "tests.runtime.soaking", str(self.reports), *given)
        assert wait_for(self.port), self.node.stderr
        post = [f"{url}/machines/adder", '{"type": "Add", "n": 1}', "4"]
        self.load = self.python(str(ROOT / "runtime" / "load.py"), *post, stdout=subprocess.PIPE)
        self.asked = 0

    def python(self, *arguments: str, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, *arguments]
        with (self.folder / "errors").open("a") as errors:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=errors,
                text=True,
            )

    def change(self, names: int = 0) -> None:
        """An upgrade to a version that never was: in a folder of its own, or edited in place. Now and then others.

        With `names` it has so many more, each of them new.
        """
        self.number += 1
        ending = "".join(f"name_{self.number}_{each} = 0\n" for each in range(names))
        place = self.folder / ("in_place" if self.number % 3 else f"v{self.number}")
        if self.number % 5 == 0:
            self.refused(project(self.folder / "bad", self.number, self.runs, "raise ValueError('no')\n"))
        if self.number % 5 == 1:
            self.refused(project(self.folder / "bad", self.number, self.runs + 1))
        self.done(
            {"op": "upgrade", "probation": None, "file": str(project(place, self.number, self.runs, ending))}
        )
        before, self.runs = self.runs, self.number
        if self.number % 7 == 0:
            self.done({"op": "rollback"})
            self.done(
                {"op": "upgrade", "probation": None, "file": str(project(place, self.number, before, ending))}
            )

    def done(self, request: dict[str, Any]) -> None:
        reply = ask(self.data, request)
        assert isinstance(reply, Success), reply

    def refused(self, file: Path) -> None:
        reply = ask(self.data, {"op": "upgrade", "probation": None, "file": str(file)})
        assert isinstance(reply, Failure), reply

    def seen(self) -> Seen:
        """Look at the process while nothing else is asked of it."""
        assert self.node.stdin is not None
        self.asked += 1
        self.node.stdin.write(f"{self.asked}\n")
        self.node.stdin.flush()
        until = time.monotonic() + 60
        while time.monotonic() < until:
            lines = self.reports.read_text().splitlines() if self.reports.exists() else []
            if len(lines) == self.asked:
                break
            time.sleep(0.02)
        inside = json.loads(lines[-1])
        process = Path("/proc") / str(self.node.pid)
        pages = int((process / "statm").read_text().split()[1])
        return Seen(pages * os.sysconf("SC_PAGE_SIZE"), len(list((process / "fd").iterdir())), inside)

    def changes(self, count: int, names: int = 0) -> None:
        """Changes with a look after each ten, at which the allocator gives back what nobody uses."""
        for number in range(count):
            self.change(names)
            if number % 10 == 9:
                self.seen()

    def settled(self) -> Seen:
        """Look some times, a change and a moment apart: at what was resident in the middle, and the least inside.

        A version that was left lives on for as long as the timer of a question that was answered, 0.3 s, or on a busy
        machine longer. What stays for good is there at every look.
        """
        looks = []
        for _ in range(5):
            self.change()
            time.sleep(0.5)
            looks.append(self.seen())
        middle = sorted(looks, key=lambda look: look.resident)[2]
        counts = {name for name, value in middle.inside.items() if isinstance(value, int)}
        least = {name: min(look.inside[name] for look in looks) for name in counts}
        return attrs.evolve(middle, inside={**middle.inside, **least})

    def close(self) -> dict[str, Any]:
        """End the load, then the node; return what the load saw."""
        assert self.load.stdin is not None
        self.load.stdin.close()
        assert self.load.stdout is not None
        told: dict[str, Any] = json.loads(self.load.stdout.read())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", "/machines/adder", '{"type": "Look"}')
        told["total"] = json.loads(connection.getresponse().read())["total"]
        connection.close()
        self.done({"op": "stop"})
        assert self.node.wait(60) == 0, (self.folder / "errors").read_text()
        return told

    def kill(self) -> None:
        for each in (self.node, self.load):
            each.kill()
            each.wait()
            for pipe in filter(None, (each.stdin, each.stdout)):
                pipe.close()


LEFT = {"versions": 3, "compiled": 1, "modules": 30, "views": 15, "classes": 10, "lines": 9, "loggers": 12}
"""A version more or less may be alive when the process is looked at: one in whose class the state still is."""

NAMES = 150
"""Names that each version of the warm-up has: Python's table of names doubles once, a megabyte, when so many came and
went that it is full, and is then rebuilt at that size for good."""


def soaked(folder: Path, warm: int, count: int, growth: float) -> None:
    soak = Soak(folder)
    try:
        soak.changes(warm, NAMES)
        before = soak.settled()
        for number in range(0, count, 100):
            soak.changes(min(100, count - number))
            now = soak.seen()
            print(number, now.resident, now.handles, {k: v for k, v in now.inside.items() if k != "kinds"})
        after = soak.settled()
        told = soak.close()
    finally:
        soak.kill()
    print(before, after, sep="\n")
    assert told["wrong"] == []
    assert told["sent"] == told["answered"] == told["total"], told
    for name in ("versions", "compiled", "modules", "views", "classes", "lines", "loggers", "threads"):
        assert after.inside[name] <= before.inside[name] + LEFT.get(name, 0), (name, before, after)
    assert after.inside["versions"] <= 5, after
    assert after.handles <= before.handles + 1  # a connection of the load may be on its way
    assert after.resident <= before.resident * (1 + growth), (before, after)


def test_dozens_of_upgrades_under_load_leave_nothing(tmp_path: Path) -> None:
    soaked(tmp_path, 10, 20, 0.15)


@pytest.mark.long
def test_a_thousand_upgrades_under_load_leave_nothing(tmp_path: Path) -> None:
    soaked(tmp_path, 100, 1000, 0.01)
