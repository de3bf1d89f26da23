"""An effect is performed and emitted where it comes in, and answered as it promises."""
# pyright: strict, reportUnusedExpression=false

import attrs

from midflight import Effect, arr, emit, perform, proc


@attrs.frozen
class Charge(Effect[bool]):
    cents: int


@attrs.frozen
class Sold(Effect[None]):
    item: str


@proc
def shop(item: str) -> str:
    return perform(Charge(250))  # error: the answer is a bool


@proc
def wrong_effect(item: str) -> bool:
    return perform(Charge(item))  # error: takes cents


@proc
def no_effect(item: str) -> None:
    emit(item)  # error: a text is no effect


perform(int)  # error: not an effect
arr(str) >> perform(Charge)  # error: a text comes in
arr(Sold) >> perform(Charge)  # error: another effect comes in
arr(Charge) >> emit(Sold)  # error: another effect comes in
arr(Charge) >> perform(Charge) >> arr(str.upper)  # error: the answer is a bool
