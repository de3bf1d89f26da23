"""How long the event loop of `examples/fastapi` stands still under load: without a node, with one in memory, and
with one on disk, which is upgraded and rolled back and writes snapshots meanwhile.

    python -m tests.benchmarks.lag [--rounds 5] [--seconds 6] [--rate 300] [--products 1000] [--json]

A real uvicorn in a process of its own, real clients in another one. The lag is how much later than asked a timer of
a millisecond goes off, and `computed` is what of it the loop's own thread has worked: the rest it waited for the
processor, which others want too, or for the interpreter, which a thread of its own had. The three take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
SHOP = ROOT / "examples" / "fastapi"
VARIANTS = ("none", "memory", "disk")
CLIENTS = 16
TOKEN = "secret"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--serve", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rate", type=int, default=300, help="requests in a second")
    parser.add_argument("--products", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.products)
        return
    found: dict[str, list[dict[str, Any]]] = {variant: [] for variant in VARIANTS}
    for _ in range(given.rounds):
        for variant in VARIANTS:
            with server(variant, given.products) as port:
                load = Load(port, given.rate, given.seconds, changes=variant != "none")
                found[variant].append(asyncio.run(load.run()))
    rows = [{"node": variant, **summary(rounds)} for variant, rounds in found.items()]
    if given.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the rounds, in milliseconds, and the worst of all."""
    lags = [sorted(lag for lag, _ in each["lags"]) for each in rounds]
    computed = [max(computed for _, computed in each["lags"]) for each in rounds]

    def median(pick: Callable[[list[float]], float]) -> float:
        return round(statistics.median(pick(each) for each in lags) * 1000, 2)

    return {
        "median_ms": median(statistics.median),
        "p99_ms": median(lambda each: each[int(len(each) * 0.99)]),
        "worst_ms": median(lambda each: each[-1]),
        "worst_of_all_ms": round(max(each[-1] for each in lags) * 1000, 2),
        "worst_computed_ms": round(statistics.median(computed) * 1000, 2),
        "worst_computed_of_all_ms": round(max(computed) * 1000, 2),
        **{
            name: sum(each[name] for each in rounds)
            for name in ("answered", "failed", "changes", "snapshots")
        },
    }


# The server


@contextmanager
def server(variant: str, products: int) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{SHOP}", "SHOP_ADMIN_TOKEN": TOKEN}
        environment.pop("SHOP_DATA", None)
        if variant == "disk":
            environment["SHOP_DATA"] = folder
        command = ["-m", "tests.benchmarks.lag", "--serve", variant, "--products", str(products)]
        with subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    if running := re.search(r"running on http://127.0.0.1:(\d+)", line):
                        yield int(running[1])
                        break
            finally:
                process.terminate()
                process.communicate(timeout=30)


def serve(variant: str, products: int) -> None:
    """The shop, or the same over a dictionary, with an address that tells the lag since it was asked last."""
    import uvicorn
    from fastapi import FastAPI

    from runtime import bounds
    from runtime.keeper import Keeper

    bounds.SNAPSHOT_AFTER = 500
    lags: list[tuple[float, float]] = []
    snapshots: list[int] = []
    begin = Keeper.begin_snapshot

    def counted(self: Keeper) -> None:
        snapshots.append(1)
        begin(self)

    Keeper.begin_snapshot = counted  # type: ignore[method-assign]
    shop = plain(products) if variant == "none" else stocked(products)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        async with shop.router.lifespan_context(shop):
            probing = asyncio.create_task(probe(lags))
            yield
            probing.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.get("/lag")
    async def lag() -> Any:
        told = {"lags": list(lags), "snapshots": len(snapshots)}
        lags.clear()
        snapshots.clear()
        return told

    app.mount("/", shop)
    uvicorn.run(app, port=0, access_log=False)


async def probe(lags: list[tuple[float, float]]) -> None:
    while True:
        due, computed = time.perf_counter() + 0.001, time.thread_time()
        await asyncio.sleep(0.001)
        lags.append((time.perf_counter() - due, time.thread_time() - computed))


def plain(products: int) -> Any:
    """The shop before it had a node."""
    from fastapi import FastAPI

    app = FastAPI()
    left = {f"p{n}": 10**9 for n in range(products)}

    @app.post("/products/{product}/buy")
    async def buy(product: str, wanted: dict[str, int]) -> Any:
        left[product] -= wanted["count"]
        return {"left": left[product]}

    return app


def stocked(products: int) -> Any:
    """The shop with that many products."""
    import shop
    from stock import Restock

    inner = shop.app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        async with inner(app):
            for first in range(0, products, 1000):
                names = [f"p{n}" for n in range(first, min(products, first + 1000))]
                await asyncio.gather(*(shop.node.call("stock", Restock(name, 10**9)) for name in names))
            yield

    shop.app.router.lifespan_context = lifespan
    return shop.app


# The clients


class Load:
    """So many requests in a second over some connections, and a change of the version each second."""

    def __init__(self, port: int, rate: int, seconds: float, *, changes: bool) -> None:
        self.port = port
        self.every = CLIENTS / rate
        self.seconds = seconds
        self.changing = changes
        self.answered = self.failed = self.changes = 0

    async def run(self) -> dict[str, Any]:
        await self.lags()
        until = time.perf_counter() + self.seconds
        clients = [self.client(n, until) for n in range(CLIENTS)]
        await asyncio.gather(*clients, *([self.operator(until)] if self.changing else []))
        told = await self.lags()
        done = {"answered": self.answered, "failed": self.failed, "changes": self.changes}
        return {**told, **done}

    async def lags(self) -> Any:
        connection = await Connection.to(self.port)
        _, told = await connection.ask("GET", "/lag")
        connection.close()
        return json.loads(told)

    async def client(self, number: int, until: float) -> None:
        connection = await Connection.to(self.port)
        due = time.perf_counter() + self.every * number / CLIENTS
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            status, _ = await connection.ask("POST", f"/products/p{number}/buy", {"count": 1})
            self.answered += status == 200
            self.failed += status != 200
            due += self.every
        connection.close()

    async def operator(self, until: float) -> None:
        connection = await Connection.to(self.port)
        while time.perf_counter() + 1 < until:
            await asyncio.sleep(0.8)
            change = (
                ("/admin/upgrade", {"version": "v2"}) if self.changes % 2 == 0 else ("/admin/rollback", None)
            )
            status, body = await connection.ask("POST", *change)
            assert status == 200, body
            self.changes += 1
        connection.close()


class Connection:
    """HTTP, kept alive; no more than this needs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.close = writer.close

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**26))

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: shop\r\nauthorization: Bearer {TOKEN}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        self.writer.write(head.encode() + data)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length: ")[2].partition("\r")[0])
        return int(answer.split()[1]), await self.reader.readexactly(length)


if __name__ == "__main__":
    main()
