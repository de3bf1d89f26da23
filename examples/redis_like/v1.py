"""Keys and values, for clients of Redis: each key is a machine of its own, and one that is not set takes no room."""

from __future__ import annotations

from commands import (
    LARGEST,
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
    Reply,
    Set,
    Size,
    Ttl,
    Value,
    Wrong,
    digits,
    number,
    read,
    refused,
    write,
)
from resp import BULK

from midflight import Application, Codec, keyed, proc


@proc
def key(msg: Message) -> str:
    return msg.key


@proc
def entry(msg: Message, *, value: bytes | None = None, until: int | None = None) -> tuple[Reply, int]:
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
        case Expire(until=end, now=now):
            reply = Number(0 if value is None else 1)
            if value is not None and end <= now:
                value = None
                until = None
            elif value is not None:
                until = end
    return reply, (0 if value is None else 1) - before


entries = keyed(entry, by=key, name="keys")


@proc
def store(msg: Message | Size, *, size: int = 0) -> Reply:
    match msg:
        case Size():
            return Number(size)
        case _:
            reply, more = entries(msg)
            size += more
            return reply


app = Application(
    "redis_like", version="1", machines={"store": store}, codecs={"resp": Codec(read, write, refused)}
)
