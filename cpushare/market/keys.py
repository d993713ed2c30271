"""Keys: who somebody is, without a name.

An account, a worker and an exchange are each an ed25519 key pair. The public key is written as 56
letters and digits, which hold a check sum, so that a mistyped account is noticed. A key file holds
the secret, mode 0600, in a form that says what it is.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from functools import lru_cache
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from cpushare.market.errors import BadMessage, BadSignature

KEY_BYTES = 32
CHECK_BYTES = 3
KEPT = 4096  # keys whose text is remembered: the same ones sign again and again
TEXT_LENGTH = 56  # (32 + 3) bytes in base32
FILE_HEAD = "CPUShare secret key 1: whoever has this file has what belongs to it"


@lru_cache(KEPT)
def show_key(public: bytes) -> str:
    """A public key as people see it: 56 lower-case letters and digits."""
    check = hashlib.sha256(b"CPUShare key" + public).digest()[:CHECK_BYTES]
    return base64.b32encode(public + check).decode().lower()


@lru_cache(KEPT)
def read_key(text: str) -> bytes:
    """The public key that `show_key` wrote. Raises `BadMessage` for anything else."""
    try:
        data = base64.b32decode(text.upper()) if len(text) == TEXT_LENGTH else b""
    except ValueError:
        data = b""
    public = data[:KEY_BYTES]
    if not data or show_key(public) != text:
        raise BadMessage(f"'{text[:80]}' is no account or key: they have {TEXT_LENGTH} characters")
    return public


class KeyPair:
    """An ed25519 key pair."""

    def __init__(self, secret: bytes) -> None:
        """From the 32 secret bytes."""
        self._signing = SigningKey(secret)
        self.public = bytes(self._signing.verify_key)

    @staticmethod
    def new() -> KeyPair:
        """A pair that nobody has had before."""
        return KeyPair(os.urandom(KEY_BYTES))

    @property
    def name(self) -> str:
        """The public key as text."""
        return show_key(self.public)

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._signing.sign(message).signature

    def save(self, path: Path) -> None:
        """Write a key file that only its owner may read. Raises `FileExistsError`, `OSError`."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(fd, "w") as file:
            file.write(f"{FILE_HEAD}\n{bytes(self._signing).hex()}\n")
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def load(path: Path) -> KeyPair:
        """Read a key file. Raises `BadMessage` for what is none, `OSError`."""
        with path.open() as file:
            head, _, rest = file.read(1024).partition("\n")
        try:
            secret = bytes.fromhex(rest)
        except ValueError:
            secret = b""
        if head != FILE_HEAD or len(secret) != KEY_BYTES:
            raise BadMessage(f"{path} is no key file of CPUShare")
        return KeyPair(secret)

    @staticmethod
    def load_or_make(path: Path) -> KeyPair:
        """Read a key file, or make one if there is none. Safe against another that does the same.

        Raises `BadMessage`, `OSError`.
        """
        if not path.exists():
            with contextlib.suppress(FileExistsError):
                KeyPair.new().save(path)
        return KeyPair.load(path)


def check_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Raises `BadSignature` unless the holder of the key has signed the message."""
    try:
        VerifyKey(public).verify(message, signature)
    except (BadSignatureError, ValueError, TypeError):
        raise BadSignature("the signature does not fit the key and the message") from None
