"""`@proc` makes an arrow of a function, from its first parameter to what it returns."""
# pyright: strict

from typing import assert_type

from midflight import Arrow, arr, keyed, proc, run


@proc
def count(by: int, *, total: int = 0) -> int:
    total += by
    return total


@proc
def report(by: int, *, names: tuple[str, ...] = (), last: int | None = None) -> tuple[int, str]:
    before, last = last, by
    return count(before or 0), str.join("", names)


@proc
def parity(by: int) -> str:
    return "odd" if by % 2 else "even"


@proc
def unannotated_result(by: int):  # type: ignore[no-untyped-def]
    return count(by) + count(by)


assert_type(count, Arrow[int, int])
assert_type(report, Arrow[int, tuple[int, str]])
assert_type(count >> report, Arrow[int, tuple[int, str]])
assert_type(keyed(report, by=parity, name="k"), Arrow[int, tuple[int, str]])
assert_type(run(report, [1]), list[tuple[int, str]])


def helper(by: int, *, step: int = 1) -> int:
    return by + step


assert_type(proc(helper), Arrow[int, int])
assert_type(arr(helper), Arrow[int, int])
