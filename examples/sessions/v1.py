"""Sessions that end when nobody touches them for a while, and a log that hears of it."""

from attrs import frozen

from midflight import After, Application, Cancel, Publish, Send, emit, proc


@frozen
class SignIn:
    user: str


@frozen
class Touch:
    """The user is still there."""

    user: str


@frozen
class SignOut:
    user: str


@frozen
class Expired:
    """What the machine tells itself when nobody touched a session."""

    user: str


@frozen
class Who:
    pass


@frozen
class Here:
    users: tuple[str, ...]


@frozen
class Entry:
    text: str


@frozen
class Last:
    pass


def without(users: tuple[str, ...], user: str) -> tuple[str, ...]:
    return tuple(each for each in users if each != user)


def about(user: str, what: str) -> Entry:
    return Entry(f"{user} {what}")


SECONDS = 2.0


@proc
def sessions(msg: SignIn | Touch | SignOut | Expired | Who, *, users: tuple[str, ...] = ()) -> Here:
    match msg:
        case SignIn(user):
            users = (*without(users, user), user)
            emit(After(SECONDS, Expired(user), name=user))
            emit(Send("log", about(user, "signed in")))
        case Touch(user):
            if user in users:
                emit(After(SECONDS, Expired(user), name=user))
        case SignOut(user):
            users = without(users, user)
            emit(Cancel(user))
            emit(Send("log", about(user, "signed out")))
        case Expired(user):
            users = without(users, user)
            emit(Send("log", about(user, "did not come back")))
            emit(Publish("expired", user))
        case Who():
            pass
    return Here(users)


@proc
def log(msg: Entry | Last, *, entries: tuple[str, ...] = ()) -> tuple[str, ...]:
    match msg:
        case Entry(text):
            entries = (*entries, text)
        case Last():
            pass
    return entries


app = Application("sessions", version="1", machines={"sessions": sessions, "log": log})
