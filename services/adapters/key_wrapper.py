"""Key wrapping with a local key file: AES-256-GCM under a key that is never in the database."""

import base64
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.sealing import Random
from services.application.ports import KeyUnavailable

KEY_BYTES: Final = 32
EXAMPLE_KEY: Final = b"factorlog example key, replace me"[:KEY_BYTES]
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_CONTEXT: Final = b"factorlog/data-key/1"


class KeyRefused(Exception):
    """The key file is missing, malformed, all zero, an example, or readable by others: do not start."""


class LocalKeyWrapper:
    """Wrapped form: key id (8 bytes) + nonce + ciphertext + tag."""

    def __init__(self, key: bytes, random: Random) -> None:
        self._id = sha256(b"factorlog/key-id/1" + key).digest()[:_ID_BYTES]
        self._cipher = AESGCM(key)
        self._random = random

    async def wrap(self, key: bytes) -> bytes:
        nonce = self._random(_NONCE_BYTES)
        return self._id + nonce + self._cipher.encrypt(nonce, key, _CONTEXT)

    async def unwrap(self, wrapped: bytes) -> bytes:
        if wrapped[:_ID_BYTES] != self._id:
            raise KeyUnavailable("wrapped under another key")
        nonce, sealed = wrapped[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], wrapped[_ID_BYTES + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, sealed, _CONTEXT)
        except (InvalidTag, ValueError) as error:
            raise KeyUnavailable("the wrapped key does not open") from error


def read_key_file(path: Path) -> bytes:
    """The key of a file that holds 32 bytes as base64. Raises KeyRefused with a reason for the operator."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
        key = base64.b64decode(text, validate=True)
    except FileNotFoundError as error:
        raise KeyRefused(f"the key file {path} does not exist") from error
    except (ValueError, OSError) as error:
        raise KeyRefused(f"the key file {path} cannot be read as base64") from error
    if mode & 0o077:
        raise KeyRefused(f"the key file {path} is readable by others; its mode must be 0600")
    if len(key) != KEY_BYTES:
        raise KeyRefused(f"the key in {path} has {len(key)} bytes instead of {KEY_BYTES}")
    if len(set(key)) < KEY_BYTES // 4 or key == EXAMPLE_KEY:
        raise KeyRefused(f"the key in {path} is a zero or example key")
    return key


def create_key_file(path: Path, random: Random) -> None:
    """A fresh key, mode 0600, unless the file exists."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(random(KEY_BYTES)) + b"\n")
