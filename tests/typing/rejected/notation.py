"""`@proc` takes one input; cells are keyword-only and have a first value; a called arrow gets what it takes."""
# pyright: strict, reportUnusedExpression=false

from midflight import proc, run


@proc
def count(by: int, *, total: int = 0) -> int:
    total += by
    return total


@proc
def wrong_call(name: str) -> int:
    return count(name)  # error: takes int


@proc
def wrong_use(by: int) -> str:
    return count(by)  # error: gives int


@proc
def wrong_cell(by: int, *, total: int = 0) -> int:
    total = "none"  # error: holds int
    return total + by


@proc
def two_arguments(by: int) -> int:
    return count(by, total=5)  # error: only a message


@proc  # error: a cell without a first value
def no_first_value(by: int, *, total: int) -> int:
    return total


@proc  # error: two inputs
def two_inputs(by: int, times: int) -> int:
    return by * times


@proc  # error: no input
def no_input(*, total: int = 0) -> int:
    return total


run(count, ["a"])  # error: takes int
proc(5)  # error: not a function
count(1).bit_length().upper()  # error: int has no such method
