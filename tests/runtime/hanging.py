"""A machine whose steps do what they are told, and take as long as that takes."""

import ctypes
import re
import time

import attrs

from midflight import Application, proc


@attrs.frozen
class Do:
    what: str


def busy() -> None:
    while True:
        pass


def careful() -> None:
    """Handle every exception there should be."""
    while True:
        try:
            for n in range(10**6):
                n + 1
        except Exception:
            continue


def stubborn() -> None:
    """Handle every exception there is."""
    while True:
        try:
            for n in range(10**6):
                n + 1
        except BaseException:
            continue


def locked() -> None:
    """Wait for a lock for ever, in a call that knows nothing of Python and goes on after a signal."""
    library = ctypes.CDLL(None)
    mutex = ctypes.create_string_buffer(128)
    library.pthread_mutex_lock(mutex)
    library.pthread_mutex_lock(mutex)


def do(what: str) -> int:
    match what:
        case "busy":
            busy()
        case "careful":
            careful()
        case "stubborn":
            stubborn()
        case "sleep":
            time.sleep(1000)
        case "regex":
            re.match(r"(a+)+$", "a" * 40 + "b")
        case "power":
            7 ** (10**8)
        case "deep":
            do("deep")
        case "hold":
            sum(range(10**13))
        case "wait":
            locked()
        case "some":
            sum(range(5 * 10**6))
        case _:
            for n in range(int(what or 0)):
                n + 1
    return 1


@proc
def doer(msg: Do, *, done: int = 0) -> int:
    done += do(msg.what)
    return done


app = Application("hanging", version="1", machines={"doer": doer})
