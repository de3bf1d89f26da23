"""Fields that must not be seen: marked in each kind of class, part of what a class is, shown nowhere."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import attrs
import msgspec
import pytest
from returns.result import Failure

from arrows import record
from arrows.build import constant, identity, state
from arrows.canonical import same_shape
from arrows.content import class_digest
from arrows.dispatch import switch
from arrows.fit import misfit
from arrows.interning import intern
from arrows.notation import proc
from arrows.origin import BuildError
from arrows.plain import from_plain, to_plain
from arrows.representation import represent
from arrows.secret import Secret
from arrows.shape import shape_of
from arrows.wire import decode, encode


@attrs.frozen
class Login:
    user: str
    password: Annotated[str, Secret]
    pins: Annotated[dict[str, int], Secret] = attrs.field(factory=dict)


@dataclasses.dataclass(frozen=True)
class Token:
    text: Annotated[bytes, Secret()]
    of: str = ""


class Card(msgspec.Struct, frozen=True):
    number: Annotated[str, Secret]
    holder: str = ""


@attrs.frozen
class Session:
    login: Login | None
    cards: tuple[Card, ...] = ()
    tokens: dict[str, Token] = attrs.field(factory=dict)


def plain_login() -> type:
    @attrs.frozen
    class Login:
        user: str
        password: str
        pins: dict[str, int] = attrs.field(factory=dict)

    return Login


SESSION = Session(
    Login("ann", "hunter2", {"hunter2": 7}), (Card("hunter2", "Ann"),), {"a": Token(b"hunter2")}
)


def test_a_secret_is_not_shown() -> None:
    class_digest(Session)  # a digest reaches every class that a machine speaks of
    assert repr(SESSION) == represent(SESSION)
    assert "hunter2" not in f"{SESSION}{SESSION!r}"
    assert repr(SESSION.login) == "Login(user='ann', password=***, pins=***)"
    assert repr(Token(b"hunter2", "x")) == "Token(text=***, of='x')"
    assert repr(Card("hunter2", "Ann")) == "Card(number=***, holder='Ann')"
    assert to_plain(SESSION, masked=True) == {
        "type": "Session",
        "login": {"type": "Login", "user": "ann", "password": "***", "pins": "***"},
        "cards": [{"type": "Card", "number": "***", "holder": "Ann"}],
        "tokens": {"a": {"type": "Token", "text": "***", "of": ""}},
    }


def test_a_reply_and_what_is_written_down_are_whole() -> None:
    shape = shape_of(Session)
    assert from_plain(to_plain(SESSION), shape).unwrap() == SESSION


def test_the_mark_is_part_of_the_class_and_not_of_its_shape() -> None:
    plain = plain_login()
    assert same_shape(shape_of(Login), shape_of(plain))
    assert class_digest(Login) != class_digest(plain)
    assert intern(plain) is not intern(Login)


def test_a_class_is_the_same_before_and_after_it_was_used() -> None:
    def fresh() -> type:
        @attrs.frozen
        class One:
            word: Annotated[str, Secret]

        return One

    before, after = fresh(), fresh()
    record.fields(after)
    assert "hidden" not in repr(after(word="hidden"))
    assert class_digest(before) == class_digest(after)


def test_a_repr_that_its_author_wrote_is_the_authors() -> None:
    @attrs.frozen(repr=False)
    class Own:
        word: Annotated[str, Secret]

        def __repr__(self) -> str:
            return "mine"

    record.fields(Own)
    assert repr(Own("x")) == "mine"


def test_a_machine_that_is_data_travels_with_the_mark() -> None:
    machine = switch((Login, identity()), (int, constant(0)))
    packed = encode(machine).unwrap()
    again = decode(packed).unwrap()
    assert encode(again).unwrap() == packed
    renamed = packed.replace(b'"Login"', b'"Lagin"')
    if renamed != packed:  # a class that nobody has here is made
        made = decode(renamed)
        assert made.value_or(None) is None or "secret" in str(packed)


WRONG: list[Any] = [
    {"type": "Session", "login": "hunter2"},
    {"type": "Session", "login": {"type": "Login", "user": "ann", "password": ["hunter2"]}},
    {"type": "Session", "login": {"type": "Login", "user": ["hunter2"], "password": ""}},
    {"type": "Session", "login": {"type": "Login", "user": "ann", "password": "", "pins": {"hunter2": "x"}}},
    {"type": "Session", "login": {"type": "Login", "user": "ann", "pasword": "hunter2"}},
    ["hunter2"],
    "hunter2",
]


@pytest.mark.parametrize("plain", WRONG)
def test_an_error_shows_no_value_where_there_are_secrets(plain: Any) -> None:
    wrong = from_plain(plain, shape_of(Session))
    assert isinstance(wrong, Failure)
    assert "hunter2" not in str(wrong.failure())


@pytest.mark.parametrize("value", ["hunter2", Session("hunter2"), Session(Login("a", "b", {"hunter2": "x"}))])  # type: ignore[arg-type,dict-item]
def test_a_value_that_does_not_fit_is_not_shown_either(value: Any) -> None:
    wrong = misfit(value, shape_of(Session))
    assert wrong is not None
    assert "hunter2" not in str(wrong)


def test_what_a_class_says_when_it_refuses_a_secret_is_not_told() -> None:
    @attrs.frozen
    class Pin:
        digits: Annotated[str, Secret] = attrs.field(validator=attrs.validators.max_len(4))

    wrong = from_plain({"type": "Pin", "digits": "12345"}, shape_of(Pin)).failure()
    assert "12345" not in str(wrong)


def test_where_nothing_is_secret_errors_show_what_they_found() -> None:
    assert str(from_plain({"type": "X"}, shape_of(int)).failure()) == "expected int, found {'type': 'X'}"
    assert "found 'x'" in str(misfit(["x"], shape_of(list[int])))


def test_a_mark_that_would_do_nothing_is_refused() -> None:
    @attrs.frozen
    class Wrong:
        words: tuple[Annotated[str, Secret], ...]

    with pytest.raises(BuildError, match="Secret marks a field of a class"):
        record.fields(Wrong)
    with pytest.raises(BuildError, match="use that class here"):

        @proc
        def machine(msg: int, *, token: Annotated[str, Secret] = "") -> str:
            return token + str(msg)


def test_a_cell_may_hold_a_class_with_secrets() -> None:
    machine = state("who", Login("a", "hunter2"), identity())
    assert "hunter2" not in repr(machine)
