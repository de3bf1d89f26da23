"""Each side takes what is on it, and the sides of `|` answer alike."""
# pyright: strict, reportUnusedExpression=false

from midflight import Either, Left, Right, arr, run


def double(x: int) -> int:
    return x * 2


def size(x: str) -> int:
    return len(x)


def show(x: int) -> str:
    return str(x)


d, z, s = arr(double), arr(size), arr(show)
swapped: list[Either[str, int]] = [Left("a"), Right(1)]

d | s  # error: the answers differ
run(d | z, swapped)  # error: the sides are swapped
(s + z) >> (d | z)  # error: the sides are swapped
run(d + z, ["a"])  # error: on no side
d + size  # error: not an arrow
