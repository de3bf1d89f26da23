"""What has a cell infers what passes it; what a cell holds is known where the cell is declared."""
# pyright: strict

from typing import Any, assert_type

from returns.result import Failure, Success

from midflight import (
    Arrow,
    accumulate,
    arr,
    attempt,
    changes,
    delay,
    get,
    hold,
    identity,
    keyed,
    loop,
    named,
    put,
    run,
    state,
)


def add(by: int, total: int) -> tuple[str, int]:
    return "", total + by


def last(by: int, before: int | None) -> tuple[int | None, int | None]:
    return before, by


def gather(by: int, all_: tuple[int, ...]) -> tuple[int, ...]:
    return (*all_, by)


def gathered(at: tuple[int, tuple[int, ...]]) -> tuple[str, tuple[int, ...]]:
    return "", gather(*at)


def show(x: int) -> str:
    return str(x)


s = arr(show)

assert_type(state("n", 0, s), Arrow[int, str])
assert_type(state("n", None, put("n") >> get("n"), of=int | None), Arrow[Any, Any])
assert_type(state("n", 0, s & get("n")), Arrow[int, tuple[str, Any]])
assert_type(get("n"), Arrow[Any, Any])
assert_type(put("n"), Arrow[Any, None])
assert_type(loop(add, init=0, name="n"), Arrow[int, str])
assert_type(loop(last, init=None, name="n"), Arrow[int, int | None])
assert_type(loop(arr(gathered), init=(), name="n"), Arrow[int, str])
loose: Arrow[int, int] = loop(lambda x, held: (held, x), init=0, name="n")
assert_type(keyed(s, by=identity(), name="k"), Arrow[int, str])
assert_type(keyed(s, by=s, name="k"), Arrow[int, str])
assert_type(attempt(s), Arrow[int, Success[str] | Failure[Exception]])
assert_type(run(attempt(s), [1]), list[Success[str] | Failure[Exception]])
assert_type(named("a", s), Arrow[int, str])
whole = 1
assert_type(delay(whole), Arrow[int, int])
assert_type(hold(whole), Arrow[int | None, int])
assert_type(changes(whole), Arrow[int, int | None])
assert_type(changes(whole) >> hold(whole), Arrow[int, int])
assert_type(accumulate(max, whole, "n"), Arrow[int, int])
assert_type(accumulate(gather, (), "n"), Arrow[int, tuple[int, ...]])
