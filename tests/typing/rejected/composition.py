"""A step must take what the one before it gives."""
# pyright: strict, reportUnusedExpression=false

from midflight import Arrow, arr, compose


def double(x: int) -> int:
    return x * 2


def show(x: int) -> str:
    return str(x)


d, s = arr(double), arr(show)

s >> d  # error: operator
d >> double  # error: not an arrow
compose(s, d)  # error: compose
compose(d, d, d, d, d, d, d, d, s, d)  # error: compose
arr(5)  # error: not a function
wider: Arrow[object, str] = s  # error: takes less
