"""`>>` and `compose` infer from end to end, up to ten arrows; a longer chain and a list of arrows are taken too."""
# pyright: strict

from typing import Any, assert_type

from midflight import Arrow, arr, compose, constant, identity


def double(x: int) -> int:
    return x * 2


def show(x: int) -> str:
    return str(x)


def fallback(x: object) -> str:
    return repr(x)


d, s, f = arr(double), arr(show), arr(fallback)

assert_type(d, Arrow[int, int])
assert_type(compose(d), Arrow[int, int])
assert_type(compose(d, s), Arrow[int, str])
assert_type(d >> s, Arrow[int, str])
assert_type(compose(d, d, d, d, d, d, d, d, d, s), Arrow[int, str])
assert_type(compose(d, d, d, d, d, d, d, d, d, d, d, s), Arrow[int, Any])
any_number: Arrow[int, int] = compose(*[d, d])
assert_type(s >> f, Arrow[int, str])
narrower: Arrow[bool, object] = d
assert_type(identity() >> d, Arrow[Any, int])
assert_type(constant("a") >> arr(len), Arrow[Any, int])
same: Arrow[int, int] = identity()
assert_type(same >> same, Arrow[int, int])
