"""`run --watch` as a developer at a terminal sees it: a pseudo-terminal, and all that it shows."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import attrs

from tests.test_command import ENVIRONMENT, MIDFLIGHT, ROOT, midflight

LEAD = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
"""Lets the standard input be the terminal of a new session, as it is for a shell."""

SHOP = """from attrs import frozen
from midflight import Application, proc


@frozen
class Add:
    n: int = 1


@proc
def shop(msg: Add, *, total: int = 0) -> int:
    total += msg.n
    return total


app = Application("shop", version="1", machines={"shop": shop})
"""


@attrs.define
class Terminal:
    """A pseudo-terminal, a program in it, and what it has shown."""

    process: subprocess.Popen[bytes]
    ours: int
    folder: Path
    shown: str = ""
    _looked: int = 0

    def sees(self, pattern: str, seconds: float = 30) -> str:
        """What was shown since it was looked at last, when it has the pattern."""
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, self.plain[self._looked :], re.DOTALL)):
            assert time.monotonic() < until, (pattern, self.plain)
            if select.select([self.ours], [], [], 0.1)[0]:
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.ours, 65536).decode(errors="replace")
        start = self._looked
        self._looked += found.end()
        return self.plain[start : self._looked]

    @property
    def plain(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self.shown).replace("\r\n", "\n")

    def types(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def edit(self, old: str, new: str) -> None:
        file = self.folder / "app.py"
        text = file.read_text()
        assert old in text
        aside = self.folder / "app.py~"  # as editors do
        aside.write_text(text.replace(old, new))
        aside.replace(file)

    def call(self, n: int) -> int:
        url = re.search(r"listens +(\S+)", self.plain)
        assert url is not None
        request = urllib.request.Request(f"{url[1]}/machines/shop", json.dumps({"n": n}).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(json.load(answer))

    def masked(self) -> str:
        return masked(self.plain).replace(str(self.folder), "FOLDER")


def masked(text: str) -> str:
    """A text without what differs from run to run."""
    text = re.sub(r"\d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"\b[0-9.]+ m?s\b", "# ms", text)
    return re.sub(r"\([0-9a-f]{12}\)", "(DIGEST)", text)


@contextlib.contextmanager
def developing(folder: Path, *arguments: str) -> Iterator[Terminal]:
    (folder / "app.py").write_text(SHOP)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            LEAD,
            *MIDFLIGHT,
            "run",
            "app.py",
            "--watch",
            "--listen",
            "http://127.0.0.1:0",
            *arguments,
        ],
        cwd=folder,
        env={**ENVIRONMENT, "TERM": "xterm-256color", "COLUMNS": "100", "PYTHONUNBUFFERED": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    terminal = Terminal(process, ours, folder)
    try:
        terminal.sees("watches [^\n]*\n")
        yield terminal
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        os.close(ours)


SEEN = """\
TIME app.py
  12 - total += msg.n
  12 + total += msg.n * 2
  shop  kept      total
  shop swapped in # ms, # ms after the save
TIME app.py
  app.py:12: SyntaxError: '(' was never closed
     12 |     total += (msg.n * 2
  version 1 (DIGEST) runs on
TIME app.py
  12 - total += msg.n * 2
  12 + total += msg.n // 0
  shop  kept      total
  shop swapped in # ms, # ms after the save
TIME on probation
  shop: the new version raises ZeroDivisionError: integer division or modulo by zero at app.py:12 on Add(n=5), \
and the version before does not.
     12 |     total += msg.n // 0
  went back by itself: version 1 (DIGEST) runs on, and has answered
TIME app.py
  no machine has changed: version 1 (DIGEST) runs on
d
TIME app.py
  shop: the cell 'total' would be lost. To drop it, say so in the Migration: up={'total': DROP}.
  version 1 (DIGEST) runs on
  k  keep the old version
  d  drop it, this once
  w  write the migration into app.py
  k/d/w? x
  k/d/w? d
TIME app.py
  11 - def shop(msg: Add, *, total: int = 0) -> int:
  12 -     total += msg.n * 2
  13 -     return total
  11 + def shop(msg: Add, *, sum: int = 0) -> int:
  12 +     sum += msg.n
  13 +     return sum
  shop  new       sum: int
        dropped   total: int, declared
  shop swapped in # ms, # ms after the save
TIME app.py
  shop: the cell 'sum' would be lost. To drop it, say so in the Migration: up={'sum': DROP}.
  version 1 (DIGEST) runs on
  k  keep the old version
  d  drop it, this once
  w  write the migration into app.py
  k/d/w? w
TIME app.py
   3 + from midflight import DROP, Migration
  11 - def shop(msg: Add, *, sum: int = 0) -> int:
  12 -     sum += msg.n
  13 -     return sum
  12 + def shop(msg: Add, *, most: int = 0) -> int:
  13 +     most = max(most, msg.n)
  14 +     return most
  16 - app = Application("shop", version="1", machines={"shop": shop})
  17 + app = Application("shop", version="1", machines={"shop": shop}, \
migrations=[Migration("shop", old="1", new="1", up={"sum": DROP})])
  shop  new       most: int
        dropped   sum: int, declared
  shop swapped in # ms, # ms after the save
^C"""

SUM = "sum: int = 0) -> int:\n    sum += msg.n\n    return sum"


def test_what_a_developer_sees(tmp_path: Path) -> None:
    with developing(tmp_path) as terminal:
        begin = len(terminal.masked())
        terminal.edit("total += msg.n", "total += msg.n * 2")
        terminal.sees("after the save\n")
        assert terminal.call(5) == 10
        terminal.edit("msg.n * 2", "(msg.n * 2")
        terminal.sees("runs on\n")
        terminal.edit("(msg.n * 2", "msg.n // 0")
        terminal.sees("after the save\n")
        assert terminal.call(5) == 20, "answered by the version before"
        terminal.sees("has answered\n")
        terminal.edit("// 0", "* 2")
        terminal.sees("no machine has changed[^\n]*\n")
        terminal.types("d\n")  # nobody has asked yet
        terminal.sees("d\n")
        terminal.edit("total: int = 0) -> int:\n    total += msg.n * 2\n    return total", SUM)
        terminal.sees(r"k/d/w\? ")
        assert terminal.call(5) == 30, "nothing waits for the answer"
        terminal.types("x\n")
        terminal.sees(r"k/d/w\? ")
        terminal.types("d\n")
        terminal.sees("after the save\n")
        assert terminal.call(5) == 5
        terminal.edit(SUM, "most: int = 0) -> int:\n    most = max(most, msg.n)\n    return most")
        terminal.sees(r"k/d/w\? ")
        terminal.types("w\n")
        terminal.sees("after the save\n")
        assert terminal.call(4) == 4
        terminal.types("\x03")
        terminal.sees("stopping: what waits is answered first\n")
        assert terminal.process.wait(20) == 0
    assert terminal.masked()[begin:].partition("stopping")[0].splitlines() == SEEN.splitlines()
    for colour, text in (
        ("32", "+ total += msg.n * 2"),
        ("31", "- total += msg.n"),
        ("1;32", "  shop swapped"),
    ):
        assert f"\x1b[{colour}m{text}" in terminal.shown


def test_the_page_shows_what_is_seen() -> None:
    """docs/developing.md has the file, and what the terminal shows of its saves."""
    page = (ROOT / "docs" / "developing.md").read_text()
    assert f"```python\n{SHOP}```" in page
    shown = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    assert len(shown) == 4
    for each in shown:
        assert masked(each.rstrip("\n")) in SEEN


def test_without_watchfiles_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SHOP)
    (tmp_path / "watchfiles.py").write_text("raise ModuleNotFoundError('watchfiles')")
    path = os.pathsep.join((str(tmp_path), ENVIRONMENT["PYTHONPATH"]))
    done = midflight("run", "app.py", "--watch", cwd=tmp_path, PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr == "midflight: this needs watchfiles: pip install 'midflight[watch]'\n"
    assert not (tmp_path / ".midflight").exists()
