"""Keys: who signs what travels. A private key is a file of its owner's; a public one is a line of text.

The private one is PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it too. The public one is written
`ed25519:` and 64 hex digits, which is what a trust list holds (`runtime.trust`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
from returns.result import Failure, Result, Success

from migrations.refusal import Refusal
from runtime.errors import of_system
from runtime.extra import NeedsExtra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME: Final = "key.pem"
KIND: Final = "ed25519:"
BYTES: Final = 32
"""Bytes of a public key."""

LONGEST: Final = 4096
"""Bytes of a file with a private key."""

MISSING: Final = NeedsExtra("cryptography", "registry")


@attrs.frozen
class BadKey(Refusal):
    """A file holds no private key to sign with, or others can read it."""

    file: str
    problem: str

    @property
    def happened(self) -> str:
        return f"{self.file} is no key to sign with: {self.problem}."

    @property
    def remedy(self) -> str:
        return (
            "Make one with `midflight key new`, or name another with --key FILE. It is an Ed25519 key in PEM without a "
            "password, readable by its owner alone (chmod 600)."
        )


@attrs.frozen
class KeyExists(Refusal):
    """There is a key already, and it is not written over."""

    file: str

    @property
    def happened(self) -> str:
        return f"{self.file} is there already, and what it signed could not be signed again without it."

    @property
    def remedy(self) -> str:
        return "Use it, or name another file with --key FILE."


class Key:
    """A private key. `public` is what others know of it."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = KIND + private.public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> bytes:
        """The signature of some bytes."""
        return self._private.sign(data)


def home() -> Path:
    """Where a user's key, trust list and registry are: `~/.midflight`, or what MIDFLIGHT_HOME names."""
    return Path(os.environ.get("MIDFLIGHT_HOME") or Path("~/.midflight").expanduser()).absolute()


def new_key(file: Path) -> Result[Key, Refusal]:
    """Make a private key and write it to a file of mode 0600.

    Returns Failure(KeyExists | BadKey | NeedsExtra), and then nothing is written.
    """
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    except ImportError:
        return Failure(MISSING)
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return Failure(KeyExists(str(file)))
    except OSError as error:
        return Failure(BadKey(str(file), of_system(error)))
    with os.fdopen(descriptor, "wb") as made:
        made.write(text)
        made.flush()
        os.fsync(made.fileno())
    return Success(Key(private))


def read_key(file: Path) -> Result[Key, Refusal]:
    """The private key in a file. Returns Failure(BadKey | NeedsExtra)."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415
    except ImportError:
        return Failure(MISSING)
    try:
        with file.open("rb") as held:
            others = os.fstat(held.fileno()).st_mode & 0o077
            text = held.read(LONGEST)
    except OSError as error:
        return Failure(BadKey(str(file), of_system(error)))
    if others:
        return Failure(BadKey(str(file), "other users may read or write it"))
    try:
        private = load_pem_private_key(text, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return Failure(BadKey(str(file), "it is not a private key in PEM, or has a password"))
    if not isinstance(private, Ed25519PrivateKey):
        return Failure(BadKey(str(file), "it is a key of another kind than Ed25519"))
    return Success(Key(private))


def is_public(text: str) -> bool:
    """Whether a text is a public key as it is written here.

    >>> is_public("ed25519:" + 32 * "0f"), is_public("ed25519:" + 32 * "0F")
    (True, False)
    """
    digits = text.removeprefix(KIND)
    return text.startswith(KIND) and len(digits) == 2 * BYTES and set(digits) <= set("0123456789abcdef")


def verified(public: bytes, signature: bytes, data: bytes) -> Result[bool, Refusal]:
    """Success(whether a key, as raw bytes, signed the data), or Failure(NeedsExtra)."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    except ImportError:
        return Failure(MISSING)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return Success(False)
    return Success(True)
