"""`switch`, typed for up to eight cases: each arrow takes its case's class, and the whole gives what any gives."""

from __future__ import annotations

from itertools import combinations
from typing import Any, TypeAlias, TypeVar, overload

from arrows import check
from arrows.either import Either, Left, Right
from arrows.origin import BuildError, caller
from arrows.record import use
from arrows.term import Arrow, Node, Switch, node

A1 = TypeVar("A1")
A2 = TypeVar("A2")
A3 = TypeVar("A3")
A4 = TypeVar("A4")
A5 = TypeVar("A5")
A6 = TypeVar("A6")
A7 = TypeVar("A7")
A8 = TypeVar("A8")
B1 = TypeVar("B1")
B2 = TypeVar("B2")
B3 = TypeVar("B3")
B4 = TypeVar("B4")
B5 = TypeVar("B5")
B6 = TypeVar("B6")
B7 = TypeVar("B7")
B8 = TypeVar("B8")
Case: TypeAlias = tuple[type[A1], Arrow[A1, B1]]


@overload
def switch(c1: Case[A1, B1], /) -> Arrow[A1, B1]: ...
@overload
def switch(c1: Case[A1, B1], c2: Case[A2, B2], /) -> Arrow[A1 | A2, B1 | B2]: ...
@overload
def switch(
    c1: tuple[type[Left[Any]], Arrow[A1, B1]], c2: tuple[type[Right[Any]], Arrow[A2, B2]], /
) -> Arrow[Either[A1, A2], B1 | B2]: ...
@overload
def switch(c1: Case[A1, B1], c2: Case[A2, B2], c3: Case[A3, B3], /) -> Arrow[A1 | A2 | A3, B1 | B2 | B3]: ...
@overload
def switch(
    c1: Case[A1, B1], c2: Case[A2, B2], c3: Case[A3, B3], c4: Case[A4, B4], /
) -> Arrow[A1 | A2 | A3 | A4, B1 | B2 | B3 | B4]: ...
@overload
def switch(
    c1: Case[A1, B1], c2: Case[A2, B2], c3: Case[A3, B3], c4: Case[A4, B4], c5: Case[A5, B5], /
) -> Arrow[A1 | A2 | A3 | A4 | A5, B1 | B2 | B3 | B4 | B5]: ...
@overload
def switch(
    c1: Case[A1, B1],
    c2: Case[A2, B2],
    c3: Case[A3, B3],
    c4: Case[A4, B4],
    c5: Case[A5, B5],
    c6: Case[A6, B6],
    /,
) -> Arrow[A1 | A2 | A3 | A4 | A5 | A6, B1 | B2 | B3 | B4 | B5 | B6]: ...
@overload
def switch(
    c1: Case[A1, B1],
    c2: Case[A2, B2],
    c3: Case[A3, B3],
    c4: Case[A4, B4],
    c5: Case[A5, B5],
    c6: Case[A6, B6],
    c7: Case[A7, B7],
    /,
) -> Arrow[A1 | A2 | A3 | A4 | A5 | A6 | A7, B1 | B2 | B3 | B4 | B5 | B6 | B7]: ...
@overload
def switch(
    c1: Case[A1, B1],
    c2: Case[A2, B2],
    c3: Case[A3, B3],
    c4: Case[A4, B4],
    c5: Case[A5, B5],
    c6: Case[A6, B6],
    c7: Case[A7, B7],
    c8: Case[A8, B8],
    /,
) -> Arrow[A1 | A2 | A3 | A4 | A5 | A6 | A7 | A8, B1 | B2 | B3 | B4 | B5 | B6 | B7 | B8]: ...
@overload
def switch(
    c1: Case[A1, Any],
    c2: Case[A2, Any],
    c3: Case[A3, Any],
    c4: Case[A4, Any],
    c5: Case[A5, Any],
    c6: Case[A6, Any],
    c7: Case[A7, Any],
    c8: Case[A8, Any],
    c9: tuple[type[Any], Arrow[Any, Any]],
    /,
    *more: tuple[type[Any], Arrow[Any, Any]],
) -> Arrow[Any, Any]: ...
def switch(*cases: tuple[type[Any], Arrow[Any, Any]]) -> Arrow[Any, Any]:
    """Dispatch on the class of the input; only the chosen arrow steps.

    Cases are unrelated classes; a subclass takes its parent's case. Raises BuildError for an overlap, and
    for an arrow that cannot take its case.

    >>> from arrows import constant, run
    >>> run(switch((int, constant("number")), (str, constant("text"))), [1, "a"])
    ['number', 'text']
    """
    made = Switch(checked_cases(cases))
    check.cases(made)
    return made


def checked_cases(cases: tuple[tuple[type[Any], Arrow[Any, Any]], ...]) -> tuple[tuple[type[Any], Node], ...]:
    """The cases if their classes are unrelated, or BuildError."""
    if not cases:
        raise BuildError("a switch needs at least one case", where=caller())
    for cls, _ in cases:
        if not isinstance(cls, type):
            raise BuildError(f"{cls!r} is not a class", where=caller(), remedy="A case is (Class, arrow).")
        use(cls)
    classes = [cls for cls, _ in cases]
    for one, other in [] if _unrelated(classes) else combinations(classes, 2):
        if issubclass(one, other) or issubclass(other, one):
            raise BuildError(
                f"the cases {one.__qualname__} and {other.__qualname__} overlap",
                where=caller(),
                remedy="Keep one of them and switch again inside it.",
            )
    return tuple((cls, node(arrow)) for cls, arrow in cases)


def _unrelated(classes: list[type]) -> bool:
    """Whether no class is below another, told without comparing each with each; False where it cannot be told."""
    known = set(classes)
    plain = all(type(cls).__subclasscheck__ is type.__subclasscheck__ for cls in known)
    above = (base for cls in known for base in cls.__mro__[1:])
    return plain and len(known) == len(classes) and known.isdisjoint(above)
