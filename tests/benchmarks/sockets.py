"""The node behind a socket, at a fixed rate: with and without its journal, and beside a real Redis."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import arrows
from runtime.bench import Bench, Measured, Say, Scale, Skip

from .open_loop import Load, http_answer, load, number_answer

SECONDS: Final = 3.0
ROOT: Final = Path(arrows.__file__).parent.parent
EXAMPLES: Final = ROOT / "examples"

IN_MEMORY: Final = """
import asyncio, logging, sys
import uvicorn
from midflight import Node
from runtime.listen import bind
from runtime.loader import load
from runtime.speaker import speaking

async def main(file, url):
    logging.disable()
    app = load(file).unwrap()
    async with Node() as node:
        (await node.start(app)).unwrap()
        (listener,) = bind([url], app.codecs).unwrap()
        await speaking(node, app, [listener])
        if listener.scheme == "http":
            config = uvicorn.Config(node.asgi(), lifespan="off", log_config=None, access_log=False)
            await uvicorn.Server(config).serve([listener.socket])
        await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""
"""A node that keeps nothing: the same application and gateways."""


def environment() -> dict[str, str]:
    """One in which a process finds what this one has."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def started(port: int, *command: str) -> Iterator[int]:
    """A server in a process of its own, when it listens."""
    process = subprocess.Popen(
        command,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > until or process.poll() is not None:
                    raise Skip(f"{command[0]} did not start") from None
                time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def journaled(file: Path, scheme: str) -> Iterator[int]:
    """`midflight run` on a directory of the disk."""
    port = free_port()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as data:
        listen = f"{scheme}://127.0.0.1:{port}"
        command = [sys.executable, "-m", "midflight", "run", str(file), "--listen", listen, "--data", data]
        with started(port, *command):
            yield port


@contextmanager
def in_memory(file: Path, scheme: str) -> Iterator[int]:
    """The same without a journal."""
    port = free_port()
    with started(port, sys.executable, "-c", IN_MEMORY, str(file), f"{scheme}://127.0.0.1:{port}"):
        yield port


@contextmanager
def redis() -> Iterator[int]:
    """A real Redis that syncs before it answers."""
    program = shutil.which("redis-server")
    if program is None:
        raise Skip("there is no redis-server here: install Redis")
    port = free_port()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as data:
        options = {"port": str(port), "dir": data, "save": "", "appendonly": "yes", "appendfsync": "always"}
        command = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
        with started(port, *command):
            yield port


def http(port: int, seconds: float) -> Load:
    """32 connections, 1,000 requests a second."""
    body = json.dumps({"type": "Incr", "by": 1}).encode()
    head = b"POST /machines/counter HTTP/1.1\r\nhost: node\r\ncontent-length: %d\r\n\r\n" % len(body)
    return asyncio.run(
        load(port, head + body, http_answer, rate=1000, seconds=seconds, connections=32, pipelined=False)
    )


def resp(port: int, seconds: float) -> Load:
    """50 connections, 5,000 commands a second."""
    request = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
    return asyncio.run(
        load(port, request, number_answer, rate=5000, seconds=seconds, connections=50, pipelined=True)
    )


Server: TypeAlias = Callable[[], AbstractContextManager[int]]


def compared(
    ask: Callable[[int, float], Load],
    servers: Sequence[tuple[str, Server]],
    scale: Scale,
    say: Say,
) -> Measured:
    """All servers under the same load, in turns; the first is ours, and the last is what it stands beside."""
    if not EXAMPLES.is_dir():
        raise Skip("the examples are not installed: run this in a checkout")
    seconds = max(0.3, SECONDS * scale.size)
    loads: dict[str, list[Load]] = {name: [] for name, _ in servers}
    for at in range(scale.samples):
        for name, server in servers:
            say(f"{at + 1}/{scale.samples} {name}")
            with server() as port:
                ask(port, seconds / 4)
                loads[name].append(ask(port, seconds))
    ours, beside = loads[servers[0][0]], loads[servers[-1][0]]
    middle = {
        name: sorted(each, key=lambda one: one.at(0.99))[len(each) // 2] for name, each in loads.items()
    }
    note = "; ".join(f"{name}: {found.rate:,.0f}/s, {found}" for name, found in middle.items())
    return Measured(tuple(one.rate for one in ours), tuple(one.rate for one in beside), note)


def over_http(scale: Scale, say: Say) -> Measured:
    """The counter."""
    file = EXAMPLES / "counter" / "v1.py"
    servers = [("journal", partial(journaled, file, "http")), ("memory", partial(in_memory, file, "http"))]
    return compared(http, servers, scale, say)


def over_resp(scale: Scale, say: Say) -> Measured:
    """The keys and values for clients of Redis."""
    file = EXAMPLES / "redis_like" / "v1.py"
    servers: list[tuple[str, Server]] = [
        ("journal", partial(journaled, file, "resp")),
        ("memory", partial(in_memory, file, "resp")),
        ("redis", redis),
    ]
    return compared(resp, servers, scale, say)


BENCHES = (
    Bench(
        "http",
        "requests over HTTP, 1,000 a second on 32 connections, each on disk before it is answered",
        "the same without a journal",
        "requests/s",
        over_http,
    ),
    Bench(
        "resp",
        "INCR over the protocol of Redis, 5,000 a second on 50 connections, each on disk before it is answered",
        "a real Redis, appendfsync always",
        "requests/s",
        over_resp,
    ),
)
