"""Accounts that hold secrets, for the tests that look for them in every output."""

from typing import Annotated

import attrs

from midflight import Application, Secret, arr, keyed, proc


@attrs.frozen
class Login:
    user: str
    password: Annotated[str, Secret]


@attrs.frozen
class Fail:
    login: Login


@attrs.frozen
class Known:
    logins: tuple[Login, ...]


def told(login: Login, msg: Fail) -> str:
    return f"never {login}: {msg!r}"


@proc
def accounts(msg: Login | Fail, *, seen: tuple[Login, ...] = (), last: Login | None = None) -> Known:
    match msg:
        case Login():
            last = msg
            seen = (*seen, last)
            return Known(seen)
        case Fail(login):
            raise ValueError(told(login, msg))


def user(msg: Login | Fail) -> str:
    return msg.user if isinstance(msg, Login) else msg.login.user


app = Application(
    "vault", version="2", machines={"accounts": accounts, "users": keyed(accounts, arr(user), "users")}
)
