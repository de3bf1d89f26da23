"""`compose`, typed for up to ten arrows: each takes what the one before it gives."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from arrows.check import composed
from arrows.term import Arrow

T0 = TypeVar("T0")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
T7 = TypeVar("T7")
T8 = TypeVar("T8")
T9 = TypeVar("T9")
T10 = TypeVar("T10")


@overload
def compose() -> Arrow[Any, Any]: ...
@overload
def compose(f1: Arrow[T0, T1], /) -> Arrow[T0, T1]: ...
@overload
def compose(f1: Arrow[T0, T1], f2: Arrow[T1, T2], /) -> Arrow[T0, T2]: ...
@overload
def compose(f1: Arrow[T0, T1], f2: Arrow[T1, T2], f3: Arrow[T2, T3], /) -> Arrow[T0, T3]: ...
@overload
def compose(
    f1: Arrow[T0, T1], f2: Arrow[T1, T2], f3: Arrow[T2, T3], f4: Arrow[T3, T4], /
) -> Arrow[T0, T4]: ...
@overload
def compose(
    f1: Arrow[T0, T1], f2: Arrow[T1, T2], f3: Arrow[T2, T3], f4: Arrow[T3, T4], f5: Arrow[T4, T5], /
) -> Arrow[T0, T5]: ...
@overload
def compose(
    f1: Arrow[T0, T1],
    f2: Arrow[T1, T2],
    f3: Arrow[T2, T3],
    f4: Arrow[T3, T4],
    f5: Arrow[T4, T5],
    f6: Arrow[T5, T6],
    /,
) -> Arrow[T0, T6]: ...
@overload
def compose(
    f1: Arrow[T0, T1],
    f2: Arrow[T1, T2],
    f3: Arrow[T2, T3],
    f4: Arrow[T3, T4],
    f5: Arrow[T4, T5],
    f6: Arrow[T5, T6],
    f7: Arrow[T6, T7],
    /,
) -> Arrow[T0, T7]: ...
@overload
def compose(
    f1: Arrow[T0, T1],
    f2: Arrow[T1, T2],
    f3: Arrow[T2, T3],
    f4: Arrow[T3, T4],
    f5: Arrow[T4, T5],
    f6: Arrow[T5, T6],
    f7: Arrow[T6, T7],
    f8: Arrow[T7, T8],
    /,
) -> Arrow[T0, T8]: ...
@overload
def compose(
    f1: Arrow[T0, T1],
    f2: Arrow[T1, T2],
    f3: Arrow[T2, T3],
    f4: Arrow[T3, T4],
    f5: Arrow[T4, T5],
    f6: Arrow[T5, T6],
    f7: Arrow[T6, T7],
    f8: Arrow[T7, T8],
    f9: Arrow[T8, T9],
    /,
) -> Arrow[T0, T9]: ...
@overload
def compose(
    f1: Arrow[T0, T1],
    f2: Arrow[T1, T2],
    f3: Arrow[T2, T3],
    f4: Arrow[T3, T4],
    f5: Arrow[T4, T5],
    f6: Arrow[T5, T6],
    f7: Arrow[T6, T7],
    f8: Arrow[T7, T8],
    f9: Arrow[T8, T9],
    f10: Arrow[T9, T10],
    /,
) -> Arrow[T0, T10]: ...
@overload
def compose(
    f1: Arrow[T0, T1],
    f2: Arrow[T1, T2],
    f3: Arrow[T2, T3],
    f4: Arrow[T3, T4],
    f5: Arrow[T4, T5],
    f6: Arrow[T5, T6],
    f7: Arrow[T6, T7],
    f8: Arrow[T7, T8],
    f9: Arrow[T8, T9],
    f10: Arrow[T9, T10],
    f11: Arrow[T10, Any],
    /,
    *more: Arrow[Any, Any],
) -> Arrow[T0, Any]: ...
def compose(*arrows: Arrow[Any, Any]) -> Arrow[Any, Any]:
    """Run arrows left to right; `compose(f, g, h)` is `f >> g >> h`. Raises BuildError where two can never fit.

    >>> from arrows import arr, run
    >>> run(compose(arr(abs), arr(str)), [-1])
    ['1']
    """
    return composed(*arrows)
