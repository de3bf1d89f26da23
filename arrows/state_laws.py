"""Laws of feedback, cells and failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from returns.result import Success

from arrows.build import arr, attempt, constant, first, get, identity, keyed, loop, named, put, second, state
from arrows.derived import delay
from arrows.law import Machine, Sort, law
from arrows.plumbing_laws import COPY, PURE, SND, F, pair, regroup, swap, ungroup
from arrows.term import Primitive

# Feedback


_BODY = Sort(pair("b", "int"), pair("c", "int"))


@law("a", h=F, f=_BODY)
def left_tightening(h: Machine, f: Machine) -> tuple[Machine, Machine]:
    """loop(first(h) >> f)  =  h >> loop(f)"""
    return loop(first(h) >> f, 1, "s"), h >> loop(f, 1, "s")


@law("b", f=_BODY, h=Sort("c", "d"))
def right_tightening(f: Machine, h: Machine) -> tuple[Machine, Machine]:
    """loop(f >> first(h))  =  loop(f) >> h"""
    return loop(f >> first(h), 1, "s"), loop(f, 1, "s") >> h


@law("b", f=_BODY, k=PURE)
def sliding(f: Machine, k: Callable[[Any], Any]) -> tuple[Machine, Machine]:
    """loop(f >> second(arr(k)), k(i))  =  loop(second(arr(k)) >> f, i)"""
    return loop(f >> second(arr(k)), k(1), "s"), loop(second(arr(k)) >> f, 1, "s")


@law("a", f=Sort(pair(pair("a", "int"), "int"), pair(pair("b", "int"), "int")))
def vanishing(f: Machine) -> tuple[Machine, Machine]:
    """loop(loop(f, j), i)  =  loop(ungrouped >> f >> regrouped, (i, j))"""
    return (
        loop(loop(f, 2, "t"), 1, "s"),
        loop(arr(ungroup) >> f >> arr(regroup), (1, 2), "s"),
    )


@law(pair("d", "b"), f=_BODY)
def superposing(f: Machine) -> tuple[Machine, Machine]:
    """loop(regrouped >> second(f) >> ungrouped)  =  second(loop(f))"""
    return loop(arr(regroup) >> second(f) >> arr(ungroup), 1, "s"), second(loop(f, 1, "s"))


@law(pair("int", "int"))
def delays_of_a_pair() -> tuple[Machine, Machine]:
    """delay(i) * delay(j)  =  delay((i, j))"""
    return delay(1) * delay(2, "other"), delay((1, 2))


@law("int", k=PURE)
def delay_of_a_function(k: Callable[[Any], Any]) -> tuple[Machine, Machine]:
    """delay(i) >> arr(k)  =  arr(k) >> delay(k(i))"""
    return delay(1) >> arr(k), arr(k) >> delay(k(1))


# Cells


@law("int")
def put_get() -> tuple[Machine, Machine]:
    """put >> get  =  identity, inside the cell"""
    return state("s", 0, put("s") >> get("s")), identity()


@law("int", f=Sort("int", "int"))
def get_put(f: Machine) -> tuple[Machine, Machine]:
    """get >> put, before f on what the cell holds  =  f on what it holds"""
    return state("s", 1, get("s") >> put("s") >> get("s") >> f), state("s", 1, get("s") >> f)


@law("int", k=PURE)
def put_put(k: Callable[[Any], Any]) -> tuple[Machine, Machine]:
    """Of two writes the second counts"""
    twice = (put("s") & (arr(k) >> put("s"))) >> get("s")
    return state("s", 0, twice), arr(k)


@law("int")
def get_get() -> tuple[Machine, Machine]:
    """get & get  =  get >> copy"""
    return state("s", 3, get("s") & get("s")), state("s", 3, get("s") >> COPY)


@law(pair("int", "int"))
def two_cells_commute() -> tuple[Machine, Machine]:
    """Writes to two cells may change places"""
    one, other = put("s") * put("t"), arr(swap) >> (put("t") * put("s"))
    read = get("s") & get("t")
    return state("s", 0, state("t", 0, one >> read)), state("s", 0, state("t", 0, other >> read))


@law("a", f=F)
def an_unused_cell(f: Machine) -> tuple[Machine, Machine]:
    """state(name, init, f)  =  f, where f has no use for the cell"""
    return state("unused", 0, f), f


@law("a", f=F)
def a_scope_only_names(f: Machine) -> tuple[Machine, Machine]:
    """named(name, f)  =  f"""
    return named("x", f), f


@law("a", f=F)
def one_key_is_one_machine(f: Machine) -> tuple[Machine, Machine]:
    """keyed(f, by=constant)  =  f"""
    return keyed(f, constant(1), "rows"), f


# Failure


@law("a", total=True, f=F)
def attempt_of_what_succeeds(f: Machine) -> tuple[Machine, Machine]:
    """attempt(f)  =  f >> arr(Success), where f never raises"""
    return attempt(f), f >> arr(Success)


@law("int")
def attempt_undoes() -> tuple[Machine, Machine]:
    """What was written before a raise is as it was"""
    failing = attempt(put("s") >> constant(("no",)) >> Primitive("raise", ("LookupError",)))
    return state("s", 5, (failing & get("s")) >> SND), constant(5)
