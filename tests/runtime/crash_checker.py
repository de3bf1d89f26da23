"""The crash test's clients and its checker: processes that know only what they were answered.

A client sends its own numbers one after the other and writes down, flushed, what it sends and what was
acknowledged. The checker reads those notes and asks the recovered node: nothing acknowledged may be missing,
nothing may count twice, and at most the one number that was under way may be there without an answer.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from pathlib import Path
from typing import Any

import attrs


def post(connection: http.client.HTTPConnection, message: dict[str, Any]) -> dict[str, Any] | None:
    """The reply, or None where there was none."""
    try:
        connection.request("POST", "/machines/accounts", json.dumps(message))
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()
        return None
    return body if answer.status == 200 else None


def client(port: int, name: str, notes: Path) -> None:
    """Send numbers until killed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with notes.open("a", buffering=1) as file:
        n, first = 0, 0
        while True:
            n += 1
            file.write(f"sent {n}\n")
            told = post(connection, {"type": "Add", "client": name, "n": n})
            if told is None:
                return
            file.write(f"said {n}\n")
            if told.get("first", first) != first:
                first = told["first"]
                file.write(f"first {first}\n")


@attrs.frozen
class Account:
    """What one client knows: how many numbers were acknowledged, their sum, the one under way.

    `firsts` are what the version that keeps its first number said of it: once that was 1, a rollback must give it back.
    """

    count: int
    total: int
    flying: int | None
    firsts: tuple[int, ...]

    def wrong(self, told: dict[str, Any]) -> str:
        """What is wrong with what the node tells, or nothing."""
        if 1 in self.firsts and (self.firsts != (1,) or told.get("first", 1) != 1):
            return f"lost: the first number was 1, and the node said {self.firsts} and says {told}"
        kept = (told["count"], told["total"])
        fine = [(self.count, self.total)]
        if self.flying is not None:
            fine.append((self.count + 1, self.total + self.flying))
        if kept in fine:
            return ""
        kind = "lost" if kept[0] < self.count else "twice, or never sent"
        return f"{kind}: the node has {kept}, and the client knows {fine}"


def read(notes: Path) -> Account:
    """A client's notes."""
    noted: dict[str, list[int]] = {"sent": [], "said": [], "first": []}
    for line in notes.read_text().splitlines():
        word, _, number = line.partition(" ")
        if number.isdigit() and word in noted:
            noted[word].append(int(number))
    sent, said = noted["sent"], noted["said"]
    flying = sent[-1] if sent and (not said or said[-1] != sent[-1]) else None
    return Account(len(said), sum(said), flying, tuple(noted["first"]))


def wait_for(port: int, seconds: float = 30) -> bool:
    """Whether a node answers there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/machines")
            if connection.getresponse().status == 200:
                return True
        except OSError:
            time.sleep(0.02)
        finally:
            connection.close()
    return False


if __name__ == "__main__":
    client(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
