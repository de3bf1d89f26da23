"""`midflight demo`: a counter is changed under real traffic, and what was lost is counted.

Three processes: this one, a node started with the command itself, and a load that knows only the node's address.
The figures come from what the load saw and from what the node says that it counted; nothing is assumed.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
from returns.result import Failure, Success

from runtime import report
from runtime.control_client import ask

CONNECTIONS = 4
QUIET = 2.0
"""Seconds without a change; the spans around the two changes are as long together, so that the gaps compare."""

MISFIT = '''"""A third version whose migration is wrong: it promises a text and gives a number."""

from v2 import Incr, Ok, Read, Total

from midflight import Application, Migration, proc


@proc
def counter(msg: Incr | Read, *, count: str = "0") -> Ok | Total:
    return Ok()


@proc
def first(count: tuple[int, int]) -> int:
    return count[0]


to_3 = Migration("counter", old="2", new="3", up={"count": first})

app = Application("counter", version="3", machines={"counter": counter}, migrations=[to_3])
'''

_FILE = Path(__file__).resolve()
_ROOT = _FILE.parent.parent


class Broken(Exception):
    """The demonstration cannot go on."""


@attrs.define
class Facts:
    """What happened, as it is found out."""

    before: Any = None
    after: Any = None
    final: Any = None
    swaps: list[float] = attrs.field(factory=list)
    began: float = 0.0
    refused: list[str] = attrs.field(factory=list)
    load: dict[str, Any] = attrs.field(factory=dict)


def run(*, as_json: bool) -> int:
    """Demonstrate; return 1 where anything was lost or went another way than it should."""
    tell = (lambda _: None) if as_json else report.say
    facts = Facts()
    try:
        with tempfile.TemporaryDirectory(prefix="midflight-demo-") as folder:
            _demonstrate(Path(folder), facts, tell)
    except Broken as broken:
        if as_json:
            report.plain({"ok": False, "reason": "Broken", "message": str(broken)})
        else:
            report.complain(str(broken))
        return 1
    found = result(facts)
    report.plain(found) if as_json else _show(found)
    return 0 if found["ok"] else 1


def result(facts: Facts) -> dict[str, Any]:
    """The figures. A message is lost when it was sent and not answered, or answered and not counted."""
    load = facts.load
    unanswered = load["sent"] - load["answered"]
    uncounted = abs(load["answered"] - facts.final)
    half = QUIET / 2 / len(facts.swaps)
    spans = [(at - half, at + half) for at in facts.swaps]
    expected = ["UnexpectedVersion", "MigrationMisfit"]
    lost = unanswered + uncounted
    return {
        "ok": lost == 0 and not load["wrong"] and facts.refused == expected,
        "sent": load["sent"],
        "answered": load["answered"],
        "lost": lost,
        "counted": facts.final,
        "longest_gap_ms": max(longest_gap(load["times"], *span) for span in spans),
        "longest_gap_without_swap_ms": longest_gap(load["times"], facts.began, facts.began + QUIET),
        "state_before": facts.before,
        "state_after": facts.after,
        "state_final": facts.final,
        "refused": facts.refused,
        "wrong": load["wrong"],
    }


def longest_gap(times: Sequence[Sequence[float]], since: float, until: float) -> float:
    """The longest time in a span that one connection waited from answer to answer, in milliseconds.

    >>> longest_gap([[0.0, 1.0, 1.5], [0.9, 1.0]], 0.5, 2.0)
    1000.0
    """
    gaps = (
        later - earlier
        for answers in times
        for earlier, later in itertools.pairwise(answers)
        if later > since and earlier < until
    )
    return round(max(gaps, default=0.0) * 1000, 3)


def _demonstrate(folder: Path, facts: Facts, tell: Any) -> None:
    for name in ("v1.py", "v2.py"):
        shutil.copy(_example() / name, folder / name)
    (folder / "misfit.py").write_text(MISFIT)
    with _node(folder) as url, _load(url, facts) as sending:
        tell(f"A node runs version 1 of a counter at {url}")
        tell(f"Another process adds to it, over {CONNECTIONS} connections, as fast as it is answered")
        time.sleep(0.5)
        facts.began = time.monotonic()
        time.sleep(QUIET)
        first = _status(folder)
        facts.before = _count(first)
        tell(
            f"The count is {facts.before:,}. Version 2 takes over: its state is a pair, it counts on the second"
        )
        _change(folder, facts, {"op": "upgrade", "file": str(folder / "v2.py"), "expected": first["digest"]})
        facts.after = _count(_status(folder))
        tell(f"The state is {facts.after}, and nobody was turned away")
        time.sleep(QUIET / 2)
        again = {"op": "upgrade", "file": str(folder / "v2.py"), "expected": first["digest"]}
        tell("The same upgrade once more, for the version that ran before:")
        tell(f"  {_refusal(folder, facts, again)}")
        tell("An upgrade whose migration does not fit:")
        tell(f"  {_refusal(folder, facts, {'op': 'upgrade', 'file': str(folder / 'misfit.py')})}")
        time.sleep(QUIET / 2)
        _change(folder, facts, {"op": "rollback"})
        tell("Rolled back: version 1 goes on with the second of the pair")
        time.sleep(QUIET / 2)
        facts.load = sending()
        facts.final = _count(_status(folder))


@contextlib.contextmanager
def _node(folder: Path) -> Iterator[str]:
    """A node in a process of its own, with the first version; gives the machine's address."""
    known = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT), *([known] if known else [])])}
    command = [sys.executable, "-P", "-m", "midflight", "run", "v1.py", "--listen", "http://127.0.0.1:0"]
    with (folder / "node.log").open("w+") as log:
        node = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own command
        try:
            until = time.monotonic() + 30
            while (found := re.search(r"listens +(\S+)", (folder / "node.log").read_text())) is None:
                if node.poll() is not None or time.monotonic() > until:
                    raise Broken(f"the node did not start: {(folder / 'node.log').read_text().strip()}")
                time.sleep(0.02)
            yield f"{found[1]}/machines/counter"
        finally:
            _end(node)


@contextlib.contextmanager
def _load(url: str, facts: Facts) -> Iterator[Any]:
    """The load in a process of its own; gives what ends it and returns what it saw."""
    message = json.dumps({"type": "Incr", "by": 1})
    command = [sys.executable, "-I", str(_FILE.parent / "load.py"), url, message, str(CONNECTIONS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603

    def sending() -> dict[str, Any]:
        out, _ = process.communicate(timeout=30)
        if process.returncode:
            raise Broken("the load did not come to its end")
        found: dict[str, Any] = json.loads(out)
        return found

    try:
        yield sending
    finally:
        _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _example() -> Path:
    """The counter: beside our modules where installed, else among the examples of the source tree."""
    places = (_FILE.parent / "example_counter", _ROOT / "examples" / "counter")
    found = next((each for each in places if (each / "v1.py").is_file()), None)
    if found is None:
        raise Broken(f"the example is missing; looked in {' and '.join(map(str, places))}")
    return found


def _asked(folder: Path, request: dict[str, Any]) -> Any:
    return ask(folder / ".midflight", request, timeout=60)


def _status(folder: Path) -> dict[str, Any]:
    """The one application that runs."""
    match _asked(folder, {"op": "status"}):
        case Success(reply):
            application: dict[str, Any] = reply["status"]["applications"][0]
            return application
        case Failure(refusal):
            raise Broken(str(refusal))
    raise AssertionError("a Result is one of the two")


def _count(application: dict[str, Any]) -> Any:
    return application["machines"][0]["cells"][0]["value"]


def _change(folder: Path, facts: Facts, request: dict[str, Any]) -> None:
    result = _asked(folder, request)
    if isinstance(result, Failure):
        raise Broken(f"{request['op']}: {result.failure()}")
    facts.swaps.append(time.monotonic())


def _refusal(folder: Path, facts: Facts, request: dict[str, Any]) -> str:
    result = _asked(folder, request)
    if isinstance(result, Success):
        raise Broken("an upgrade that must be refused was made")
    facts.refused.append(result.failure().reason)
    return f"refused, {result.failure().reason}: {result.failure()}"


def _show(found: dict[str, Any]) -> None:
    gap = f"{found['longest_gap_ms']:.1f} ms"
    rows = [
        ("messages sent", f"{found['sent']:,}"),
        ("answered", f"{found['answered']:,}"),
        ("lost", f"{found['lost']:,}"),
        ("counted by the node at the end", f"{found['counted']:,}"),
        ("longest gap between answers, around a change", gap),
        ("the same, without a change", f"{found['longest_gap_without_swap_ms']:.1f} ms"),
        ("state before the upgrade", json.dumps(found["state_before"])),
        ("state after the upgrade", json.dumps(found["state_after"])),
        ("state at the end, rolled back", json.dumps(found["state_final"])),
        ("refused", ", ".join(found["refused"])),
    ]
    report.table("", ("", ""), rows)
    verdict = "Every message that was answered is counted, and every message was answered."
    report.say(verdict if found["ok"] else f"NOT AS PROMISED: {found['wrong'] or 'look at the table'}")
