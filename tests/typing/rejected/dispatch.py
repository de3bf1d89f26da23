"""An arrow must take its case's class; a mode's arrow must take its mode and give one of the modes."""
# pyright: strict, reportUnusedExpression=false

import attrs

from midflight import arr, identity, modes, proc, run, switch


@attrs.frozen
class Incr:
    by: int = 1


@attrs.frozen
class Read: ...


@proc
def incr(msg: Incr) -> str:
    return "ok"


@proc
def read(msg: Read) -> int:
    return 0


i, r, whole = incr, read, switch((Incr, incr), (Read, read))

switch()  # error: no case
switch((Incr, r))  # error: takes Read
switch((Incr, i), (Read, i))  # error: takes Incr
switch((Incr, r), (Read, i))  # error: swapped
switch((Incr, identity()), (Read, r), (int, r))  # error: takes Read
switch((Incr, i), (int, r), (Read, r), (str, identity()), (bytes, identity()))  # error: takes Read
switch((Incr, len))  # error: not an arrow
switch((Incr(), i))  # error: not a class
switch(Incr, i)  # error: no pair
run(whole, [1])  # error: no case of it
whole >> arr(str.upper)  # error: an int comes too


@attrs.frozen
class Locked: ...


@attrs.frozen
class Open: ...


@proc
def locked(at: tuple[str, Locked]) -> tuple[bool, Locked | Open]:
    return False, Open()


@proc
def opened(at: tuple[str, Open]) -> tuple[str, Locked]:
    return "through", Locked()


@proc
def astray(at: tuple[str, Open]) -> tuple[str, int]:
    return "through", 1


modes((Locked, opened), (Open, locked), init=Open())  # error: swapped
modes((Locked, locked), (Open, opened), init="locked")  # error: no such mode
modes((Locked, locked), (Open, astray), init=Open())  # error: goes to no mode
modes((Locked, locked), init=Locked())  # error: goes to Open
run(modes((Locked, locked), (Open, opened), init=Open()), [1])  # error: takes str
