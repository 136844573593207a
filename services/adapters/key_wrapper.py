"""Key wrapping with a local key file: AES-256-GCM under keys that are never in the database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.sealing import Random
from services.adapters.key_file import KEY_BYTES, KeyRefused, locked, read_key_file, replace_key_file, signature
from services.application.ports import KeyUnavailable

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_CONTEXT: Final = b"factorlog/data-key/1"


class LocalKeyWrapper:
    """Wrapped form: key id (8 bytes) + nonce + ciphertext + tag. The file's first key wraps, each of them unwraps.

    A changed file is noticed without a restart: at once by a form under a key that is not known, within a second by
    what is wrapped. One that is refused then leaves the keys as they were.
    """

    def __init__(self, path: Path, random: Random) -> None:
        """Raises KeyRefused."""
        self._path = path
        self._random = random
        self._read()

    async def wrap(self, key: bytes) -> bytes:
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._look()
        nonce = self._random(_NONCE_BYTES)
        return self._current + nonce + self._ciphers[self._current].encrypt(nonce, key, _CONTEXT)

    async def unwrap(self, wrapped: bytes) -> bytes:
        if wrapped[:_ID_BYTES] not in self._ciphers:
            self._look()
        cipher = self._ciphers.get(wrapped[:_ID_BYTES])
        if cipher is None:
            raise KeyUnavailable("wrapped under another key")
        nonce, sealed = wrapped[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], wrapped[_ID_BYTES + _NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, sealed, _CONTEXT)
        except (InvalidTag, ValueError) as error:
            raise KeyUnavailable("the wrapped key does not open") from error

    def key_id(self, wrapped: bytes) -> str:
        return wrapped[:_ID_BYTES].hex()

    def close(self) -> None:
        """Nothing is held open."""

    # The file's keys as something that a rotation changes.

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(found.hex() for found in self._ciphers)

    @property
    def changed_at(self) -> datetime:
        return datetime.fromtimestamp(self._path.stat().st_mtime, UTC)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        with locked(self._path):
            self._read()
            yield

    def add(self) -> None:
        self._replace((self._random(KEY_BYTES), *self._keys))

    def drop_old(self) -> None:
        self._replace(self._keys[:1])

    def _replace(self, keys: tuple[bytes, ...]) -> None:
        replace_key_file(self._path, keys)
        self._read()

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        if signature(self._path) == self._seen:
            return
        try:
            self._read()
        except KeyRefused as error:
            log.error("key_file_refused", why=str(error))
        else:
            log.info("key_file_read", keys=len(self._ciphers))

    def _read(self) -> None:
        # The signature first: what changes in between is noticed at the next look.
        self._seen, self._looked_at = signature(self._path), time.monotonic()
        self._keys = read_key_file(self._path)
        self._ciphers = {_id(key): AESGCM(key) for key in self._keys}
        self._current = _id(self._keys[0])


def _id(key: bytes) -> bytes:
    return sha256(b"factorlog/key-id/1" + key).digest()[:_ID_BYTES]
