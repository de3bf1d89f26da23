"""The access log is counted as a user would count it, and again by a few lines of plain Python."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

COMBINED = re.compile(
    r'(\S+) \S+ \S+ \[([^]]+)\] "(?:\\.|[^"\\])*" (\d\d\d) (\S+) "(?:\\.|[^"\\])*" "((?:\\.|[^"\\])*)"'
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WORDS = ("bot", "crawl", "feed", "rss", "slurp", "spider")


def counted(root: Path, log: bytes, *options: str) -> tuple[Any, str]:
    command = [sys.executable, "examples/access_log/main.py", "--json", *options]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        command, cwd=root, env=environment, input=log, capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout), done.stderr.decode()


def by_hand(log: bytes, told_apart_from: int | None) -> dict[str, Any]:
    """The same report, counted without a machine."""
    each: dict[str, Any] = defaultdict(
        lambda: {"requests": 0, "sent": 0, "errors": 0, "people": 0, "robots": 0}
    )
    last: dict[tuple[str, str], float] = {}
    bad = now = 0
    lines = log.decode(errors="replace").splitlines()
    for at, line in enumerate(lines):
        found = COMBINED.fullmatch(line)
        if not found or found[2][3:6] not in MONTHS or len(found[4]) > 4000:
            bad += 1
            continue
        name, when, status, sent, agent = found.groups()
        time = int(datetime.strptime(when, "%d/%b/%Y:%H:%M:%S %z").timestamp())
        now = max(now, time)
        last[name, agent] = max(time, last.get((name, agent), 0))
        client = each[name]
        client["requests"] += 1
        client["sent"] += 0 if sent == "-" else int(sent)
        client["errors"] += int(status) >= 400
        if told_apart_from is not None and at >= told_apart_from:
            client["robots" if any(word in agent.lower() for word in WORDS) else "people"] += 1
    for name, client in each.items():
        client["open_sessions"] = sum(
            1 for (who, _), time in last.items() if who == name and now - time <= 1800
        )
    if told_apart_from is None:
        each = {
            name: {k: v for k, v in c.items() if k not in ("people", "robots")} for name, c in each.items()
        }
    names = list(next(iter(each.values()), dict[str, int]()))
    totals = {count: sum(client[count] for client in each.values()) for count in names}
    log_ = {"lines": len(lines), "bad": bad, "latest": now, "clients": len(each)}
    return {**log_, "totals": totals, "by_client": dict(each)}


def line(client: str, minute: int, agent: str = "Firefox", status: int = 200, sent: str = "10") -> str:
    at = f"17/May/2015:{minute // 60:02}:{minute % 60:02}:00 +0000"
    return f'{client} - - [{at}] "GET /{minute} HTTP/1.1" {status} {sent} "-" "{agent}"'


SMALL = "\n".join(
    [
        line("1.1.1.1", 0),
        line("1.1.1.1", 30, status=404, sent="-"),
        line("1.1.1.1", 31, agent=r"odd \" agent"),
        "",
        "not a request",
        line("2.2.2.2", 20, agent="Googlebot"),
        line("2.2.2.2", 60, agent="Googlebot"),
        line("2.2.2.2", 59, agent="Firefox", status=500),
        line("1.1.1.1", 29, agent="late"),
        line("9.9.9.9", 5)[:-1],
        line("9.9.9.9", 5).replace("May", "Nay"),
        line("9.9.9.9", 5, agent="Grüße").encode().decode("latin-1"),
        line("9.9.9.9", 61, sent="9" * 5000),
        line("1.1.1.1", 61),
    ]
).encode("latin-1")


def test_a_small_log_says_what_is_expected() -> None:
    found = by_hand(SMALL, 5)
    assert (found["lines"], found["bad"], found["clients"]) == (14, 4 + 1, 3)


@pytest.mark.parametrize("after", [None, 0, 5, 13])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_small_log(root: Path, after: int | None, end: bytes) -> None:
    options = [] if after is None else ["--upgrade-after", str(after)]
    found, told = counted(root, SMALL + end, *options)
    assert found == by_hand(SMALL, after)
    assert ("version 2 took over" in told) == (after is not None)


def test_no_log(root: Path) -> None:
    found, _ = counted(root, b"")
    assert (found["lines"], found["clients"], found["by_client"]) == (0, 0, {})


def test_lines_are_counted_as_they_come(root: Path) -> None:
    """A line in pieces, and a pause in the middle of it."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "examples/access_log/main.py", "--json", "--upgrade-after", "1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=root, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    ) as program:
        assert program.stdin
        assert program.stdout
        assert program.stderr
        first, second = (line("1.1.1.1", 1) + "\r\n").encode(), (line("1.1.1.1", 2) + "\r\n").encode()
        program.stdin.write(first + second[:20])
        program.stdin.flush()
        program.stdin.write(second[20:])
        program.stdin.close()
        found = json.loads(program.stdout.read())
        program.stderr.read()
    assert (found["lines"], found["bad"], found["totals"]["requests"], found["totals"]["people"]) == (
        2,
        0,
        2,
        1,
    )


@pytest.mark.parametrize("after", [None, 5000])
def test_real_requests(root: Path, data_dir: Path, after: int | None) -> None:
    log = (data_dir / "apache_access.log").read_bytes()
    found, _ = counted(root, log, *([] if after is None else ["--upgrade-after", str(after)]))
    assert found == by_hand(log, after)
    assert (found["lines"], found["bad"], found["clients"]) == (10_000, 1, 1753)
    if after is not None:
        assert found["totals"]["people"] + found["totals"]["robots"] == 5_000 - 1


def test_what_the_readme_shows(root: Path, tmp_path: Path) -> None:
    text = (root / "examples/access_log/README.md").read_text()
    (command,) = [shown for shown in text.splitlines() if shown.startswith("$ ")]
    assert command == "$ python examples/access_log/main.py --upgrade-after 5000 < access.log"
    log = tmp_path / "access.log"
    log.write_bytes(SMALL)
    words = command.removeprefix("$ ").replace("5000", "5").split()
    with log.open("rb") as given:
        done = subprocess.run(
            [sys.executable, *words[1 : words.index("<")]],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
            stdin=given,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.splitlines()[0] == "14 lines, 5 of them no request"
    assert done.stdout.splitlines()[-1].endswith("all 3")
    assert "version 2 took over after 5 lines" in done.stderr
