"""`run --watch` as a developer at a terminal sees it: a pseudo-terminal, and all that it shows."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
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

    def close(self) -> None:
        """Close the window."""
        if self.ours >= 0:
            os.close(self.ours)
        self.ours = -1

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
def developing(
    folder: Path, *arguments: str, text: str | None = SHOP, lead: str = LEAD, **environment: str
) -> Iterator[Terminal]:
    if text is not None:
        (folder / "app.py").write_text(text)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            lead,
            *MIDFLIGHT,
            "run",
            "app.py",
            "--watch",
            "--listen",
            "http://127.0.0.1:0",
            *arguments,
        ],
        cwd=folder,
        env={
            **ENVIRONMENT,
            "TERM": "xterm-256color",
            "COLUMNS": "100",
            "PYTHONUNBUFFERED": "1",
            **environment,
        },
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    terminal = Terminal(process, ours, folder)
    try:
        terminal.sees("watches [^\n]*\n")
        yield terminal
    finally:
        process.kill()
        process.wait()
        terminal.close()


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
  k/d/w? don't
  type k, d or w
  k/d/w? drop
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
        terminal.types("don't\n")
        terminal.sees(r"k/d/w\? ")
        terminal.types("drop\n")
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


TWICE = ("total += msg.n", "total += msg.n * 2")


def test_a_terminal_that_is_closed_is_a_clean_end(tmp_path: Path) -> None:
    """A version on probation stays on it, and is looked after at the next start."""
    with developing(tmp_path) as terminal:
        terminal.edit("total += msg.n", "total += 10 // msg.n")
        terminal.sees("after the save\n")
        assert terminal.call(5) == 2
        terminal.close()
        assert terminal.process.wait(20) == 0
    with developing(tmp_path, text=None) as terminal:
        assert terminal.call(2) == 7
        assert terminal.call(0) == 7, "by the version before"
        terminal.sees("on probation.*ZeroDivisionError.*has answered\n")


def test_without_a_terminal_it_goes_on_where_that_was_wanted(tmp_path: Path) -> None:
    """As under nohup."""
    lead = LEAD.replace("import ", "import signal, ").replace(
        "os.execvp", "signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execvp"
    )
    with developing(tmp_path, lead=lead) as terminal:
        assert terminal.call(5) == 5
        terminal.close()
        terminal.edit(*TWICE)
        until(lambda: terminal.call(1) > terminal.call(-1) + 1)
        terminal.process.terminate()
        assert terminal.process.wait(20) == 0


def test_who_reads_what_is_told_may_end(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SHOP)
    ours, theirs = os.pipe()
    command = [*MIDFLIGHT, "run", "app.py", "--watch", "--listen", "http://127.0.0.1:0"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    terminal = Terminal(process, ours, tmp_path)
    try:
        terminal.sees("watches [^\n]*\n")
        terminal.close()
        terminal.edit(*TWICE)
        until(lambda: terminal.call(1) > terminal.call(-1) + 1)
        terminal.edit("msg.n * 2", "msg.n * -3")
        until(lambda: terminal.call(1) < terminal.call(-1))
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()


def until(seen: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what is asked for again and again."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_end_without_a_word_on_probation_is_told(tmp_path: Path) -> None:
    """The version before runs then, and what stands in the file takes over with the next save."""
    with developing(tmp_path) as terminal:
        terminal.edit(*TWICE)
        terminal.sees("after the save\n")
        assert terminal.call(5) == 10
    with developing(tmp_path, text=None) as terminal:
        shown = terminal.sees("is not what runs.*let it take over\n")
        assert (
            "app.py is not what runs\n  shop: the process ended uncleanly while version 1 was on prob"
            in shown
        )
        assert terminal.call(1) == 11
        terminal.edit("return total", "return total  # as it is")
        shown = terminal.sees("after the save\n")
        assert "- total += msg.n\n" in shown
        assert "+ total += msg.n * 2\n" in shown
        assert terminal.call(1) == 13


def test_what_takes_over_at_the_start_is_looked_after(tmp_path: Path) -> None:
    with developing(tmp_path) as terminal:
        assert terminal.call(5) == 5
        terminal.types("\x03")
        assert terminal.process.wait(20) == 0
    with developing(tmp_path, text=SHOP.replace("+= msg.n", "+= msg.n // 0")) as terminal:
        assert terminal.call(5) == 10
        terminal.sees("on probation.*ZeroDivisionError.*has answered\n")


def test_letters_that_the_terminal_does_not_have(tmp_path: Path) -> None:
    encoding = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    with developing(tmp_path, **encoding) as terminal:
        terminal.edit("msg.n\n", "msg.n // 0  # caf\xe9 \u20ac\n")
        shown = terminal.sees("after the save\n")
        assert r"+ total += msg.n // 0  # caf\xe9 \u20ac" in shown
        assert terminal.call(5) == 5
        terminal.sees(r"on probation.*// 0  # caf\\xe9.*has answered\n")


def test_a_command_shows_letters_that_the_terminal_does_not_have(tmp_path: Path) -> None:
    """JSON stays JSON."""
    encoding = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    (tmp_path / "app.py").write_text("raise ValueError('caf\xe9 \u20ac')\n", encoding="utf-8")
    done = midflight("draw", "app.py", cwd=tmp_path, **encoding)
    assert done.returncode == 1
    assert r"ValueError: caf\xe9 \u20ac" in done.stderr
    done = midflight("diff", "app.py", "app.py", "--json", cwd=tmp_path, **encoding)
    assert "caf\xe9 \u20ac" in json.loads(done.stdout)["message"]


def test_a_folder_that_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    with developing(folder, "--data", str(tmp_path / "data")) as terminal:
        assert terminal.call(5) == 5
        shutil.rmtree(folder)
        terminal.sees("there is no such file.*runs on\n")
        folder.mkdir()
        (folder / "app.py").write_text(SHOP.replace(*TWICE))
        assert " app.py\n" in terminal.sees("after the save\n")
        assert terminal.call(5) == 15


def test_the_page_shows_what_is_seen() -> None:
    """docs/developing.md has the file, and what the terminal shows of its saves."""
    page = (ROOT / "docs" / "developing.md").read_text()
    assert f"```python\n{SHOP}```" in page
    shown = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    assert len(shown) == 4
    for each in shown:
        assert masked(each.rstrip("\n")) in SEEN


def test_what_is_no_python_file_is_not_watched(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text('name = "shop"\nversion = "1"\n')
    for each in ("shop.toml", "shop@1"):
        done = midflight("run", each, "--watch", cwd=tmp_path)
        assert done.returncode == 2
        assert "--watch goes with one application in a Python file" in done.stderr


def test_without_watchfiles_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SHOP)
    (tmp_path / "watchfiles.py").write_text("raise ModuleNotFoundError('watchfiles')")
    path = os.pathsep.join((str(tmp_path), ENVIRONMENT["PYTHONPATH"]))
    done = midflight("run", "app.py", "--watch", cwd=tmp_path, PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr == "midflight: this needs watchfiles: pip install 'midflight[watch]'\n"
    assert not (tmp_path / ".midflight").exists()
