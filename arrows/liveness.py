"""Which names the rest of a block still reads: what must be kept while a `@proc` waits.

The usual analysis, backwards over statements without loops (Aho et al., "Compilers", section 9.2.5).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from arrows.environment import names_bound


def read(parts: Iterable[ast.AST | None]) -> frozenset[str]:
    """The names that expressions read."""
    return frozenset(
        each.id
        for part in parts
        if part is not None
        for each in ast.walk(part)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    )


def live(body: list[ast.stmt], after: frozenset[str]) -> frozenset[str]:
    """The names that are read by statements before they are bound again; `after` are those read behind."""
    for statement in reversed(body):
        after = _before(statement, after)
    return after


def _before(statement: ast.stmt, after: frozenset[str]) -> frozenset[str]:
    match statement:
        case ast.Return(value=value):
            return read([value])
        case ast.Raise(exc=error):
            return read([error])
        case ast.Assign(targets=targets, value=value):
            return (after - names_bound(targets)) | read([value, *targets])
        case ast.AugAssign(target=target, value=value):
            return after | read([value]) | names_bound([target])
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            return (after - names_bound([target])) | read([value])
        case ast.If(test=test, body=yes, orelse=no):
            return read([test]) | live(yes, after) | live(no, after)
        case ast.Match(subject=subject, cases=cases):
            found = after | read([subject])
            for case in cases:
                inner = live(case.body, after) | read([case.guard])
                found |= (inner - names_bound([case.pattern])) | read([case.pattern])
            return found
        case _:
            return after | read([statement])
