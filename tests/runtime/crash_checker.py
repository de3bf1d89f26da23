"""The crash test's clients and its checker: they know only what they were answered.

A client sends its own numbers one after the other, and remembers what it sends and what was acknowledged. The checker
asks the recovered node: nothing acknowledged may be missing, nothing may count twice, and at most the one number that
was under way may be there without an answer. Each number is heard of by the audit once, and every fifth is rung for
once; those that only the new version has may be among the dead letters instead.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from runtime.control_client import ask

SETTLING = 15.0
"""Seconds in which what was sent and rung for must have come."""

Answer = tuple[int, dict[str, Any]]


def post(
    connection: http.client.HTTPConnection, machine: str, message: Mapping[str, Any], key: str | None = None
) -> Answer | None:
    """The status and the body, or None where nothing came."""
    headers = {} if key is None else {"Idempotency-Key": f'"{key}"'}
    try:
        connection.request("POST", f"/machines/{machine}", json.dumps(message), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()
        return None


def connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=10)


@attrs.define
class Client:
    """Sends numbers until the node is gone. With a `key` each has an id, and is sent again where no answer came.

    `flying` is the number of which nobody knows whether it was taken, and `first` what the version that keeps its
    first number said of it.
    """

    name: str
    key: bool = False
    count: int = 0
    total: int = 0
    flying: int | None = None
    again: bool = False
    first: int = 0
    stop: bool = False
    wrong: list[str] = attrs.field(factory=list)

    def run(self, port: int) -> None:
        """Send numbers until told to `stop`, nothing comes back, or the node stops."""
        connection = connected(port)
        while not self.stop and self._one(connection, self.count + 1):
            pass
        connection.close()

    def _one(self, connection: http.client.HTTPConnection, n: int) -> bool:
        """Send a number; every eleventh as one that only the new version takes, where it does.

        Where it fails on that it is an ordinary error: the version before does not have it.
        """
        for form in ("Gift", "Add") if n % 11 == 0 else ("Add",):
            self.flying, self.again = n, self.key and form == "Add"
            told = self._sent(connection, form, n)
            if told is None:
                return False
            status, body = told
            if status == 200:
                self._said(n, body)
                return True
            self.flying = None  # it was turned away
            if body["error"] == "Unavailable":
                return False
            if form == "Add" or body["error"] not in ("BadMessage", "RolledBack", "StepFailed"):
                self.wrong.append(f"{form} {n} was answered {status}: {body}")
                return False
        return False

    def repeat(self, connection: http.client.HTTPConnection) -> None:
        """Send once more what nobody answered, by its id: then it counts once, whether it was taken before or not."""
        if not self.again or self.flying is None:
            return
        n = self.flying
        told = self._sent(connection, "Add", n)
        if told is None or told[0] != 200 or told[1]["count"] != n:
            self.wrong.append(f"the number {n}, sent once more by its id, was answered {told}")
        else:
            self._said(n, told[1])

    def _sent(self, connection: http.client.HTTPConnection, form: str, n: int) -> Answer | None:
        key = f"{self.name}-{n}-{form}" if self.key else None
        return post(connection, "accounts", {"type": form, "client": self.name, "n": n}, key)

    def _said(self, n: int, told: dict[str, Any]) -> None:
        self.count, self.total, self.flying, self.again = self.count + 1, self.total + n, None, False
        if self.first and told.get("first", self.first) != self.first:
            self.wrong.append(f"lost: the first number was {self.first}, and the node said {told}")
        self.first = told.get("first", self.first)

    def differs(self, told: dict[str, Any], heard: dict[str, Any], letters: Letters) -> str:
        """What is wrong with what the node tells, or nothing."""
        if self.first and told.get("first", self.first) != self.first:
            return f"lost: the first number was {self.first}, and the node says {told}"
        kept = (told["count"], told["total"])
        fine = [(self.count, self.total)]
        if self.flying is not None:
            fine.append((self.count + 1, self.total + self.flying))
        if kept not in fine:
            kind = "lost" if kept[0] < self.count else "twice, or never sent"
            return f"{kind}: the node has {kept}, and the client knows {fine}"
        noted = letters.of(self.name, "Fresh", "Note")
        if (heard["count"] + len(noted), heard["total"] + sum(noted)) != kept:
            return f"lost or twice: the audit has {heard}, dead letters have {noted}, and the node {kept}"
        rung = letters.of(self.name, "Chime", "Ring")
        if told["rang"] + len(rung) != kept[0] // 5:
            return f"lost or twice: {told['rang']} were rung for, dead letters have {rung}, and there were {kept}"
        return ""


@attrs.frozen
class Letters:
    """The dead letters of a node."""

    plain: list[dict[str, Any]]

    def of(self, client: str, *forms: str) -> list[int]:
        """The numbers of a client's letters of these forms."""
        found = (each["message"] for each in self.plain)
        return [each["n"] for each in found if each["client"] == client and each["type"] in forms]


def checked(clients: Iterable[Client], port: int, data: Path, aside: Collection[str] = ()) -> list[str]:
    """Compare what clients know with what the node tells, once what is under way has come.

    The rows of those `aside` may be set aside.
    """
    connection = connected(port)
    wrong: dict[str, str] = {}
    for each in clients:
        each.repeat(connection)
    until, left = time.monotonic() + SETTLING, list(clients)
    while left and time.monotonic() < until:
        letters, wrong = Letters(ask(data, {"op": "dead-letters"}).unwrap()["dead_letters"]), {}
        for each in left:
            look = {"type": "Look", "client": each.name}
            told, heard = post(connection, "accounts", look), post(connection, "audit", look)
            if told and each.name in aside and told[1].get("error") == "KeySetAside":
                continue
            if told is None or heard is None:
                return [f"client {each.name}: no answer", *wrong.values()]
            if told[0] != 200 or heard[0] != 200:
                wrong[each.name] = f"no answer: {told}, {heard}"
            elif problem := each.differs(told[1], heard[1], letters):
                wrong[each.name] = problem
        left = [each for each in left if each.name in wrong]
        time.sleep(0.05 if left else 0)
    connection.close()
    return [f"client {name}: {problem}" for name, problem in wrong.items()]


def running(clients: Iterable[Client], port: int) -> list[threading.Thread]:
    """Let clients send."""
    threads = [threading.Thread(target=each.run, args=(port,), daemon=True) for each in clients]
    for thread in threads:
        thread.start()
    return threads


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
