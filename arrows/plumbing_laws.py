"""Laws of composition, pairs and choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from arrows.build import arr, first, identity, left, second
from arrows.dispatch import switch
from arrows.either import Left, Right
from arrows.law import Kind, Machine, Sort, law
from arrows.term import Primitive


def pair(one: Kind, other: Kind) -> Kind:
    """The type of pairs."""
    return ("pair", one, other)


def either(one: Kind, other: Kind) -> Kind:
    """The type of sides."""
    return ("either", one, other)


def regroup(value: Any) -> Any:
    """((a, b), c) -> (a, (b, c))."""
    (a, b), c = value
    return a, (b, c)


def ungroup(value: Any) -> Any:
    """(a, (b, c)) -> ((a, b), c)."""
    a, (b, c) = value
    return (a, b), c


def swap(value: Any) -> Any:
    """(a, b) -> (b, a)."""
    a, b = value
    return b, a


FST: Final[Machine] = Primitive("pick", ((0,),))
SND: Final[Machine] = Primitive("pick", ((1,),))
COPY: Final[Machine] = Primitive("copy")
TO_LEFT: Final[Machine] = arr(Left)
TO_RIGHT: Final[Machine] = arr(Right)
F = Sort("a", "b")
G = Sort("b", "c")
PURE = Sort("int", "int", is_function=True)


# Composition


@law("a", f=F)
def left_identity(f: Machine) -> tuple[Machine, Machine]:
    """identity >> f  =  f"""
    return identity() >> f, f


@law("a", f=F)
def right_identity(f: Machine) -> tuple[Machine, Machine]:
    """f >> identity  =  f"""
    return f >> identity(), f


@law("a", f=F, g=G, h=Sort("c", "d"))
def associativity(f: Machine, g: Machine, h: Machine) -> tuple[Machine, Machine]:
    """(f >> g) >> h  =  f >> (g >> h)"""
    return (f >> g) >> h, f >> (g >> h)


@law("int", k=PURE, m=PURE)
def functions_compose(k: Callable[[Any], Any], m: Callable[[Any], Any]) -> tuple[Machine, Machine]:
    """arr(k) >> arr(m)  =  arr(x -> m(k(x)))"""
    return arr(k) >> arr(m), arr(lambda x: m(k(x)))


# Pairs


@law(pair("a", "c"), f=F, g=G)
def first_of_composition(f: Machine, g: Machine) -> tuple[Machine, Machine]:
    """first(f >> g)  =  first(f) >> first(g)"""
    return first(f >> g), first(f) >> first(g)


@law(pair("int", "c"), k=PURE)
def first_of_function(k: Callable[[Any], Any]) -> tuple[Machine, Machine]:
    """first(arr(k))  =  arr((x, y) -> (k(x), y))"""
    return first(arr(k)), arr(lambda pair: (k(pair[0]), pair[1]))


@law(pair("a", "int"), f=F, k=PURE)
def first_exchange(f: Machine, k: Callable[[Any], Any]) -> tuple[Machine, Machine]:
    """first(f) >> second(arr(k))  =  second(arr(k)) >> first(f)"""
    return first(f) >> second(arr(k)), second(arr(k)) >> first(f)


@law(pair("a", "c"), f=F)
def first_unit(f: Machine) -> tuple[Machine, Machine]:
    """first(f), then the first half  =  the first half, then f"""
    return first(f) >> FST, FST >> f


@law(pair(pair("a", "c"), "d"), f=F)
def first_association(f: Machine) -> tuple[Machine, Machine]:
    """first(first(f)), regrouped  =  regrouped, then first(f)"""
    return first(first(f)) >> arr(regroup), arr(regroup) >> first(f)


@law(pair("a", "c"), f=F, g=Sort("c", "d"))
def parallel_is_first_then_second(f: Machine, g: Machine) -> tuple[Machine, Machine]:
    """f * g  =  first(f) >> second(g)"""
    return f * g, first(f) >> second(g)


@law(pair("c", "a"), f=F)
def second_is_first_swapped(f: Machine) -> tuple[Machine, Machine]:
    """second(f)  =  swap >> first(f) >> swap"""
    return second(f), arr(swap) >> first(f) >> arr(swap)


@law("a", f=F, g=Sort("a", "c"))
def fanout_is_a_copy(f: Machine, g: Machine) -> tuple[Machine, Machine]:
    """f & g  =  copy >> (f * g)"""
    return f & g, COPY >> (f * g)


@law(pair("a", "d"), total=True, f=F, g=Sort("d", "e"), h=G, k=Sort("e", "a"))
def interchange(f: Machine, g: Machine, h: Machine, k: Machine) -> tuple[Machine, Machine]:
    """(f * g) >> (h * k)  =  (f >> h) * (g >> k), where nothing raises or emits"""
    return (f * g) >> (h * k), (f >> h) * (g >> k)


# Choice


@law(either("a", "d"), f=F, g=G)
def left_of_composition(f: Machine, g: Machine) -> tuple[Machine, Machine]:
    """left(f >> g)  =  left(f) >> left(g)"""
    return left(f >> g), left(f) >> left(g)


@law("a", f=F, g=Sort("c", "b"))
def choice_of_left(f: Machine, g: Machine) -> tuple[Machine, Machine]:
    """arr(Left) >> (f | g)  =  f"""
    return TO_LEFT >> (f | g), f


@law("c", f=F, g=Sort("c", "b"))
def choice_of_right(f: Machine, g: Machine) -> tuple[Machine, Machine]:
    """arr(Right) >> (f | g)  =  g"""
    return TO_RIGHT >> (f | g), g


@law(either("a", "c"), f=F, g=Sort("c", "d"))
def plus_is_a_choice(f: Machine, g: Machine) -> tuple[Machine, Machine]:
    """f + g  =  (f >> arr(Left)) | (g >> arr(Right))"""
    return f + g, (f >> TO_LEFT) | (g >> TO_RIGHT)


@law(either("a", "c"), f=F, g=Sort("c", "d"), h=Sort("b", "e"), k=Sort("d", "e"))
def choice_fusion(f: Machine, g: Machine, h: Machine, k: Machine) -> tuple[Machine, Machine]:
    """(f + g) >> (h | k)  =  (f >> h) | (g >> k)"""
    return (f + g) >> (h | k), (f >> h) | (g >> k)


@law(either("a", "c"), f=F, g=Sort("c", "d"))
def left_exchange(f: Machine, g: Machine) -> tuple[Machine, Machine]:
    """left(f) >> (identity + g)  =  (identity + g) >> left(f)"""
    return left(f) >> (identity() + g), (identity() + g) >> left(f)


@law(either("a", "c"), f=Sort("a", "int"), g=Sort("c", "int"), k=PURE)
def choice_before_function(f: Machine, g: Machine, k: Callable[[Any], Any]) -> tuple[Machine, Machine]:
    """(f | g) >> arr(k)  =  (f >> arr(k)) | (g >> arr(k)); behind a machine with cells there would be two of it"""
    return (f | g) >> arr(k), (f >> arr(k)) | (g >> arr(k))


@law("int", f=Sort("int", "b"))
def switch_of_one(f: Machine) -> tuple[Machine, Machine]:
    """switch((int, f))  =  f, for an int"""
    return switch((int, f)), f
