"""A machine that adds, and a codec of lines for it, for the tests of connections."""

from __future__ import annotations

from typing import Any

import attrs

from arrows.notation import proc
from runtime.application import Application
from runtime.codec import Answer, Ask, AskAll, Codec, NotARequest
from runtime.errors import CallError

WIDE = 1000


@attrs.frozen
class Add:
    n: int


@attrs.frozen
class Read:
    pass


@proc
def total(msg: Add | Read, *, sum: int = 0) -> int:
    match msg:
        case Add(n):
            if n == 13:
                raise ValueError("unlucky")
            sum += n
            return sum
        case Read():
            return sum


def read(data: bytes, at: int) -> tuple[Ask | AskAll | Answer, int] | None:
    end = data.find(b"\n", at)
    if end < 0:
        return None
    return asked(data[at:end].decode().split()), end + 1


def asked(words: list[str]) -> Ask | AskAll | Answer:
    match words:
        case ["add", n]:
            return Ask("total", Add(int(n)))
        case ["all", *several]:
            return AskAll("total", [Add(int(n)) for n in several], "all")
        case ["read", *form]:
            return Ask("total", Read(), "".join(form))
        case ["ask", machine]:
            return Ask(machine, "what?")
        case ["ping"]:
            return Answer(b"pong\n")
        case ["bye"]:
            return Answer(b"bye\n", close=True)
        case ["fail"]:
            raise RuntimeError("the codec has a fault")
        case _:
            raise NotARequest(f"what is {' '.join(words)!r}?")


def write(form: str, reply: Any) -> bytes:
    match form:
        case "all":
            return " ".join(map(str, reply)).encode() + b"\n"
        case "text":
            return str(reply)  # type: ignore[return-value]
        case "wide":
            return f"{reply:>{WIDE}}\n".encode()
        case "raise":
            raise RuntimeError("this cannot be written")
        case _:
            return f"{reply}\n".encode()


def refused(error: CallError) -> bytes:
    return f"{error.reason}: {error}\n".encode()


def loudly(form: str, reply: Any) -> bytes:
    return f"{reply}!\n".encode()


def speechless(error: CallError) -> bytes:
    raise RuntimeError("no words")


lines = Codec(read, write, refused)
v1 = Application("lines", version="1", machines={"total": total}, codecs={"lines": lines})
loud = Application(
    "lines", version="2", machines={"total": total}, codecs={"lines": Codec(read, loudly, refused)}
)
silent = Application("lines", version="3", machines={"total": total})
wordless = Application(
    "lines", version="4", machines={"total": total}, codecs={"lines": Codec(read, write, speechless)}
)
small = Application("lines", version="5", machines={"total": total}, codecs={"lines": lines}, inbox=2)
