"""Arrows over pairs: the operators and their names infer alike."""
# pyright: strict

from typing import Any, assert_type

from midflight import Arrow, arr, fanout, first, identity, parallel, second


def double(x: int) -> int:
    return x * 2


def show(x: int) -> str:
    return str(x)


def size(x: str) -> float:
    return len(x) / 2


d, s, z = arr(double), arr(show), arr(size)

assert_type(d * z, Arrow[tuple[int, str], tuple[int, float]])
assert_type(parallel(d, z), Arrow[tuple[int, str], tuple[int, float]])
assert_type(d & s, Arrow[int, tuple[int, str]])
assert_type(fanout(d, s), Arrow[int, tuple[int, str]])
assert_type(identity() & s, Arrow[Any, tuple[Any, str]])
assert_type(first(s), Arrow[tuple[int, Any], tuple[str, Any]])
assert_type(second(s), Arrow[tuple[Any, int], tuple[Any, str]])
assert_type(d & s >> z, Arrow[int, tuple[int, float]])
kept: Arrow[tuple[int, bytes], tuple[str, bytes]] = first(s)
further: Arrow[tuple[int, bytes], tuple[float, bytes]] = kept >> first(z)
