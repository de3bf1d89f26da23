"""Ten arrows infer from end to end; a longer chain and a list of arrows are taken too."""

from typing import Any, assert_type

from midflight import Arrow, arr, compose


def double(x: int) -> int:
    return x * 2


def show(x: int) -> str:
    return str(x)


d, s = arr(double), arr(show)

assert_type(compose(d), Arrow[int, int])
assert_type(compose(d, s), Arrow[int, str])
assert_type(d >> s, Arrow[int, str])
assert_type(compose(d, d, d, d, d, d, d, d, d, s), Arrow[int, str])
assert_type(compose(d, d, d, d, d, d, d, d, d, d, d, s), Arrow[int, Any])
