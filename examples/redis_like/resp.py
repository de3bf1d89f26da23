"""The protocol of Redis, version 2: commands as lists of byte strings, replies as bytes. It knows no command."""

from __future__ import annotations

from collections.abc import Iterable

from midflight import NotARequest

BULK = 512 * 1024
"""Bytes of one byte string."""

WORDS = 2050
"""Byte strings in one command."""

INLINE = 64 * 1024
"""Bytes of a line that is a command of its own."""

NUMBER = 20
"""Characters of a length."""

OK = b"+OK\r\n"
NIL = b"$-1\r\n"


def command(data: bytes, at: int) -> tuple[list[bytes], int] | None:
    r"""Return the words of the command that begins at `at`, and where it ends; None where it is not whole yet.

    A list of byte strings, or a line with words between spaces; of an empty line the words are none.
    Raises NotARequest for what is neither, or too large.

    >>> command(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n", 0)
    ([b'GET', b'a'], 20)
    >>> command(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n", 20)
    ([b'PING'], 26)
    >>> command(b"*2\r\n$3\r\nGET\r\n$1\r", 0)
    """
    if data[at] != 42:  # b"*"
        return _inline(data, at)
    end = data.find(b"\r\n", at, at + NUMBER)
    if end < 0:
        _not_long(data, at, "invalid multibulk length")
        return None
    count = _number(data[at + 1 : end], WORDS, "invalid multibulk length")
    words, at, size = [], end + 2, len(data)
    for _ in range(count):
        end = data.find(b"\r\n", at, at + NUMBER)
        if end < 0:
            _not_long(data, at, "invalid bulk length")
            return None
        if data[at] != 36:  # b"$"
            raise NotARequest(f"Protocol error: expected '$', got {chr(data[at])!r}")
        start = end + 2
        end = start + _number(data[at + 1 : end], BULK, "invalid bulk length")
        at = end + 2
        if at > size:
            return None
        if data[end:at] != b"\r\n":
            raise NotARequest("Protocol error: a byte string is longer than it says")
        words.append(data[start:end])
    return words, at


def _inline(data: bytes, at: int) -> tuple[list[bytes], int] | None:
    end = data.find(b"\n", at, at + INLINE)
    if end < 0:
        if len(data) - at >= INLINE:
            raise NotARequest("Protocol error: too big inline request")
        return None
    return data[at:end].split(), end + 1


def _not_long(data: bytes, at: int, problem: str) -> None:
    """Raise NotARequest where a length that has not ended is too long already."""
    if len(data) - at >= NUMBER:
        raise NotARequest(f"Protocol error: {problem}")


def _number(digits: bytes, most: int, problem: str) -> int:
    if not digits.isdigit() or int(digits) > most:
        raise NotARequest(f"Protocol error: {problem}")
    return int(digits)


def simple(text: str) -> bytes:
    r"""A short text.

    >>> simple("PONG")
    b'+PONG\r\n'
    """
    return b"+%b\r\n" % _line(text)


def error(text: str) -> bytes:
    r"""An error: a word in capitals, and what is wrong.

    >>> error("ERR syntax\r\n error")
    b'-ERR syntax error\r\n'
    """
    return b"-%b\r\n" % _line(text)


def integer(n: int) -> bytes:
    """A number."""
    return b":%d\r\n" % n


def bulk(data: bytes | None) -> bytes:
    r"""A byte string, or none.

    >>> bulk(b"a b")
    b'$3\r\na b\r\n'
    """
    return NIL if data is None else b"$%d\r\n%b\r\n" % (len(data), data)


def array(items: Iterable[bytes]) -> bytes:
    r"""A list of replies.

    >>> array([integer(1), NIL])
    b'*2\r\n:1\r\n$-1\r\n'
    """
    written = list(items)
    return b"*%d\r\n%b" % (len(written), b"".join(written))


def _line(text: str) -> bytes:
    return " ".join(text.split()).encode(errors="replace")
