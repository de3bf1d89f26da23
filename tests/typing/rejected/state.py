"""A first value must be of the cell's type, and what stands around a body must fit it."""
# pyright: strict, reportUnusedExpression=false

from midflight import accumulate, arr, attempt, delay, hold, keyed, loop, run, state


def add(by: int, total: int) -> tuple[str, int]:
    return "", total + by


def plus(by: int, total: int) -> int:
    return total + by


def forgets(by: int, total: int) -> tuple[str, None]:
    return "", None


def show(x: int) -> str:
    return str(x)


def size(x: str) -> int:
    return len(x)


s, z = arr(show), arr(size)

loop(add, init="0", name="n")  # error: no int
loop(plus, init=0, name="n")  # error: gives no pair
loop(forgets, init=0, name="n")  # error: feeds back None
loop(s, init=0, name="n")  # error: takes no pair
accumulate(plus, "0", "n")  # error: no int
accumulate(add, 0, "n")  # error: gives a pair
run(loop(add, init=0, name="n"), ["a"])  # error: takes int
run(state("n", 0, s), ["a"])  # error: takes int
state("n", 0, show)  # error: not an arrow
state(0, "n", s)  # error: the name comes first
keyed(s, by=z, name="k")  # error: reads no key from an int
keyed(s, by=show, name="k")  # error: not an arrow
attempt(s) >> z  # error: a result is no text
delay(0) >> z  # error: gives int
run(hold(0), ["a"])  # error: holds int
