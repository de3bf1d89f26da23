"""Arrows over a choice: `|` joins two sides to one answer, `+` keeps the side."""
# pyright: strict

from typing import Any, assert_type

from midflight import Arrow, Either, Left, Right, arr, fanin, identity, left, right, run, switch


def double(x: int) -> int:
    return x * 2


def size(x: str) -> int:
    return len(x)


def show(x: int) -> str:
    return str(x)


d, z, s = arr(double), arr(size), arr(show)

assert_type(d | z, Arrow[Either[int, str], int])
assert_type(fanin(d, z), Arrow[Either[int, str], int])
assert_type(s + z, Arrow[Either[int, str], Either[str, int]])
assert_type(left(s), Arrow[Either[int, Any], Either[str, Any]])
assert_type(right(s), Arrow[Either[Any, int], Either[Any, str]])
assert_type(switch((Left, s), (Right, z)), Arrow[Either[int, str], str | int])
assert_type(s | identity(), Arrow[Either[int, Any], str])
assert_type((s + z) >> (z | d), Arrow[Either[int, str], int])
inputs: list[Either[int, str]] = [Left(1), Right("a")]
assert_type(run(d | z, inputs), list[int])
