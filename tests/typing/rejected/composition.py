"""A step must take what the one before it gives."""

from midflight import arr, compose


def double(x: int) -> int:
    return x * 2


def show(x: int) -> str:
    return str(x)


d, s = arr(double), arr(show)

s >> d  # error: operator
compose(s, d)  # error: compose
compose(d, d, d, d, d, d, d, d, s, d)  # error: compose
