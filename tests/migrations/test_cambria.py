"""Edits of documents through lenses, there and back: the examples of Cambria, told in our words and with our answers.

Source: Project Cambria (Litt, van Hardenberg, Henry, Ink & Switch, 2020; github.com/inkandswitch/cambria-project),
test/patch.ts, test/json-schema.ts and test/github-arthropod.ts: rename, add, remove, convert, in, map, hoist, plunge,
wrap and head. Its lenses carry patches; ours carry whole values, and what a way up throws away is a complement. A row
has a document of the old form, the lenses, and the same document in the new form; then, where there is one, an edit
made in the new form and what comes back of it. The column `theirs` says what Cambria does where the answers differ.
Not here: patches that set a part at a time (we have no patches), and documents that lack fields (a value has them all).
"""

from __future__ import annotations

from types import GenericAlias
from typing import Any, Final, TypeAlias

import attrs
import pytest
from returns.result import Failure

from arrows import Arrow, arr, compile, identity, state
from arrows.shape import shape_of
from migrations import Migration, lens, plan
from migrations.lens import Lens
from migrations.resolve import way
from migrations.rule import Search, Stop
from migrations.rules import RULES


def record(name: str, /, **fields: Any) -> Any:
    spec = {
        each: attrs.field(type=kind[0], default=kind[1])
        if isinstance(kind, tuple)
        else attrs.field(type=kind)
        for each, kind in fields.items()
    }
    return attrs.make_class(name, spec, frozen=True)


def listed(kind: Any) -> Any:
    return GenericAlias(list, (kind,))


@attrs.frozen
class Refused:
    because: str


@attrs.frozen
class NoEdit:
    """Nothing is written in the new form."""


NO_EDIT: Final = NoEdit()
SAME: Final = "the same"


def status(complete: bool) -> str:
    return "done" if complete else "todo"


def complete(word: str) -> bool:
    return {"todo": False, "inProgress": False, "done": True}[word]


def in_list(one: Any) -> list[Any]:
    return [] if one is None else [one]


def head(several: list[Any]) -> Any:
    return several[0] if several else None


TO_TEXT: Final = lens.convert(arr(status), arr(complete))
TO_BOOL: Final = lens.convert(arr(complete), arr(status), lossy=True)
IN_LIST: Final = lens.convert(arr(in_list), arr(head))
HEAD: Final = lens.convert(arr(head), arr(in_list), lossy=True)

PROJECT_1 = record("Project", title=str, tasks=list[str], complete=bool)
PROJECT_2 = record("Project", name=str, description=str, tasks=list[str], complete=str)
WITH_STATUS = record("Project", title=str, tasks=list[str], status=str)
TITLED, NAMED = record("Titled", title=str), record("Titled", name=str)
META_1, META_2 = record("Doc", metadata=TITLED, other=TITLED), record("Doc", metadata=NAMED, other=TITLED)
TASKS_1, TASKS_2 = record("Tasks", tasks=listed(TITLED)), record("Tasks", tasks=listed(NAMED))
MADE, EDITED = record("Meta", created=str, edited=str), record("Meta", edited=str)
HOST_1, HOST_2 = record("Host", metadata=MADE), record("Host", metadata=EDITED, created=str)
DETAILS = record("Details", title=str)
DEEP_1, DEEP_2 = record("Meta", details=DETAILS, n=int), record("Meta", n=int)
OBJECT_1, OBJECT_2 = record("Host", metadata=DEEP_1), record("Host", metadata=DEEP_2, details=DETAILS)
ISSUE_1, ISSUE_2 = record("Issue", assignee=str | None), record("Issue", assignee=list[str])
ISSUE_3 = record("Issue", assignees=list[str])
PERSON_1, PERSON_2 = record("Person", name=str, age=int), record("Person", label=str, age=int)
OWNED_1, OWNED_2 = record("Owned", by=listed(PERSON_1)), record("Owned", by=PERSON_1 | None)
SUMMED, ADDED = record("Project", name=str), record("Project", name=str, description=str)
NULLABLE = record("Project", name=str, description=str | None)
TAG, LABEL = record("Tag", name=str), record("Tag", name=str, color=str, important=bool)
TAGS, LABELS = record("Doc", tags=listed(TAG)), record("Doc", labels=listed(LABEL))
GIT_LABEL = record("Label", name=str, color=str)
GITHUB = record("Github", title=str, body=str, labels=listed(GIT_LABEL))
ARTHROPOD = record("Arthropod", name=str, body=str, category=str | None)


def category(labels: list[Any]) -> str | None:
    return labels[0].name if labels else None


def labels(name: str | None) -> list[Any]:
    return [] if name is None else [GIT_LABEL(name, "grey")]


ISSUE: Final = GITHUB("crash", "it does", [GIT_LABEL("bug", "red"), GIT_LABEL("urgent", "blue")])

Row: TypeAlias = tuple[str, str, Any, Any, tuple[Lens, ...], Any, Any, Any, Any]

ROWS: list[Row] = [
    # case, theirs, old type, new type, lenses, old, new, an edit of the new, what comes back of it
    (
        "rename",
        SAME,
        TITLED,
        NAMED,
        (lens.rename("title", "name"),),
        TITLED("hello"),
        NAMED("hello"),
        NAMED("new name"),
        TITLED("new name"),
    ),
    (
        "add: what is written in it goes on the way down",
        SAME,
        SUMMED,
        ADDED,
        (lens.add("description", ""),),
        SUMMED("a"),
        ADDED("a", ""),
        ADDED("a", "going swimmingly"),
        SUMMED("a"),
    ),
    (
        "add, with a default of its own",
        SAME,
        SUMMED,
        ADDED,
        (lens.add("description", "hi"),),
        SUMMED("a"),
        ADDED("a", "hi"),
        NO_EDIT,
        None,
    ),
    (
        "add, which may be null",
        "null where no default is given",
        SUMMED,
        NULLABLE,
        (lens.add("description", None),),
        SUMMED("a"),
        NULLABLE("a", None),
        NO_EDIT,
        None,
    ),
    (
        "remove: the old one comes back beside an edit of another",
        SAME,
        ADDED,
        SUMMED,
        (lens.drop("description", ""),),
        ADDED("a", "going swimmingly"),
        SUMMED("a"),
        SUMMED("b"),
        ADDED("b", "going swimmingly"),
    ),
    (
        "convert: true to a word",
        SAME,
        record("P", done=bool),
        record("P", done=str),
        (lens.inside("done", TO_TEXT),),
        {"done": True},
        {"done": "done"},
        {"done": "inProgress"},
        {"done": False},
    ),
    (
        "convert back: of two words that are false, the one that was",
        "the word that stands for false",
        record("P", done=str),
        record("P", done=bool),
        (lens.inside("done", TO_BOOL),),
        {"done": "inProgress"},
        {"done": False},
        {"done": True},
        {"done": "done"},
    ),
    (
        "rename and convert one field",
        SAME,
        PROJECT_1,
        WITH_STATUS,
        (lens.rename("complete", "status"), lens.inside("status", TO_TEXT)),
        PROJECT_1("hello", ["walk"], True),
        WITH_STATUS("hello", ["walk"], "done"),
        WITH_STATUS("hello", [], "todo"),
        PROJECT_1("hello", [], False),
    ),
    (
        "rename, add and convert in one lens",
        SAME,
        PROJECT_1,
        PROJECT_2,
        (lens.rename("title", "name"), lens.add("description", ""), lens.inside("complete", TO_TEXT)),
        PROJECT_1("hello", ["walk", "wash"], False),
        PROJECT_2("hello", "", ["walk", "wash"], "todo"),
        PROJECT_2("bye", "great", ["walk"], "done"),
        PROJECT_1("bye", ["walk"], True),
    ),
    (
        "in: a field of a nested object, and not that of another one",
        SAME,
        META_1,
        META_2,
        (lens.inside("metadata", lens.rename("title", "name")),),
        META_1(TITLED("a"), TITLED("b")),
        META_2(NAMED("a"), TITLED("b")),
        META_2(NAMED("c"), TITLED("d")),
        META_1(TITLED("c"), TITLED("d")),
    ),
    (
        "in, map: a field of each item",
        SAME,
        TASKS_1,
        TASKS_2,
        (lens.inside("tasks", lens.each(lens.rename("title", "name"))),),
        TASKS_1([TITLED("a"), TITLED("b")]),
        TASKS_2([NAMED("a"), NAMED("b")]),
        TASKS_2([NAMED("a"), NAMED("hello")]),
        TASKS_1([TITLED("a"), TITLED("hello")]),
    ),
    (
        "map over what is renamed, in a further lens: each item has the default",
        SAME,
        TAGS,
        LABELS,
        (
            lens.rename("tags", "labels"),
            lens.inside("labels", lens.each(lens.add("color", "#ffffff"), lens.add("important", False))),
        ),
        TAGS([TAG("bug")]),
        LABELS([LABEL("bug", "#ffffff", False)]),
        LABELS([LABEL("bug", "#ffffff", True), LABEL("new", "", False)]),
        TAGS([TAG("bug"), TAG("new")]),
    ),
    (
        "hoist: a field out of an object",
        SAME,
        HOST_1,
        HOST_2,
        (lens.move("metadata/created", "created"),),
        HOST_1(MADE("july", "august")),
        HOST_2(EDITED("august"), "july"),
        HOST_2(EDITED("august"), "june"),
        HOST_1(MADE("june", "august")),
    ),
    (
        "hoist: an object with its fields",
        SAME,
        OBJECT_1,
        OBJECT_2,
        (lens.move("metadata/details", "details"),),
        OBJECT_1(DEEP_1(DETAILS("a"), 1)),
        OBJECT_2(DEEP_2(1), DETAILS("a")),
        OBJECT_2(DEEP_2(2), DETAILS("b")),
        OBJECT_1(DEEP_1(DETAILS("b"), 2)),
    ),
    (
        "plunge: a field into an object",
        SAME,
        HOST_2,
        HOST_1,
        (lens.move("created", "metadata/created"),),
        HOST_2(EDITED("august"), "july"),
        HOST_1(MADE("july", "august")),
        HOST_1(MADE("june", "may")),
        HOST_2(EDITED("may"), "june"),
    ),
    (
        "wrap: one to a list, by two arrows",
        SAME,
        ISSUE_1,
        ISSUE_2,
        (lens.inside("assignee", IN_LIST),),
        ISSUE_1("pvh"),
        ISSUE_2(["pvh"]),
        ISSUE_2(["orion"]),
        ISSUE_1("orion"),
    ),
    (
        "wrap: none to a list",
        "a list of one null",
        ISSUE_1,
        ISSUE_2,
        (lens.inside("assignee", IN_LIST),),
        ISSUE_1(None),
        ISSUE_2([]),
        ISSUE_2([]),
        ISSUE_1(None),
    ),
    (
        "wrap, then rename",
        SAME,
        ISSUE_1,
        ISSUE_3,
        (lens.rename("assignee", "assignees"), lens.inside("assignees", IN_LIST)),
        ISSUE_1("pvh"),
        ISSUE_3(["pvh"]),
        ISSUE_3(["orion", "peter"]),
        ISSUE_1("orion"),
    ),
    (
        "head: the first of a list",
        "an edit replaces the first and leaves the others",
        ISSUE_2,
        ISSUE_1,
        (lens.inside("assignee", HEAD),),
        ISSUE_2(["peter", "orion"]),
        ISSUE_1("peter"),
        ISSUE_1("geoffrey"),
        ISSUE_2(["geoffrey"]),
    ),
    (
        "head: of an empty list",
        SAME,
        ISSUE_2,
        ISSUE_1,
        (lens.inside("assignee", HEAD),),
        ISSUE_2([]),
        ISSUE_1(None),
        ISSUE_1("peter"),
        ISSUE_2(["peter"]),
    ),
    (
        "head: of a list of objects, whole",
        "an edit of a field replaces it in the first of the list",
        OWNED_1,
        OWNED_2,
        (lens.inside("by", HEAD),),
        OWNED_1([PERSON_1("ann", 30), PERSON_1("bob", 20)]),
        OWNED_2(PERSON_1("ann", 30)),
        OWNED_2(PERSON_1("ann", 31)),
        OWNED_1([PERSON_1("ann", 31)]),
    ),
    (
        "an issue of Github as one of another tracker",
        "an edit of the category keeps the colour of the label",
        GITHUB,
        ARTHROPOD,
        (
            lens.rename("title", "name"),
            lens.rename("labels", "category"),
            lens.inside("category", lens.convert(arr(category), arr(labels), lossy=True)),
        ),
        ISSUE,
        ARTHROPOD("crash", "it does", "bug"),
        ARTHROPOD("renamed", "it does", "Bug"),
        GITHUB("renamed", "it does", [GIT_LABEL("Bug", "grey")]),
    ),
    (
        "an issue of Github, edited elsewhere",
        SAME,
        GITHUB,
        ARTHROPOD,
        (
            lens.rename("title", "name"),
            lens.rename("labels", "category"),
            lens.inside("category", lens.convert(arr(category), arr(labels), lossy=True)),
        ),
        ISSUE,
        ARTHROPOD("crash", "it does", "bug"),
        ARTHROPOD("renamed", "it does", "bug"),
        attrs.evolve(ISSUE, title="renamed"),
    ),
]

PARTS = [row[2:] for row in ROWS]
NAMES = [row[0] for row in ROWS]


def document(kind: Any, value: Any) -> Any:
    return kind(**value) if isinstance(value, dict) else value


@pytest.mark.parametrize(("old", "new", "lenses", "before", "after", "edit", "back"), PARTS, ids=NAMES)
def test_a_value_there_and_back(
    old: Any, new: Any, lenses: tuple[Lens, ...], before: Any, after: Any, edit: Any, back: Any
) -> None:
    one = way(shape_of(old), shape_of(new), lenses, Search(RULES))
    before, after = document(old, before), document(new, after)
    lost = None if one.lost is None else one.lost(before)
    assert one.up(before) == after
    assert one.back(after, lost) == before
    if edit is not NO_EDIT:
        assert one.back(document(new, edit), lost) == document(old, back)


def cell(kind: Any, init: Any) -> Arrow[Any, Any]:
    return state("doc", init, identity(), of=kind)


@pytest.mark.parametrize(("old", "new", "lenses", "before", "after", "edit", "back"), PARTS, ids=NAMES)
def test_a_cell_there_and_back(
    old: Any, new: Any, lenses: tuple[Lens, ...], before: Any, after: Any, edit: Any, back: Any
) -> None:
    """The same lenses, for what a cell of a machine holds."""
    before, after = document(old, before), document(new, after)
    migration = Migration("m", old="1", new="2", lenses=[lens.inside("doc", *lenses)])
    here, there = compile(cell(old, before)), compile(cell(new, after))
    up = plan(here, there, migration).unwrap()
    lost = up.lost((before,)).unwrap()
    assert up.apply((before,)).unwrap() == (after,)
    down = plan(there, here, migration, down=True, lost=True).unwrap()
    assert down.apply((after,), lost).unwrap() == (before,)
    if edit is not NO_EDIT:
        assert down.apply((document(new, edit),), lost).unwrap() == (document(old, back),)


STOPS: list[tuple[str, str, Any, Any, tuple[Lens, ...], str]] = [
    (
        "plunge of what is not there",
        SAME,
        HOST_2,
        HOST_1,
        (lens.move("nosaj", "metadata/created"),),
        "no field 'nosaj'",
    ),
    ("what is added does not fit", SAME, SUMMED, ADDED, (lens.add("description", 1),), "does not fit"),
    (
        "add without a default",
        "an empty text, a zero or false, by its type",
        SUMMED,
        ADDED,
        (),
        "the new field 'description' of Project has no default",
    ),
    (
        "a field that only the old form has",
        "it stays in the document",
        ADDED,
        SUMMED,
        (),
        "the field 'description' of Project would be lost",
    ),
    (
        "rename to what is there",
        SAME,
        ADDED,
        ADDED,
        (lens.rename("name", "description"),),
        "there is a field 'description'",
    ),
    ("one to a list, without arrows", "wrap", ISSUE_1, ISSUE_2, (), "assignee: nothing leads from str"),
    ("a list to one, without arrows", "head", ISSUE_2, ISSUE_1, (), "assignee: nothing leads from list[str]"),
]


@pytest.mark.parametrize(
    ("old", "new", "lenses", "words"), [row[2:] for row in STOPS], ids=[row[0] for row in STOPS]
)
def test_refused(old: Any, new: Any, lenses: tuple[Lens, ...], words: str) -> None:
    with pytest.raises(Stop) as stop:
        way(shape_of(old), shape_of(new), lenses, Search(RULES))
    assert words in str(stop.value.unclear)


def test_writes_one_after_the_other_are_each_carried() -> None:
    """A list is written four times; its head is what a reader of the new form sees each time."""
    one = way(shape_of(ISSUE_2), shape_of(ISSUE_1), (lens.inside("assignee", HEAD),), Search(RULES))
    seen = [[], ["geoffrey"], ["geoffrey", "orion"], ["orion"]]
    assert [one.up(ISSUE_2(each)).assignee for each in seen] == [None, "geoffrey", "geoffrey", "orion"]


def test_without_a_complement_what_is_thrown_away_is_not_made_up() -> None:
    old, new = compile(cell(ADDED, ADDED("", ""))), compile(cell(SUMMED, SUMMED("")))
    migration = Migration("m", old="1", new="2", lenses=[lens.inside("doc", lens.drop("description"))])
    assert isinstance(plan(new, old, migration, down=True), Failure)
