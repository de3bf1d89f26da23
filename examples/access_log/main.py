"""Count an access log that comes in on standard input, and change the counting code in the middle of it.

python main.py [--upgrade-after LINES] [--json] [--top CLIENTS] < access.log
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
from messages import Line, Look, Overview, Seen
from returns.result import Failure, Success

from midflight import Node, load

HERE = Path(__file__).parent
CHUNK = 1 << 16
QUIET = 2.0
"""Seconds between two words on standard error about how far we are."""


async def main() -> int:
    """Read to the end, then report."""
    options = arguments()
    clients: set[str] = set()  # a machine cannot list its keys yet, so we remember which ones to ask for
    async with Node() as node:
        (await node.start(load(str(HERE / "v1.py")).unwrap())).unwrap()
        read, told = 0, time.monotonic()
        async for lines in standard_input():
            for text in lines:
                if read == options.upgrade_after:
                    await upgrade(node, read)
                reply = await node.call("log", Line(text))
                if isinstance(reply, Seen):
                    clients.add(reply.client)
                read += 1
            if time.monotonic() - told > QUIET:
                told = time.monotonic()
                say(f"{read:,} lines")
        say(f"{read:,} lines, that is all")
        found = await report(node, clients)
    print(json.dumps(found) if options.json else table(found, options.top))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Count an access log on standard input.")
    parser.add_argument("--upgrade-after", type=int, metavar="LINES", help="then version 2 takes over")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with every client")
    parser.add_argument("--top", type=int, default=10, metavar="CLIENTS", help="how many to show")
    return parser.parse_args()


async def standard_input() -> AsyncIterator[list[str]]:
    """The lines that are there, as soon as there are some; the loop is free while we wait for more."""
    rest = b""
    while chunk := await asyncio.to_thread(os.read, sys.stdin.fileno(), CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        yield [decoded(line) for line in whole]
    if rest:
        yield [decoded(rest)]


def decoded(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")


async def upgrade(node: Node, read: int) -> None:
    """Load the next version from its file, as it is now, and let it take over."""
    loaded = load(str(HERE / "v2.py"))
    match loaded if isinstance(loaded, Failure) else await node.upgrade(loaded.unwrap()):
        case Success(done):
            say(f"version {done.new_version} took over after {read:,} lines, in {done.seconds * 1000:.1f} ms")
        case Failure(refusal):
            say(f"version 1 stays: {refusal}")


async def report(node: Node, clients: set[str]) -> dict[str, Any]:
    """What either version has counted: of the log, of all clients together, of each."""
    each = {name: attrs.asdict(await node.call("log", Look(name))) for name in sorted(clients)}
    log = attrs.asdict(await node.call("log", Overview()))
    counts = next(iter(each.values()), {})
    totals = {count: sum(client[count] for client in each.values()) for count in counts}
    return {**log, "clients": len(each), "totals": totals, "by_client": each}


def table(found: dict[str, Any], top: int) -> str:
    counts = list(found["totals"])
    busiest = sorted(found["by_client"].items(), key=lambda item: item[1].get("requests", 0), reverse=True)
    rows = [counts, *([f"{client[count]:,}" for count in counts] for _, client in busiest[:top])]
    rows += [[f"{found['totals'][count]:,}" for count in counts]]
    names = ["client", *(name for name, _ in busiest[:top]), f"all {found['clients']:,}"]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    shown = [[text.rjust(width) for text, width in zip(row, widths, strict=True)] for row in rows]
    first = f"{found['lines']:,} lines, {found['bad']:,} of them no request"
    return "\n".join([first, *("  ".join([*row, name]) for row, name in zip(shown, names, strict=True))])


def say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
