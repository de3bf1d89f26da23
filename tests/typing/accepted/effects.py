"""`perform` gives the answer that its effect promises, as an arrow and in a `@proc`; `emit` gives None."""
# pyright: strict

from typing import assert_type

import attrs

from midflight import Arrow, Effect, arr, emit, perform, proc, run


@attrs.frozen
class Charge(Effect[bool]):
    cents: int


@attrs.frozen
class Sold(Effect[None]):
    item: str


@proc
def shop(item: str, *, sold: int = 0) -> int:
    paid: bool = perform(Charge(250))
    if paid:
        sold += 1
        emit(Sold(item))
    return sold


assert_type(shop, Arrow[str, int])
assert_type(perform(Charge), Arrow[Effect[bool], bool])
assert_type(arr(Charge) >> perform(Charge), Arrow[int, bool])
assert_type(emit(Sold), Arrow[Sold, None])
assert_type(run(shop, ["pear"], answer=lambda _: True), list[int])
