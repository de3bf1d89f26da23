"""What clients may ask, in both versions: the messages to one key, the replies, and the commands that they are.

A step reads no clock. So each message says when it was sent, in milliseconds since 1970, and what is written down is
what the step saw: a key that had run out by then has run out whenever the message is stepped again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import resp

from midflight import Answer, Ask, AskAll, CallError, NotARequest, Overloaded, Unavailable

MACHINE = "store"
LARGEST = 2**63
MANY = 1024
"""Keys of one command."""


@attrs.frozen
class Get:
    key: str
    now: int


@attrs.frozen
class Set:
    """`until` is when the key runs out, in milliseconds since 1970."""

    key: str
    value: bytes
    until: int | None
    now: int


@attrs.frozen
class Delete:
    key: str
    now: int


@attrs.frozen
class Exists:
    key: str
    now: int


@attrs.frozen
class Add:
    key: str
    by: int
    now: int


@attrs.frozen
class Append:
    key: str
    value: bytes
    now: int


@attrs.frozen
class Length:
    key: str
    now: int


@attrs.frozen
class Ttl:
    """How many milliseconds has the key left?"""

    key: str
    now: int


@attrs.frozen
class Expire:
    key: str
    until: int
    now: int


@attrs.frozen
class Size:
    """How many keys are there?"""


@attrs.frozen
class Ok:
    pass


@attrs.frozen
class Value:
    data: bytes | None


@attrs.frozen
class Number:
    n: int


@attrs.frozen
class Wrong:
    text: str


Message: TypeAlias = Get | Set | Delete | Exists | Add | Append | Length | Ttl | Expire
Reply: TypeAlias = Ok | Value | Number | Wrong

NOT_A_NUMBER = "ERR value is not an integer or out of range"
OVERFLOW = "ERR increment or decrement would overflow"
TOO_LONG = "ERR string exceeds maximum allowed size"
SYNTAX = "ERR syntax error"


def number(data: bytes) -> int | None:
    """A number as Redis writes it; None for what is none.

    >>> number(b"-12"), number(b"012"), number(b"1 "), number(b"9223372036854775808")
    (-12, None, None, None)
    """
    if not 0 < len(data) <= 20 or not data.removeprefix(b"-").isdigit():
        return None
    n = int(data)
    return n if -LARGEST <= n < LARGEST and digits(n) == data else None


def digits(n: int) -> bytes:
    return b"%d" % n


Request: TypeAlias = Ask | AskAll | Answer
Words: TypeAlias = Sequence[bytes]
Command: TypeAlias = Callable[[Words, int], Request]
"""From the words behind a command's name, and the present time, to what is asked."""


class Refused(Exception):
    """A command that is answered with an error."""


def ping(words: Words, now: int) -> Request:
    return Answer(resp.bulk(words[0]) if words else resp.simple("PONG"))


def echo(words: Words, now: int) -> Request:
    return Answer(resp.bulk(words[0]))


def put(words: Words, now: int) -> Request:
    key, value, *options = words
    if not options:
        return Ask(MACHINE, Set(text(key), value, None, now))
    if len(options) != 2 or options[0].upper() != b"EX":
        raise Refused(SYNTAX)
    seconds = whole(options[1])
    if not 0 < seconds < LARGEST // 2000:
        raise Refused("ERR invalid expire time in 'set' command")
    return Ask(MACHINE, Set(text(key), value, now + 1000 * seconds, now))


def get(words: Words, now: int) -> Request:
    return Ask(MACHINE, Get(text(words[0]), now))


def delete(words: Words, now: int) -> Request:
    return AskAll(MACHINE, [Delete(text(key), now) for key in words], "sum")


def exists(words: Words, now: int) -> Request:
    return AskAll(MACHINE, [Exists(text(key), now) for key in words], "sum")


def increment(words: Words, now: int) -> Request:
    return Ask(MACHINE, Add(text(words[0]), 1, now))


def increment_by(words: Words, now: int) -> Request:
    return Ask(MACHINE, Add(text(words[0]), whole(words[1]), now))


def decrement(words: Words, now: int) -> Request:
    return Ask(MACHINE, Add(text(words[0]), -1, now))


def append(words: Words, now: int) -> Request:
    return Ask(MACHINE, Append(text(words[0]), words[1], now))


def length(words: Words, now: int) -> Request:
    return Ask(MACHINE, Length(text(words[0]), now))


def left(words: Words, now: int) -> Request:
    return Ask(MACHINE, Ttl(text(words[0]), now), "seconds")


def expire(words: Words, now: int) -> Request:
    seconds = whole(words[1])
    if abs(seconds) >= LARGEST // 2000:
        raise Refused("ERR invalid expire time in 'expire' command")
    return Ask(MACHINE, Expire(text(words[0]), now + 1000 * seconds, now))


def get_many(words: Words, now: int) -> Request:
    return AskAll(MACHINE, [Get(text(key), now) for key in words], "array")


def set_many(words: Words, now: int) -> Request:
    if len(words) % 2:
        raise Refused("ERR wrong number of arguments for 'mset' command")
    pairs = zip(words[::2], words[1::2], strict=True)
    return AskAll(MACHINE, [Set(text(key), value, None, now) for key, value in pairs], "ok")


def size(words: Words, now: int) -> Request:
    return Ask(MACHINE, Size())


def configure(words: Words, now: int) -> Request:
    raise Refused("ERR CONFIG is not spoken here: the node is configured where it is started")


def leave(words: Words, now: int) -> Request:
    return Answer(resp.OK, close=True)


def text(key: bytes) -> str:
    """A key as text, a character for each byte: it is found faster, and shown as what it mostly is."""
    return key.decode("latin-1")


def whole(data: bytes) -> int:
    found = number(data)
    if found is None:
        raise Refused(NOT_A_NUMBER)
    return found


COMMANDS: dict[bytes, tuple[Command, int, int]] = {
    b"APPEND": (append, 2, 2),
    b"CONFIG": (configure, 1, MANY),
    b"DBSIZE": (size, 0, 0),
    b"DECR": (decrement, 1, 1),
    b"DEL": (delete, 1, MANY),
    b"ECHO": (echo, 1, 1),
    b"EXISTS": (exists, 1, MANY),
    b"EXPIRE": (expire, 2, 2),
    b"GET": (get, 1, 1),
    b"INCR": (increment, 1, 1),
    b"INCRBY": (increment_by, 2, 2),
    b"MGET": (get_many, 1, MANY),
    b"MSET": (set_many, 2, 2 * MANY),
    b"PING": (ping, 0, 1),
    b"QUIT": (leave, 0, 0),
    b"SET": (put, 2, 6),
    b"STRLEN": (length, 1, 1),
    b"TTL": (left, 1, 1),
}
"""Each command: what it asks, and how many words stand behind its name."""


def asked(words: Words, now: int, commands: Mapping[bytes, tuple[Command, int, int]]) -> Request:
    """What a command asks; what cannot be asked is answered with an error."""
    if not words:
        return Answer(b"")
    name = words[0]
    found = commands.get(name) or commands.get(name.upper())
    if found is None:
        return Answer(resp.error(f"ERR unknown command '{name[:64].decode(errors='replace')}'"))
    make, least, most = found
    if not least < len(words) <= most + 1:
        return Answer(resp.error(f"ERR wrong number of arguments for '{name.decode().lower()}' command"))
    try:
        return make(words[1:], now)
    except Refused as refused:
        return Answer(resp.error(str(refused)))


def read(data: bytes, at: int) -> tuple[Request, int] | None:
    """The command that begins at `at`; it is sent now."""
    found = resp.command(data, at)
    return None if found is None else (asked(found[0], time.time_ns() // 1_000_000, COMMANDS), found[1])


def write(form: str, reply: Any) -> bytes:
    """A reply, or those of a command for many keys, in the form that the command has asked for."""
    match form:
        case "":
            return written(reply)
        case "seconds":
            return resp.integer(reply.n if reply.n < 0 else (reply.n + 500) // 1000)
        case "array":
            return resp.array(map(written, reply))
        case "sum":
            return resp.integer(sum(each.n for each in reply))
        case "ok":
            return resp.OK
        case _:
            raise ValueError(f"{form!r} is no form of a reply")


def written(reply: Reply) -> bytes:
    match reply:
        case Number(n):
            return resp.integer(n)
        case Ok():
            return resp.OK
        case Value(data):
            return resp.bulk(data)
        case Wrong(text):
            return resp.error(text)


def refused(error: CallError) -> bytes:
    """Why there is no reply."""
    match error:
        case Overloaded() | Unavailable():
            return resp.error(f"TRYAGAIN {error}")
        case NotARequest():
            return resp.error(f"ERR {error}")
        case _:
            return resp.error(f"ERR {error.reason}: {error}")
