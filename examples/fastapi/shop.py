"""A shop's web application, with a machine inside it that knows what is left in stock.

uvicorn shop:app --app-dir examples/fastapi
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from returns.result import Failure, Result, Success
from starlette.types import ASGIApp, Receive, Scope, Send
from stock import Buy, Look, Restock, TooFew

from midflight import Application, CallError, Node, Overloaded, Refusal, Unavailable, Upgraded, load

HERE = Path(__file__).parent
TOKEN = os.environ.get("SHOP_ADMIN_TOKEN", "")
"""What the operator shows to change the code or look inside; where it is empty nobody may."""

node = Node(os.environ.get("SHOP_DATA"))
"""What the stock is kept in: a directory, or memory where none is given."""


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """The node lives as long as the web application does."""
    async with node:
        (await node.start(version("v1").unwrap())).unwrap()
        gc.freeze()  # what the program consists of is not looked through again for garbage, which takes long
        yield


app = FastAPI(lifespan=lifespan)


class Count(BaseModel):
    count: int = Field(gt=0)


class Version(BaseModel):
    version: str = Field(pattern=r"^v[0-9]+$")


@app.get("/products/{product}")
async def look(product: str) -> Any:
    return attrs.asdict(await node.call("stock", Look(product)))


@app.post("/products/{product}/buy")
async def buy(product: str, wanted: Count) -> Any:
    reply = await node.call("stock", Buy(product, wanted.count))
    if isinstance(reply, TooFew):
        raise HTTPException(409, f"only {reply.left} left")
    return attrs.asdict(reply)


@app.exception_handler(CallError)
async def no_reply(_: Request, error: CallError) -> JSONResponse:
    """What the machine could not answer; nothing in it is for the operator's eyes only."""
    if isinstance(error, Overloaded | Unavailable):
        return JSONResponse(error.to_plain(), 503, {"retry-after": f"{error.retry_after:.0f}"})
    return JSONResponse(error.to_plain(), 500)


# What only the operator may do. A mounted node answers every message of every machine, so it belongs here.

admin = FastAPI()
admin.exception_handler(CallError)(no_reply)
admin.mount("/node", node.asgi())


@admin.post("/products/{product}/restock")
async def restock(product: str, delivered: Count) -> Any:
    return attrs.asdict(await node.call("stock", Restock(product, delivered.count)))


@admin.post("/upgrade")
async def upgrade(wanted: Version) -> JSONResponse:
    """Let another version beside this file take over. Only those: the operator's token is no shell."""
    match await asyncio.to_thread(version, wanted.version):
        case Success(loaded):
            return changed(await node.upgrade(loaded))
        case refused:
            return changed(refused)


@admin.post("/rollback")
async def rollback() -> JSONResponse:
    return changed(await node.rollback("stock"))


def version(name: str) -> Result[Application, Refusal]:
    """A version as its file is now."""
    return load(str(HERE / f"{name}.py"))


def changed(outcome: Result[Any, Refusal]) -> JSONResponse:
    match outcome:
        case Success(Upgraded() as done):
            return JSONResponse(done.to_plain())
        case Failure(refusal):
            return JSONResponse(refusal.to_plain(), 409)
        case _:
            raise AssertionError(outcome)


class Guarded:
    """Lets a request through that bears the token."""

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self.inner = inner
        self.expected = f"Bearer {token}".encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or hand on; websockets have no business here."""
        shown = dict(scope["headers"]).get(b"authorization", b"")
        if scope["type"] == "http" and self.expected and secrets.compare_digest(shown, self.expected):
            await self.inner(scope, receive, send)
        else:
            await JSONResponse({"error": "Unauthorized"}, 401)(scope, receive, send)


app.mount("/admin", Guarded(admin, TOKEN))
