"""Ids from outside: the header `Idempotency-Key`, the control socket, the command, and a node that is killed."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient

from runtime import bounds
from runtime.control import Control
from runtime.datadir import claim
from runtime.loader import load
from runtime.node import Node
from tests.runtime.crash_story import ROOT, free_port
from tests.runtime.crash_story import node_of as running

APP = load(str(Path(__file__).parent / "named" / "v1.py")).unwrap()
DONE = {"type": "Done", "n": 7, "at": 1}


def serve(body: Callable[[AsyncClient, Node], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Node() as node:
            (await node.start(APP)).unwrap()
            async with AsyncClient(transport=ASGITransport(node.asgi()), base_url="http://node") as client:
                await body(client, node)

    asyncio.run(main())


async def post(client: AsyncClient, n: int, *keys: str) -> tuple[int, Any]:
    headers = [("Idempotency-Key", key) for key in keys]
    reply = await client.post("/machines/book", json={"type": "Add", "n": n}, headers=headers)
    return reply.status_code, reply.json()


def test_a_request_with_a_key_is_done_once() -> None:
    async def body(client: AsyncClient, node: Node) -> None:
        replies = await asyncio.gather(*(post(client, 7, "a") for _ in range(20)))
        assert replies == [(200, DONE)] * 20
        assert await post(client, 7, '"a"') == (200, DONE)  # the draft's way to write the same
        assert node.machine("book").stepped == 1
        assert (await post(client, 7))[1] == {**DONE, "at": 2}
        status, error = await post(client, -1, "b")
        assert (status, error["error"]) == (500, "StepFailed")
        assert await post(client, -1, "b") == (status, error)

    serve(body)


def test_a_key_with_another_message_is_a_422() -> None:
    async def body(client: AsyncClient, node: Node) -> None:
        await post(client, 7, "a")
        status, error = await post(client, 8, "a")
        assert (status, error["error"]) == (422, "IdReused")
        assert "an id goes with one message" in error["message"]
        assert node.machine("book").stepped == 1

    serve(body)


@pytest.mark.parametrize(
    "keys",
    [[""], ['""'], ["x" * (bounds.MAX_ID + 1)], ["a", "a"], ['"a'], ['"a"b"'], ["a\tb"], ["\xe9"]],
)
def test_a_key_that_cannot_be_one_is_a_400(keys: list[str]) -> None:
    async def body(client: AsyncClient, node: Node) -> None:
        headers = [(b"idempotency-key", key.encode("latin-1")) for key in keys]
        reply = await client.post("/machines/book", json={"type": "Add", "n": 7}, headers=headers)
        assert (reply.status_code, reply.json()["error"]) == (400, "BadId")
        assert node.machine("book").stepped == 0

    serve(body)


def test_quotes_and_backslashes_in_a_key() -> None:
    async def body(client: AsyncClient, node: Node) -> None:
        assert await post(client, 7, r'"a\"b\\c"') == (200, DONE)
        assert await post(client, 7, r'a"b\c') == (200, DONE)
        assert (await post(client, 7, r"a\b"))[1]["at"] == 2

    serve(body)


def test_the_control_socket_takes_ids(tmp_path: Path) -> None:
    async def main() -> None:
        ours = claim(tmp_path).unwrap()
        async with Node() as node:
            (await node.start(APP)).unwrap()
            control = Control(node, ours)

            async def ask(n: int, name: Any) -> dict[str, Any]:
                message = {"type": "Add", "n": n}
                request = {"op": "call", "machine": "book", "message": message, "id": name}
                return await control.answer(json.dumps(request).encode())

            assert await ask(7, "a") == await ask(7, "a") == {"ok": True, "reply": DONE}
            assert (await ask(8, "a"))["reason"] == "IdReused"
            assert (await ask(8, ""))["reason"] == "BadId"
            assert (await ask(8, 5))["reason"] == "BadRequest"
            assert (await ask(7, None))["reply"]["at"] == 2
        ours.release()

    asyncio.run(main())


def count_of(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/machines/counter", json.dumps({"type": "Read"}))
    count: int = json.loads(connection.getresponse().read())["count"]
    connection.close()
    return count


def insist(port: int, key: str, replies: list[tuple[int, str]], abort: threading.Event) -> None:
    """Post under one key until there is an answer, as a client does that lost its connection."""
    while not abort.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            body = json.dumps({"type": "Incr", "by": 1})
            connection.request("POST", "/machines/counter", body, {"Idempotency-Key": key})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
            continue
        finally:
            connection.close()
        if answer.status != 503:
            replies.append((answer.status, text))
            return


def ended_at_random(rounds: int, folder: Path, seed: int) -> None:
    """Clients that insist, each message twice, while the node is killed so often and upgraded between."""
    print("seed", seed)
    chance, port, over, abort = random.Random(seed), free_port(), threading.Event(), threading.Event()
    data, replies, asked = folder / "data", list[tuple[int, str]](), list[str]()

    def client(name: str) -> None:
        mine = 0
        while not over.is_set():
            mine += 1
            key = f"{name}.{mine}"
            asked.append(key)
            twice = [threading.Thread(target=insist, args=(port, key, replies, abort)) for _ in range(2)]
            for each in twice:
                each.start()
            for each in twice:
                each.join()

    file = str(ROOT / "examples" / "counter" / "v1.py")
    clients = [threading.Thread(target=client, args=(str(n),)) for n in range(4)]
    try:
        for number in range(rounds):
            with running(file, port, data) as node:
                if not number:
                    for each in clients:
                        each.start()
                if number == rounds // 2:
                    file = str(ROOT / "examples" / "counter" / "v2.py")
                    command(data, "upgrade", file)
                time.sleep(0.2 + chance.random() * 0.5)
                node.send_signal(signal.SIGKILL)
        with running(file, port, data):
            over.set()
            for each in clients:
                each.join()
            assert count_of(port) == len(asked) > rounds
            assert replies == [(200, '{"type": "Ok"}')] * 2 * len(asked)
    finally:
        over.set()
        abort.set()


def command(data: Path, *given: str) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "midflight", *given, "--data", str(data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


@pytest.mark.long
def test_clients_that_insist_count_once_through_fifty_kills(tmp_path: Path) -> None:
    ended_at_random(50, tmp_path, random.randrange(2**32))


def test_clients_that_insist_count_once_through_kills(tmp_path: Path) -> None:
    ended_at_random(3, tmp_path, random.randrange(2**32))


def test_the_command_takes_an_id(tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    call = ["call", "counter", '{"type": "Incr", "by": 2}', "--id", "t-1"]
    file = str(ROOT / "examples" / "counter" / "v1.py")
    for _ in range(2):
        with running(file, port, data) as node:
            assert json.loads(command(data, *call)) == {"type": "Ok"}
            assert count_of(port) == 2
            node.send_signal(signal.SIGKILL)
