"""Keys and values, counting how often each key was asked for since it was set: `OBJECT FREQ key` tells."""

from __future__ import annotations

import time

import attrs
import resp
from commands import (
    COMMANDS,
    LARGEST,
    MACHINE,
    NOT_A_NUMBER,
    OVERFLOW,
    TOO_LONG,
    Add,
    Append,
    Delete,
    Exists,
    Expire,
    Get,
    Length,
    Message,
    Number,
    Ok,
    Refused,
    Reply,
    Request,
    Set,
    Size,
    Ttl,
    Value,
    Words,
    Wrong,
    asked,
    digits,
    number,
    refused,
    text,
    write,
)
from resp import BULK

from midflight import DROP, Application, Ask, Codec, Migration, keyed, proc


@attrs.frozen
class Hits:
    key: str
    now: int


@proc
def key(msg: Message | Hits) -> str:
    return msg.key


@proc
def entry(
    msg: Message | Hits, *, value: bytes | None = None, until: int | None = None, hits: int = 0
) -> tuple[Reply, int]:
    """Answer, and say how many keys there are more by this one."""
    before = 0 if value is None else 1
    if until is not None and until <= msg.now:
        value = None
        until = None
    reply: Reply = Ok()
    match msg:
        case Get():
            reply = Value(value)
        case Set(value=new, until=end):
            value = new
            until = end
        case Add(by=by):
            n = number(b"0" if value is None else value)
            if n is None:
                reply = Wrong(NOT_A_NUMBER)
            elif -LARGEST <= n + by < LARGEST:
                value = digits(n + by)
                reply = Number(n + by)
            else:
                reply = Wrong(OVERFLOW)
        case Delete():
            reply = Number(0 if value is None else 1)
            value = None
            until = None
        case Exists():
            reply = Number(0 if value is None else 1)
        case Append(value=more):
            longer = more if value is None else value + more
            if len(longer) > BULK:
                reply = Wrong(TOO_LONG)
            else:
                value = longer
                reply = Number(len(longer))
        case Length():
            reply = Number(0 if value is None else len(value))
        case Ttl(now=now):
            reply = Number(-2) if value is None else Number(-1 if until is None else until - now)
        case Hits():
            reply = Value(None) if value is None else Number(hits)
            hits -= 1
        case Expire(until=end, now=now):
            reply = Number(0 if value is None else 1)
            if value is not None and end <= now:
                value = None
                until = None
            elif value is not None:
                until = end
    hits = 0 if value is None else hits + 1
    return reply, (0 if value is None else 1) - before


entries = keyed(entry, by=key, name="keys")


@proc
def store(msg: Message | Hits | Size, *, size: int = 0) -> Reply:
    match msg:
        case Size():
            return Number(size)
        case _:
            reply, more = entries(msg)
            size += more
            return reply


def inspect(words: Words, now: int) -> Request:
    if words[0].upper() != b"FREQ":
        raise Refused("ERR OBJECT knows FREQ only")
    return Ask(MACHINE, Hits(text(words[1]), now))


MORE = {**COMMANDS, b"OBJECT": (inspect, 2, 2)}


def read(data: bytes, at: int) -> tuple[Request, int] | None:
    found = resp.command(data, at)
    return None if found is None else (asked(found[0], time.time_ns() // 1_000_000, MORE), found[1])


to_2 = Migration("store", old="1", new="2", up={}, down={"keys/hits": DROP})

app = Application(
    "redis_like",
    version="2",
    machines={"store": store},
    codecs={"resp": Codec(read, write, refused)},
    migrations=[to_2],
)
