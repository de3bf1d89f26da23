"""What must not be seen: fields that are marked, and what stands in their place wherever values are shown."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any, Final

MASK: Final = "***"

_MAKERS: Final = ("attr._make", "dataclasses", "reprlib")


class Secret:
    """Marks a field whose value is in no log, error, status, history or export; `***` stands there.

        @attrs.frozen
        class Login:
            user: str
            password: Annotated[str, Secret]

    It works in attrs classes, dataclasses and `msgspec.Struct`. The field's shape is that of the type.
    """


def is_marked(annotation: Any) -> bool:
    """Whether an annotation says `Secret` at its top.

    >>> is_marked(typing.Annotated[str, Secret]), is_marked(str)
    (True, False)
    """
    return typing.get_origin(annotation) is typing.Annotated and any(
        each is Secret or isinstance(each, Secret) for each in typing.get_args(annotation)[1:]
    )


def hide(cls: Any, fields: Sequence[tuple[str, str, bool]]) -> None:
    """Let a class with secret fields not show them in its `repr`, unless that is one its author wrote.

    A field is given as its name, its attribute, and whether it is secret.
    """
    if _is_written(vars(cls).get("__repr__")):
        return

    def __repr__(self: Any) -> str:  # noqa: N807 - it becomes one
        shown = (f"{name}={MASK if secret else repr(getattr(self, at))}" for name, at, secret in fields)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    cls.__repr__ = __repr__


def _is_written(function: Any) -> bool:
    if not isinstance(function, types.FunctionType) or function.__globals__.get("__name__") == __name__:
        return False
    generated = function.__code__.co_filename.startswith("<") and function.__code__.co_filename != "<stdin>"
    return not generated and function.__globals__.get("__name__") not in _MAKERS
