"""A scope with another name: in a tree that can be altered, with all that speaks of it."""

from __future__ import annotations

import attrs

from arrows.parts import Tree
from arrows.term import Get, Keyed, Named, Put, State


def rename(tree: Tree, name: str) -> list[Tree]:
    """Give a scope another name, and a cell's readers and writers in scope with it; return what was altered."""
    head = tree.head
    assert isinstance(head, State | Named | Keyed)
    old = head.name
    tree.head = attrs.evolve(head, name=name)
    if not isinstance(head, State):
        return [tree]
    altered = [tree]
    waiting = list(tree.rows[0])
    while waiting:
        here = waiting.pop()
        if isinstance(here.head, Get | Put) and here.head.name == old:
            here.head = attrs.evolve(here.head, name=name)
            altered.append(here)
        elif isinstance(here.head, Keyed) or (isinstance(here.head, State) and here.head.name == old):
            continue  # a keyed body sees its own cells only, and an inner cell of the name hides this one
        waiting.extend(part for row in here.rows for part in row)
    return altered
