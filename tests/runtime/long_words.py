"""A list of words in one large cell, in versions that lead it slowly, for ever, or to what the next step leads on."""

from __future__ import annotations

import attrs

from arrows.build import arr
from arrows.notation import proc
from migrations.migration import Migration
from runtime.application import Application


@attrs.frozen
class Say:
    word: str


@attrs.frozen
class Count:
    pass


@attrs.frozen
class Fill:
    words: int


@proc
def machine(msg: Say | Count | Fill, *, count: int = 0, words: tuple[str, ...] = ()) -> int:
    match msg:
        case Say(word=word):
            words = (*words, word)
        case Fill(words=size):
            words = tuple(["word"] * size)
        case Count():
            count = count + 1
    return len(words)


@proc
def machine_2(msg: Say | Count | Fill, *, count: int = 0, words: tuple[tuple[str, int], ...] = ()) -> int:
    match msg:
        case Say(word=word):
            words = (*words, (word, len(word)))
        case Count():
            count = count + 1
        case Fill():
            pass
    return len(words)


@proc
def machine_3(msg: Say | Count | Fill, *, count: int = 0, words: tuple[int, ...] = ()) -> int:
    match msg:
        case Say(word=word):
            words = (*words, len(word))
        case Count():
            count = count + 1
        case Fill():
            pass
    return len(words)


def measured(words: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((word, len(word)) for word in words)


def forgotten(words: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    return tuple(word for word, _ in words)


def lengths(words: tuple[tuple[str, int], ...]) -> tuple[int, ...]:
    return tuple(length for _, length in words)


def for_ever(words: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    for _ in range(2):
        try:
            while True:
                pass
        except BaseException:  # which does not save it
            continue
    return ()


def greedy(words: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    held = []
    while True:
        held.append(bytearray(b"x" * (1 << 22)))


def _second(up: object) -> Application:
    ways = Migration("words", old="1", new="2", up={"words": up}, down={"words": arr(forgotten)})  # type: ignore[dict-item]
    return Application("words", version="2", machines={"words": machine_2}, migrations=[ways])


v1 = Application("words", version="1", machines={"words": machine})
v2 = _second(arr(measured))
LOOPS = _second(arr(for_ever))
GREEDY = _second(arr(greedy))
v3 = Application(
    "words",
    version="3",
    machines={"words": machine_3},
    migrations=[Migration("words", old="2", new="3", up={"words": arr(lengths)})],
)
