"""The halves of a pair must fit, and arrows that share an input must take the same."""
# pyright: strict, reportUnusedExpression=false

from midflight import Arrow, arr, fanout, first, parallel, run


def double(x: int) -> int:
    return x * 2


def size(x: str) -> int:
    return len(x)


d, z = arr(double), arr(size)

d & z  # error: takes str, not int
fanout(d, z)  # error: takes str, not int
(d & d) >> d  # error: a pair is no int
(d * z) >> (z * d)  # error: halves in the other order
run(parallel(d, z), [("a", 1)])  # error: halves in the other order
run(first(d), [1])  # error: no pair
wrong: Arrow[tuple[str, str], tuple[int, str]] = first(d)  # error: the first half is an int
d * double  # error: not an arrow
