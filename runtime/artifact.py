"""An artifact: a version packed to travel, as a value. It is made of a version's sources, or of nothing but data.

The content is one JSON object in the one form that `arrows.canonical.dump` writes, so that a version is the same bytes
wherever and by whichever Python it is packed. Paths are those below the project's folder. What is of the machine that
packs it is not in it: no Python version but the oldest that reads the sources, no time, no path.

    {"format": 1, "name": "counter", "version": "2", "digest": ..., "edition": ..., "parent": ADDRESS or null,
     "python": "3.11", "distributions": {"attrs": "26.1.0"},
     "machines": [["counter", KERNEL or null]], "inbox": 4096, "healthy": [], "codecs": [],
     "migrations": [{"machine": ..., "old": ..., "new": ..., "kernel": KERNEL or null}],
     "shapes": {...}, "main": "v2.py" or null, "variable": "app" or null, "sources": {"v2.py": TEXT}}

An artifact of a release carries nothing but what it is of: it has no machines, and a field more, `"release":
{"applications": [[NAME, VERSION, ADDRESS], ...], "gone": [NAME, ...]}`.

`digest` is the version's, which `midflight status` shows too. The *address* of an artifact is the sha256 of its
content: what it is kept under, and what a parent and a release mean by it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

import attrs
from returns.result import Failure, Result, Success

from arrows.canonical import dump
from arrows.library import OURS, distributions
from arrows.origin import BuildError
from migrations.refusal import Refusal
from runtime import bounds
from runtime.application import Application, is_digest, is_name, is_scheme
from runtime.grammar import OLDEST, oldest
from runtime.kernels import Kernels, kernels
from runtime.outline import shapes
from runtime.release_parts import Part, release_problem
from runtime.seal import TooLarge
from runtime.versions import installed

KIND: Final = "artifact"
FORMAT: Final = 1

_TYPES: Final[Mapping[str, Any]] = {
    "format": int,
    "name": str,
    "version": str,
    "digest": str,
    "edition": str,
    "parent": str | None,
    "python": str,
    "distributions": dict,
    "machines": list,
    "inbox": int,
    "healthy": list,
    "codecs": list,
    "migrations": list,
    "shapes": dict,
    "main": str | None,
    "variable": str | None,
    "sources": dict,
}
_LOST: Final = "it imports {}, which is neither of its project nor of an installed library"
_PYTHON: Final = re.compile(r"3\.[0-9]{1,3}")


@attrs.frozen
class CannotPack(Refusal):
    """A version cannot be made into an artifact."""

    application: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.application} cannot be packed: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Define the application in a file of its own that does nothing else when it is executed."


@attrs.frozen
class NotAnArtifact(Refusal):
    """A content that was signed is not that of an artifact."""

    place: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.place} is not an artifact: {self.problem}."

    @property
    def remedy(self) -> str:
        return "Make it again with `midflight push`, of the same or of an older version of midflight."


@attrs.frozen
class Artifact:
    """A packed version: its content, and what that says."""

    content: bytes = attrs.field(repr=False)
    told: Mapping[str, Any] = attrs.field(repr=False, eq=False)
    address: str
    name: str
    version: str
    digest: str
    edition: str
    parent: str | None = None
    key: str = attrs.field(default="", eq=False)
    """Who signed it, where it came signed."""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def release(self) -> tuple[Part, ...]:
        """The applications of a release; none where it is the artifact of an application."""
        return tuple(Part(*each) for each in self.told.get("release", {}).get("applications", ()))

    @property
    def sources(self) -> Mapping[str, str]:
        """The texts that it carries, by their paths below the project's folder."""
        found: Mapping[str, str] = self.told["sources"]
        return found

    @property
    def kernels(self) -> Kernels:
        """Its parts as data, where they are."""
        told = self.told
        migrations = tuple(each["kernel"] for each in told["migrations"])
        return Kernels(dict(told["machines"]), migrations, dict(told["healthy"]), bool(told["codecs"]))


def pack(application: Application, parent: str | None = None) -> Result[Artifact, Refusal]:
    """The artifact of a version that was loaded from a file, or is data. `parent` is the address it comes from.

    Returns Failure(CannotPack | TooLarge). That it loads again is not tried here: `runtime.admission.packed` does.
    """
    found = kernels(application)
    held = None if found.whole else application.sources
    if held is None and not found.whole:
        return Failure(CannotPack(application.name, "it has functions, and was not loaded from a file"))
    try:
        told: dict[str, Any] = {
            "format": FORMAT,
            "name": application.name,
            "version": application.version,
            "digest": application.digest,
            "edition": application.edition,
            "parent": parent,
            "python": ".".join(map(str, OLDEST)),
            "distributions": {},
            "machines": list(found.machines.items()),
            "inbox": application.inbox,
            "healthy": list(found.healthy.items()),
            "codecs": sorted(application.codecs),
            "migrations": [
                {"machine": each.machine, "old": each.old, "new": each.new, "kernel": kernel}
                for each, kernel in zip(application.migrations, found.migrations, strict=True)
            ],
            "shapes": shapes(application),
            "main": None,
            "variable": None,
            "sources": {},
        }
    except BuildError as wrong:
        problem = f"{wrong.where}: {wrong.what}" if wrong.where else wrong.what
        return Failure(CannotPack(application.name, problem))
    if held is not None:
        lost = sorted(filter(_is_nobodys, held.version.outside))
        if lost:
            return Failure(CannotPack(application.name, _LOST.format(", ".join(lost))))
        told |= _carried(held.version.main, held.version.places[0], held.version.texts, held.version.outside)
        told["variable"] = held.variable
    content = dump(told)
    if len(content) > bounds.MAX_CONTENT:
        return Failure(TooLarge(str(application.name), len(content), bounds.MAX_CONTENT))
    return read(content, application.name)


def _is_nobodys(top: str) -> bool:
    """Whether a module is there that neither travels nor is installed with anything that can be named."""
    if top in sys.stdlib_module_names or top in OURS or top in distributions():
        return False
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    return found is not None and found.origin not in (None, "built-in", "frozen")


def _carried(main: Path, root: Path, texts: Mapping[str, str], outside: set[str]) -> dict[str, Any]:
    """What an artifact has of the files of a version."""
    names = {each for top in outside for each in distributions().get(top, ())} - {"midflight"}
    sources = {Path(file).relative_to(root).as_posix(): text for file, text in texts.items()}
    return {
        "python": oldest(sources.values()),
        "distributions": installed(sorted(names)),
        "main": main.relative_to(root).as_posix(),
        "sources": sources,
    }


def read(content: bytes, place: str) -> Result[Artifact, NotAnArtifact]:
    """The artifact of a content. Reads it, and nothing else: nothing that it names is looked up."""
    try:
        told = json.loads(content)
        problem = None if dump(told) == content else "it is not in the form that midflight writes"
        json.dumps(told, ensure_ascii=False).encode()  # half of a character can neither be shown nor stored
    except (ValueError, RecursionError) as wrong:
        return Failure(NotAnArtifact(place, f"not the JSON that midflight writes ({type(wrong).__name__})"))
    problem = problem or _problem(told)
    if problem:
        return Failure(NotAnArtifact(place, problem))
    parts = (told[name] for name in ("name", "version", "digest", "edition", "parent"))
    return Success(Artifact(content, told, hashlib.sha256(content).hexdigest(), *parts))


def _problem(told: Any) -> str:
    """What is wrong with a content, if anything is."""
    if not isinstance(told, dict) or type(told.get("format")) is not int:
        return "it has no format number"
    if told["format"] > FORMAT:
        return "it is of a later format: install a newer midflight"
    if told["format"] < FORMAT:
        return "its format is none"
    if told.keys() - {"release"} != _TYPES.keys():
        return "its fields are not those of an artifact"
    wrong = next((name for name, kind in _TYPES.items() if not isinstance(told[name], kind)), None)
    if wrong:
        return f"its field {wrong!r} is of another type"
    digests = (told["digest"], told["edition"], *([] if told["parent"] is None else [told["parent"]]))
    if not all(map(is_digest, digests)) or not (is_name(told["name"]) and is_name(told["version"])):
        return "its name, version or a digest is not one"
    if not _PYTHON.fullmatch(told["python"]) or bool(told["machines"]) is ("release" in told):
        return "its Python or its machines are missing"
    if "release" in told:
        return release_problem(told)
    return _parts_problem(told) or _sources_problem(told)


def _parts_problem(told: dict[str, Any]) -> str:
    pairs = [*told["machines"], *told["healthy"]]
    if not all(isinstance(each, list) and len(each) == 2 and is_name(each[0]) for each in pairs):
        return "its machines are not pairs of a name and a kernel"
    if len({name for name, _ in told["machines"]}) < len(told["machines"]):
        return "two of its machines have one name"
    keys = {"machine", "old", "new", "kernel"}
    if not all(isinstance(each, dict) and each.keys() == keys for each in told["migrations"]):
        return "its migrations are not as midflight writes them"
    if not all(is_name(each["machine"]) for each in told["migrations"]):
        return "its migrations are not as midflight writes them"
    labels = (each[side] for each in told["migrations"] for side in ("old", "new"))
    names = (*labels, *told["distributions"].keys(), *told["distributions"].values())
    if not all(map(_is_line, names)):
        return "a version or a library has no name that can be shown"
    texts = (*told["sources"].values(), *told["codecs"])
    if not all(isinstance(each, str) for each in texts) or not all(map(is_scheme, told["codecs"])):
        return "a text is missing"
    return ""


def _is_line(text: Any) -> bool:
    """Whether something is a text that a terminal shows as it is."""
    return isinstance(text, str) and text != "" and text.isprintable()


def _sources_problem(told: dict[str, Any]) -> str:
    sources, main = told["sources"], told["main"]
    if (main is None) != (not sources) or (main is None) != (told["variable"] is None):
        return "it has sources without a main file, or the other way round"
    if main is not None and main not in sources:
        return "its main file is not among its sources"
    if told["variable"] is not None and not told["variable"].isidentifier():
        return "its variable is not a name"
    for path in sources:
        parts = PurePosixPath(path).parts
        if path != "/".join(parts) or path.startswith("/") or ".." in parts or "\\" in path:
            return f"{path[:80]!a} is not a path below a folder"
        if not _is_line(path):
            return f"{path[:80]!a} cannot be shown"
    return ""
