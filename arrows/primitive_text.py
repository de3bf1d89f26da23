"""How each primitive is written into the generated function: the table behind `emission`.

An operation without an entry of its own is called as the table of `arrows.primitive` gives it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from arrows import record
from arrows.either import Left, Right
from arrows.primitive import BINARY, ERRORS, PRIMITIVES, UNARY
from arrows.symbol import NEVER, Choice, Side, Symbol, Tup, text
from arrows.term import Primitive

if TYPE_CHECKING:
    from arrows.emission import Emitter

Writer: TypeAlias = Callable[["Emitter", Primitive, Symbol], Symbol]


def general(to: Emitter, term: Primitive, x: Symbol) -> Symbol:
    """Call the operation."""
    return to.let(f"{to.bind(PRIMITIVES[term.name].apply(*term.args), 'p')}({text(x)})")


def _copy(to: Emitter, _: Primitive, x: Symbol) -> Symbol:
    shared = x if isinstance(x, Tup) else _atom(to, x)
    return Tup((shared, shared))


def _atom(to: Emitter, x: Symbol) -> Symbol:
    """A choice is built once where two will look at it."""
    return to.let(text(x)) if isinstance(x, Choice | Side) else x


def _pick(to: Emitter, term: Primitive, x: Symbol) -> Symbol:
    path, known = term.args[0], 0
    while known < len(path) and isinstance(x, Tup) and path[known] < len(x.items):
        x, known = x.items[path[known]], known + 1
    rest = "".join(f"[{index}]" for index in path[known:])
    return to.let(to.variable(x) + rest) if rest else x


def _pack(to: Emitter, term: Primitive, x: Symbol) -> Symbol:
    items: list[Symbol] = []
    for _ in range(term.args[0] - 1):
        x, last = to.split(x, 2)
        items.insert(0, last)
    return Tup((x, *items))


def _field(to: Emitter, term: Primitive, x: Symbol) -> Symbol:
    return to.let(f"{to.variable(x)}.{term.args[0]}")


def _item(to: Emitter, _: Primitive, x: Symbol) -> Symbol:
    container, index = to.split(x, 2)
    return to.let(f"{to.variable(container)}[{text(index)}]")


def _is_a(to: Emitter, term: Primitive, x: Symbol) -> Symbol:
    return to.let(f"isinstance({text(x)}, {to.bind(term.args, 'case')})")


def _split(to: Emitter, _: Primitive, x: Symbol) -> Symbol:
    held, test = to.split(x, 2)
    return Choice(to.let(f"True if {text(test)} else False").text, held, held)


def _same(_: Emitter, __: Primitive, x: Symbol) -> Symbol:
    return x


def _construct(to: Emitter, term: Primitive, x: Symbol) -> Symbol:
    cls, names = term.args
    if cls in (Left, Right):
        return Side(cls.__name__, x)
    values = to.split(x, len(names)) if names else ()
    given = [f"{name}={text(value)}" for name, value in zip(names, values, strict=True)]
    if _by_position(cls, names):
        given = [text(value) for value in values]
    return to.let(f"{to.bind(cls, 'new')}({', '.join(given)})")


def _by_position(cls: type, names: Sequence[str]) -> bool:
    """Whether the fields are the first of the constructor, which takes them without their names."""
    if not record.is_frozen_record(cls):
        return False
    known = list(inspect.signature(cls).parameters.values())[: len(names)]
    return all(
        p.name == name and p.kind is p.POSITIONAL_OR_KEYWORD for p, name in zip(known, names, strict=False)
    )


def _display(to: Emitter, term: Primitive, x: Symbol) -> Symbol:
    kind, spec = term.args
    if kind == "tuple" and not spec:
        return Tup(())
    values = iter(to.split(x, sum(2 if sign == ":" else 1 for sign in spec)) if spec else ())
    items: list[str] = []
    for sign in spec:
        value = text(next(values))
        items.append({":": f"{value}: ", "*": f"*{value}", "**": f"**{value}", "": value}[sign])
        if sign == ":":
            items[-1] += text(next(values))
    inner = ", ".join(items)
    return to.let(
        {"list": f"[{inner}]", "dict": f"{{{inner}}}", "tuple": f"({inner}{',' if items else ''})"}[kind]
    )


def _raise(to: Emitter, term: Primitive, x: Symbol) -> Symbol:
    error = to.bind(ERRORS[term.args[0]], "error")
    values = ", ".join(map(text, x.items)) if isinstance(x, Tup) else f"*{text(x)}"
    to.write(f"raise {error}({values})", comment=to.where())
    return NEVER


def _binary(sign: str) -> Writer:
    named = sign.startswith("is")  # Python warns of `is` beside a literal

    def write(to: Emitter, _: Primitive, x: Symbol) -> Symbol:
        a, b = (to.variable(each) if named else text(each) for each in to.split(x, 2))
        return to.let(f"{a} {sign} {b}")

    return write


def _unary(sign: str) -> Writer:
    return lambda to, _, x: to.let(f"{sign}{text(x)}")


TEXTS: dict[str, Writer] = {
    "copy": _copy,
    "pick": _pick,
    "pack": _pack,
    "unpack": lambda to, term, x: Tup(tuple(to.split(x, term.args[0]))),
    "field": _field,
    "item": _item,
    "is_a": _is_a,
    "split": _split,
    "typed": _same,
    "label": _same,
    "construct": _construct,
    "display": _display,
    "raise": _raise,
    **{name: _binary(sign) for name, (sign, _) in BINARY.items()},
    **{name: _unary(sign) for name, (sign, _) in UNARY.items()},
}
"""The writers, by the name of the operation."""
