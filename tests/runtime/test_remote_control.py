"""Control over TCP: who knows the token may do all of it, and the history tells; who does not, nothing."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success

from runtime import bounds
from runtime.control import Control
from runtime.control_client import NoRemote, Remote, ask, remote
from runtime.control_token import BadTokenFile, fingerprint, had, read
from runtime.datadir import claim
from runtime.history import rows
from runtime.loader import load
from runtime.node import Node
from runtime.reading import looked
from tests.test_command import COUNTER, midflight, running

V1, V2 = (str(COUNTER / name) for name in ("v1.py", "v2.py"))
TOKEN = b"0123456789abcdef0123456789abcdef"
READ = {"type": "Read"}


def serving(data: Path, body: Callable[[Node, Remote], Awaitable[None]]) -> list[dict[str, Any]]:
    """Control a node over TCP, and return the rows of its history."""

    async def main() -> None:
        ours = claim(data).unwrap()
        try:
            async with Node(ours) as node:
                (await node.start(load(V1).unwrap())).unwrap()
                control = Control(node, ours, [])
                listening = socket.create_server(("127.0.0.1", 0))
                await control.start()
                await control.listen(listening, TOKEN)
                await body(node, Remote("127.0.0.1", listening.getsockname()[1], TOKEN))
                await control.close()
        finally:
            ours.release()

    asyncio.run(main())
    found: list[dict[str, Any]] = looked(data, rows).unwrap()
    return found


async def asked(place: Remote, **request: Any) -> dict[str, Any]:
    match await asyncio.to_thread(ask, place, request, 10):
        case Success(reply):
            return dict(reply)
        case Failure(refusal):
            return {"ok": False, **refusal.to_plain()}
    raise AssertionError


def test_all_that_is_asked_is_in_the_history(tmp_path: Path) -> None:
    async def body(node: Node, place: Remote) -> None:
        for _ in range(3):
            assert (await asked(place, op="status"))["ok"]
        incr = {"type": "Incr", "by": 5}
        assert (await asked(place, op="call", machine="counter", message=incr))["reply"] == {"type": "Ok"}
        assert (await asked(place, op="call", machine="other", message=1))["reason"] == "UnknownMachine"
        planned = await asked(place, op="upgrade", file=V2, dry_run=True)
        assert planned["plan"]["new_version"] == "2"
        assert (await asked(place, op="upgrade", file=V2, probation=None))["ok"]
        assert (await asked(place, op="rollback"))["ok"]
        assert (await asked(place, op="settle"))["reason"] == "NothingToSettle"
        assert (await asked(place, op="history"))["history"]
        assert (await asked(place, op="dead-letters"))["dead_letters"] == []
        assert (await asked(place, op="stop"))["ok"]

    found = serving(tmp_path, body)
    who = f"tcp 127.0.0.1, token {fingerprint(TOKEN)}"
    assert [(row["what"], row.get("count"), row.get("machine")) for row in found if row["who"] == who] == [
        ("asked for status", 3, None),
        ("asked for call", 1, "counter"),
        ("asked for call", 1, None),
        ("asked for a dry run", 1, None),
        ("upgraded", None, None),
        ("rolled back", None, None),
        ("refused", None, None),
        ("asked for history", 1, None),
        ("asked for dead-letters", 1, None),
        ("asked to stop", None, None),
    ]
    assert TOKEN.decode() not in json.dumps(found)


def test_a_row_counts_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(node: Node, place: Remote) -> None:
        await asked(place, op="status")
        await asked(place, op="status")
        monkeypatch.setattr(bounds, "ASKED", 0)
        await asked(place, op="status")

    found = serving(tmp_path, body)
    assert [row["count"] for row in found if row["what"] == "asked for status"] == [2, 1]


WRONG = {
    "another token": json.dumps({"token": "f" * 32}).encode(),
    "a longer one": json.dumps({"token": TOKEN.decode() + "0"}).encode(),
    "a shorter one": json.dumps({"token": TOKEN.decode()[:-1]}).encode(),
    "no token": b'{"op": "stop"}',
    "a token that is no text": b'{"token": 7}',
    "no JSON": b"GET / HTTP/1.1",
    "not UTF-8": b"\xff\xfe",
    "deep": b"[" * 500,
    "too long": b"x" * 5000,
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG)
def test_who_does_not_know_the_token_is_let_go_of(said: bytes, tmp_path: Path) -> None:
    async def body(node: Node, place: Remote) -> None:
        reader, writer = await asyncio.open_connection(place.host, place.port)
        writer.write(said + b"\n" + b'{"op": "stop"}\n')
        told = await reader.read()
        assert json.loads(told)["reason"] == "WrongToken", "one answer, and the end"
        writer.close()
        assert (await asked(place, op="status"))["ok"]

    found = serving(tmp_path, body)
    assert "asked to stop" not in [row["what"] for row in found]


def test_who_says_nothing_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "GREETING", 0.05)

    async def body(node: Node, place: Remote) -> None:
        reader, writer = await asyncio.open_connection(place.host, place.port)
        assert json.loads(await reader.read())["reason"] == "WrongToken"
        writer.close()

    serving(tmp_path, body)


def test_many_strangers_do_not_keep_an_operator_out(tmp_path: Path) -> None:
    async def body(node: Node, place: Remote) -> None:
        strangers = [
            await asyncio.open_connection(place.host, place.port) for _ in range(bounds.STRANGERS * 2)
        ]
        assert (await asked(place, op="status"))["ok"]
        for _, writer in strangers:
            writer.close()

    serving(tmp_path, body)


def test_an_operator_who_goes_away_in_the_middle_leaves_the_upgrade_alone(tmp_path: Path) -> None:
    async def body(node: Node, place: Remote) -> None:
        reader, writer = await asyncio.open_connection(place.host, place.port)
        for request in ({"token": TOKEN.decode()}, {"op": "upgrade", "file": V2, "progress": True}):
            writer.write(json.dumps(request).encode() + b"\n")
        assert json.loads(await reader.readline()) == {"ok": True}
        first = json.loads(await reader.readline())["progress"]
        assert (first["at"], first["state"]) == (1, "begun")
        writer.transport.abort()
        until = time.monotonic() + 20
        while node.status().applications[0].version != "2" and time.monotonic() < until:
            await asyncio.sleep(0.01)
        assert node.status().applications[0].version == "2"

    serving(tmp_path, body)


def test_the_commands_reach_it(tmp_path: Path) -> None:
    data = tmp_path / ".midflight"
    with running(tmp_path, V1, "--listen", "http://127.0.0.1:0", "--control", "tcp://127.0.0.1:0") as node:
        found = re.search(r"control +(tcp://127\.0\.0\.1:\d+), with the token in (\S+)", node.banner)
        assert found is not None, node.banner
        url, file = found[1], tmp_path / found[2]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(file.read_text().strip()) >= 32
        over = ("--control", url, "--token-file", str(file))
        away = tmp_path / "elsewhere"
        away.mkdir()

        refused = midflight("status", "--control", url, cwd=away)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "no token is given" in refused.stderr
        refused = midflight("status", "--control", url, cwd=away, MIDFLIGHT_TOKEN="0" * 40)
        assert "wants another token" in refused.stderr

        planned = midflight("upgrade", V2, "--dry-run", *over, cwd=away)
        assert (planned.returncode, planned.stderr) == (0, "")
        assert "swap counter" in planned.stdout
        assert midflight("plan", V2, *over, cwd=away).stdout == planned.stdout
        done = midflight("upgrade", V2, *over, "--probation", "1/1s", "--settle", cwd=away)
        assert done.returncode == 0, done.stderr
        assert "settle" in done.stderr
        token = file.read_text().strip()
        back = midflight("rollback", "--control", url, "--json", cwd=away, MIDFLIGHT_TOKEN=token)
        assert json.loads(back.stdout)["reason"] == "NothingToRollBack"
        told = json.loads(midflight("history", *over, "--json", cwd=away).stdout)["history"]
        mine = [row["what"] for row in told if row["who"].startswith("tcp 127.0.0.1, token ")]
        assert mine[:3] == ["asked for status", "asked for a dry run", "upgraded"]
        shown = midflight("history", "--data", str(data), COLUMNS="200").stdout
        assert re.search(r"asked for status, \d times", shown)
    assert midflight("status", *over, cwd=away).returncode == 1


def test_a_token_that_others_can_read_is_none(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = had(file).unwrap()
    assert (len(token) >= 32, had(file).unwrap()) == (True, token)
    file.chmod(0o640)
    assert "other users" in read(file).failure().message
    file.chmod(0o600)
    file.write_text("short\n")
    assert isinstance(read(file).failure(), BadTokenFile)
    assert isinstance(had(tmp_path / "no" / "folder").failure(), BadTokenFile)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "tcp://127.0.0.1", "tcp://", "tcp://u@h:1", "tcp://h:x", "tcp://[::1"]
)
def test_an_address_that_is_none_is_told(url: str, tmp_path: Path) -> None:
    assert isinstance(remote(url, None, tmp_path).failure(), NoRemote)
