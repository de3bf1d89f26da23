"""What becomes of the messages, or the replies, of a machine between two versions: form by form, there and back.

A form that both versions have is kept; of equal name and fields, that is, which `adopt` brings over. One of another
form goes as lenses say, or as structure decides between the classes of one name. What neither leads anywhere is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias, assert_never

import attrs
from returns.result import Failure

from arrows import record
from arrows.canonical import canonical
from arrows.fit import adopt, misfit
from arrows.plain import describe
from arrows.representation import represent
from arrows.shape import (
    Anything,
    Enumeration,
    Many,
    Mapping,
    OneOf,
    Product,
    Record,
    Scalar,
    Shape,
    options,
)
from migrations.infer import infer
from migrations.lens import Leave, Lens
from migrations.resolve import option_lenses, way
from migrations.rule import Rule, Search, Step, Stop
from migrations.rules import RULES
from migrations.way import Way


@attrs.frozen
class Form:
    """A form and what becomes of it: kept, converted, new; dropped, as declared; or gone, which nobody declared.

    `how` tells who says how it is converted, or why it is gone.
    """

    form: str
    label: Literal["kept", "converted", "new", "dropped", "gone"]
    how: str = ""


@attrs.frozen
class Messages:
    """The way of every form of two versions. `forms` are those of the old, then what only the new has."""

    forms: tuple[Form, ...]
    ways: tuple[tuple[Shape, Shape, Way], ...] = attrs.field(eq=False, repr=False)

    @property
    def gone(self) -> tuple[str, ...]:
        """The forms of the old version that lead nowhere."""
        return tuple(each.form for each in self.forms if each.label == "gone")

    def up(self, message: Any) -> Any:
        """One of the new version for one of the old. Raises ValueError where there is none."""
        for old, _, each in self.ways:
            if misfit(message, old) is None:
                return each.up(message)
        raise ValueError(f"{represent(message):.80} has no counterpart")

    def down(self, message: Any) -> Any:
        """One of the old version for one of the new. Raises ValueError where there is none."""
        for _, new, each in self.ways:
            if misfit(message, new) is None:
                return each.back(message, None)
        raise ValueError(f"{represent(message):.80} has no counterpart in the version before")

    def turned(self) -> Messages:
        """The same between the two versions the other way round."""
        led = [(old, new, each) for old, new, each in self.ways if each.down is not None]
        told = {each.form: each for each in self.forms}
        forms = {
            describe(new)[0]: attrs.evolve(told[describe(old)[0]], form=describe(new)[0])
            for old, new, _ in led
        }
        for _, new, _ in self.ways:
            forms.setdefault(describe(new)[0], Form(describe(new)[0], "gone", "nothing leads back"))
        for each in self.forms:
            if each.label == "new":
                forms[each.form] = Form(each.form, "gone")
            elif each.label in {"gone", "dropped"}:
                forms.setdefault(each.form, Form(each.form, "new"))
        ways = tuple((new, old, Way(partial(each.back, lost=None), each.up)) for old, new, each in led)
        return Messages(tuple(forms.values()), ways)

    def undone(self, message: Any) -> Any:
        """As `down`, for a message which the old version can express whole. Raises ValueError for another."""
        was = self.down(message)
        if canonical(self.up(was)) != canonical(message):
            raise ValueError("the version before has no place for all that it says")
        return was

    @property
    def one_way(self) -> tuple[str, ...]:
        """The forms of the new version of which not every value leads back."""
        told = {each.form: each.label for each in self.forms}
        fresh = [form for form, label in told.items() if label == "new"]
        led = [
            describe(new)[0]
            for old, new, each in self.ways
            if each.down is None or (told[describe(old)[0]] == "kept" and not _taken(new, old, frozenset()))
        ]
        return (*fresh, *led)

    def converted(self, *, back: bool = False) -> frozenset[type]:
        """The classes of the old version (or with `back`, of the new) that are led to others, or to other values."""
        told = {each.form for each in self.forms if each.label == "converted"}
        sides = ((new if back else old) for old, new, _ in self.ways if describe(old)[0] in told)
        return frozenset(map(_class, sides))


def messages(old: Shape, new: Shape, lenses: Sequence[Lens] = (), rules: Sequence[Rule] = RULES) -> Messages:
    """Read what becomes of every form of `old` in `new`. Raises `Stop` for lenses that cannot be meant.

    >>> from arrows.shape import shape_of
    >>> [(each.form, each.label) for each in messages(shape_of(int | bytes), shape_of(int | str)).forms]
    [('int', 'kept'), ('base64 text', 'gone'), ('str', 'new')]
    """
    named = {_name(option): option for option in options(old)}
    dropped = {lens.name for lens in lenses if isinstance(lens, Leave)}
    if not dropped <= named.keys():
        raise Stop(f"there is no class {min(dropped - named.keys())!r} to drop; there are {_listed(named)}")
    sent = {name: option for name, option in named.items() if name not in dropped}
    spoken = option_lenses(sent, [lens for lens in lenses if not isinstance(lens, Leave)])
    goes = {_name(option): (name, inner) for name, (option, inner) in spoken.items()}
    forms: dict[str, Form] = {}
    ways: list[tuple[Shape, Shape, Way]] = []
    led: set[str] = set()
    for option in options(old):
        form = describe(option)[0]
        if _name(option) in dropped:
            forms[form] = Form(form, "dropped", "declared")
            continue
        name, inner = goes[_name(option)]
        is_declared = bool(inner) or name != _name(option)
        found = _declared(option, new, name, inner, rules) if is_declared else _plain(option, new, rules)
        if found is None:
            forms[form] = Form(form, "gone")
            continue
        label, target, made, how = found
        forms[form] = Form(form, label, how)
        ways.append((option, target, made))
        led.add(describe(target)[0])
    for option in options(new):
        if describe(option)[0] not in led:
            forms.setdefault(describe(option)[0], Form(describe(option)[0], "new"))
    return Messages(tuple(forms.values()), tuple(ways))


def joined(steps: Sequence[Messages]) -> Messages:
    """The way of every form through several versions."""
    first, *rest = steps
    for each in rest:
        first = _after(first, each)
    return first


def _after(one: Messages, other: Messages) -> Messages:
    ways = []
    told = {form.form: form for form in other.forms}
    forms: dict[str, Form] = {each.form: each for each in one.forms if each.label in {"gone", "dropped"}}
    before = {each.form: each for each in one.forms}
    for old, middle, step in one.ways:
        form = describe(old)[0]
        next_ = told[describe(middle)[0]]
        onward = [(new, way) for source, new, way in other.ways if source == middle]
        if not onward:
            forms[form] = attrs.evolve(next_, form=form)
            continue
        label = "kept" if before[form].label == next_.label == "kept" else "converted"
        how = ", ".join(filter(None, (before[form].how, next_.how)))
        forms[form] = Form(form, label, how)  # type: ignore[arg-type]
        ways.append((old, onward[0][0], step.then(onward[0][1])))
    led = {describe(new)[0] for _, new, _ in ways}
    last = [describe(new)[0] for _, new, _ in other.ways]
    for form in (*last, *(each.form for each in other.forms if each.label == "new")):
        if form not in led:
            forms.setdefault(form, Form(form, "new"))
    return Messages(tuple(forms.values()), tuple(ways))


_Found: TypeAlias = tuple[Literal["kept", "converted"], Shape, Way, str]


def _declared(old: Shape, new: Shape, name: str, inner: Sequence[Lens], rules: Sequence[Rule]) -> _Found:
    """The way of a class of which a lens speaks. Raises Stop."""
    target = next((each for each in options(new) if _name(each) == name), None)
    if target is None:
        raise Stop(f"{_name(old)} goes to {name}, and the new version has no class of that name")
    told = [*([f"{_name(old)} to {name}"] if name != _name(old) else []), *map(str, inner)]
    made = way(old, target, inner, Search(rules), f".{name}")
    return "converted", target, made, f"declared ({', '.join(told)})"


def _plain(old: Shape, new: Shape, rules: Sequence[Rule]) -> _Found | None:
    """The way of a form that stays what it is, or of a class that structure leads to the one of its name."""
    for target in options(new):
        if _taken(old, target, frozenset()):
            return "kept", target, Way(_adopting(target), _adopting(old)), ""
    named = [each for each in options(new) if isinstance(each, Record) and _name(each) == _name(old)]
    if not isinstance(old, Record) or len(named) != 1:
        return None
    found = infer(old, named[0], rules)
    if isinstance(found, Failure):
        return None
    made = found.unwrap()
    return "converted", named[0], Way(made.up, made.down), f"inferred ({', '.join(made.rules)})"


def _adopting(to: Shape) -> Step:
    def step(value: Any) -> Any:
        made = adopt(value, to)
        wrong = misfit(made, to)
        if wrong is not None:
            raise ValueError(str(wrong))
        return made

    return step


def _name(shape: Shape) -> str:
    """What lenses call a form: the name of its class, or its type."""
    return shape.cls.__name__ if isinstance(shape, Record | Enumeration) else str(shape)


def _class(shape: Shape) -> type:
    """The class of a form's values."""
    match shape:
        case Record(cls=cls) | Enumeration(cls=cls) | Scalar(type=cls) | Many(container=cls):
            return cls
        case Product():
            return tuple
        case Mapping():
            return dict
        case Anything() | OneOf():
            return object
        case _:
            assert_never(shape)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _taken(old: Shape, new: Shape, seen: frozenset[tuple[type, type]]) -> bool:
    """Whether every value of `old` can be brought to `new`; `seen` are classes that hold themselves."""
    match old:
        case OneOf(options=several):
            return all(_taken(option, new, seen) for option in several)
        case Anything():
            return isinstance(new, Anything)
        case Scalar() | Many() | Product() | Mapping() | Record() | Enumeration():
            return any(_form(old, option, seen) for option in options(new))
        case _:
            assert_never(old)


def _form(old: Shape, new: Shape, seen: frozenset[tuple[type, type]]) -> bool:
    if isinstance(new, Anything) or old == new:
        return True
    if isinstance(old, Scalar) and isinstance(new, Scalar):
        return old.type is int and new.type is float
    if isinstance(old, Many) and isinstance(new, Many):
        return old.container is new.container and _taken(old.item, new.item, seen)
    if isinstance(old, Product) and isinstance(new, Product):
        same = len(old.items) == len(new.items)
        return same and all(_taken(a, b, seen) for a, b in zip(old.items, new.items, strict=True))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return _taken(old.key, new.key, seen) and _taken(old.value, new.value, seen)
    if isinstance(old, Enumeration) and isinstance(new, Enumeration):
        return old.cls.__name__ == new.cls.__name__ and set(old.cls.__members__) <= set(new.cls.__members__)
    if isinstance(old, Record) and isinstance(new, Record):
        return _record(old.cls, new.cls, seen)
    return False


def _record(old: type, new: type, seen: frozenset[tuple[type, type]]) -> bool:
    if (old, new) in seen:
        return True
    before, after = record.fields(old), record.fields(new)
    if old.__name__ != new.__name__ or [field.name for field in before] != [field.name for field in after]:
        return False
    within = seen | {(old, new)}
    return all(_taken(a.shape, b.shape, within) for a, b in zip(before, after, strict=True))
