"""The demo's load: a process that posts one message over and over, on several connections that stay open.

    python load.py URL MESSAGE CONNECTIONS

It knows nothing of the node but its address, and uses the standard library alone, so that it can be run as a file
with `python -I`. When its standard input ends it stops sending, waits for what is under way, and prints one JSON
object: how many were sent and answered, what was wrong, and for each connection when each answer came.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 10.0
"""Seconds to wait for an answer before it counts as lost."""


class Load:
    """What was sent and what came back."""

    def __init__(self, url: str, message: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        body = message.encode()
        head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
        self.request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        self.sent = self.answered = 0
        self.wrong: list[str] = []
        self.times: list[list[float]] = []
        self.stop = False

    async def connection(self) -> None:
        """Post until told to stop, or until something is wrong."""
        times: list[float] = []
        self.times.append(times)
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            while not self.stop:
                self.sent += 1
                writer.write(self.request)
                status, body = await asyncio.wait_for(_response(reader), PATIENCE)
                if status != 200:
                    self.wrong.append(f"{status}: {body.decode(errors='replace')[:200]}")
                else:
                    self.answered += 1
                    times.append(time.monotonic())
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            writer.close()

    async def run(self, connections: int) -> dict[str, Any]:
        """Load the node until standard input ends."""
        talks = [asyncio.ensure_future(self.connection()) for _ in range(connections)]
        await asyncio.to_thread(sys.stdin.read)
        self.stop = True
        for error in await asyncio.gather(*talks, return_exceptions=True):
            if error is not None:
                self.wrong.append(f"{type(error).__name__}: {error}")
        return {"sent": self.sent, "answered": self.answered, "wrong": self.wrong[:20], "times": self.times}


async def _response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return int(lines[0].split()[1]), await reader.readexactly(int(fields["content-length"]))


if __name__ == "__main__":
    load = Load(sys.argv[1], sys.argv[2])
    print(json.dumps(asyncio.run(load.run(int(sys.argv[3])))))
