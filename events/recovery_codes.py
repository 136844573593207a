"""Recovery codes (NIST SP 800-63B look-up secrets): 80 bits, base32, shown once, kept as a keyed one-way hash."""

import base64
import hmac
import string
from collections.abc import Iterable
from typing import Final
from uuid import UUID

CODE_BYTES: Final = 10  # 80 bits, 16 base32 characters
_CHARACTERS: Final = 16
_UPPER: Final = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


def format_code(secret: bytes) -> str:
    """Sixteen base32 characters in groups of four."""
    text = base64.b32encode(secret).decode()
    return "-".join(text[i : i + 4] for i in range(0, _CHARACTERS, 4))


def normalise(given: str) -> str:
    """Case and hyphens do not matter; everything else does."""
    # ASCII alone: str.upper() would make letters of other alphabets into some of ours.
    return given.replace("-", "").translate(_UPPER)


def hash_code(given: str, key: bytes) -> bytes:
    """HMAC-SHA-256 under a key of this person alone, so equal codes of two people have different hashes."""
    return hmac.digest(key, normalise(given).encode("utf-8", "surrogatepass"), "sha256")


def find(given: str, key: bytes, stored: Iterable[tuple[UUID, bytes]]) -> UUID | None:
    """The stored code that `given` is, or None. Compares with all of them, whichever matches."""
    digest = hash_code(given, key)
    found: UUID | None = None
    for code_id, code_hash in stored:
        if hmac.compare_digest(digest, code_hash):
            found = code_id
    return found
