"""The two things that are done to every value that is led: look whether it fits, and make a record of another.

Both are made once from the shapes, so that a value costs little.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeAlias, assert_never

from arrows import record
from arrows.shape import Anything, Enumeration, Many, OneOf, Product, Record, Scalar, Shape
from arrows.shape import Mapping as Entries
from migrations.rule import Step

Check: TypeAlias = Callable[[Any], bool]


def itself(value: Any) -> Any:
    """The step of what stays as it is."""
    return value


def remake(cls: Any, steps: Mapping[str, Step]) -> Step:
    """What makes a `cls` of the fields of another record, each led by its step."""
    if not all(name.isascii() and name.isidentifier() and not keyword.iskeyword(name) for name in steps):
        return lambda value: cls(**{name: step(getattr(value, name)) for name, step in steps.items()})
    parts = [
        f"{name}=value.{name}" if step is itself else f"{name}=_steps[{at}](value.{name})"
        for at, (name, step) in enumerate(steps.items())
    ]
    source = f"lambda value: _cls({', '.join(parts)})"
    made: Step = eval(source, {"_cls": cls, "_steps": tuple(steps.values())})  # noqa: S307 - our own text
    return made


def surely_fits(shape: Shape) -> Check:
    """What tells of a value whether it fits for sure; where it says no, `arrows.fit.misfit` knows.

    >>> from arrows.shape import shape_of
    >>> surely = surely_fits(shape_of(dict[str, int | None]))
    >>> surely({"a": 1, "b": None}), surely({"a": "b"})
    (True, False)
    """
    return _Checks().of(shape)


class _Checks:
    def __init__(self) -> None:
        self._known: dict[type, Check] = {}

    def of(self, shape: Shape) -> Check:
        match shape:
            case Anything():
                return lambda value: True
            case Scalar(type=cls) | Enumeration(cls=cls):
                return lambda value: type(value) is cls
            case OneOf(options=options):
                several = tuple(map(self.of, options))
                return lambda value: any(check(value) for check in several)
            case Many(container=container, item=item):
                each = self.of(item)
                return lambda value: type(value) is container and _all(each, value)
            case Product(items=items):
                scalars = [item.type for item in items if isinstance(item, Scalar)]
                if len(scalars) == len(items):
                    return lambda value: type(value) is tuple and list(map(type, value)) == scalars
                checks = tuple(map(self.of, items))
                return lambda value: (
                    type(value) is tuple
                    and len(value) == len(checks)
                    and all(check(each) for check, each in zip(checks, value, strict=True))
                )
            case Entries(key=key, value=inner):
                keys, values = self.of(key), self.of(inner)
                return lambda value: (
                    type(value) is dict and all(map(keys, value)) and all(map(values, value.values()))
                )
            case Record(cls=cls):
                return self._record(cls)
            case _:
                assert_never(shape)

    def _record(self, cls: type) -> Check:
        if cls not in self._known:
            made: list[Check] = []  # a class may hold itself

            def later(value: Any) -> bool:
                return made[0](value)

            self._known[cls] = later
            made.append(self._made(cls))
            self._known[cls] = made[0]
        return self._known[cls]

    def _made(self, cls: type) -> Check:
        fields = record.fields(cls)
        plain = [field for field in fields if isinstance(field.shape, Scalar)]
        types = [field.shape.type for field in plain if isinstance(field.shape, Scalar)]
        read = attrgetter(*(field.name for field in plain), "__class__")
        rest = [(attrgetter(f.name), self.of(f.shape)) for f in fields if f not in plain]

        def check(value: Any) -> bool:
            if type(value) is not cls:
                return False
            if types and list(map(type, read(value)[:-1])) != types:
                return False
            return all(inner(get(value)) for get, inner in rest)

        return check


def _all(check: Check, values: Any) -> bool:
    return all(map(check, values))
