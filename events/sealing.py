"""Sealed boxes: AES-256-GCM with a commitment, under keys derived for one place of one log. See docs/log-format.md."""

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Final, Literal, TypeAlias
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

NONCE_BYTES: Final = 12
DATA_KEY_BYTES: Final = 32
_SHA256: Final = SHA256()

BoxName: TypeAlias = Literal["subject", "actor", "traces"]
Random: TypeAlias = Callable[[int], bytes]


class SealBroken(Exception):
    """A box does not open with its key, or does not hold what its commitment promises."""


def derive(data_key: bytes, context: bytes) -> tuple[bytes, bytes]:
    """Encryption key and commitment key of one context: HKDF-Expand of RFC 5869 with SHA-256, 64 bytes.

    Data keys are uniformly random, so there is nothing to extract (RFC 5869 §3.3).
    """
    info = b"factorlog/box/1|" + context
    derived = HKDFExpand(algorithm=_SHA256, length=64, info=info).derive(data_key)
    return derived[:32], derived[32:]


def place(company_id: UUID, stream_id: UUID, version: int, box: BoxName) -> bytes:
    """The context of one box; a box that is moved elsewhere does not open."""
    return f"{company_id}|{stream_id}|{version}|{box}".encode()


def seal(plaintext: bytes, data_key: bytes, context: bytes, random: Random) -> tuple[str, str]:
    """(box, commitment) as base64url texts; the box is nonce + ciphertext + tag."""
    encryption, commitment = derive(data_key, context)
    nonce = random(NONCE_BYTES)
    box = nonce + AESGCM(encryption).encrypt(nonce, plaintext, context)
    return _text(box), _text(hmac.digest(commitment, plaintext, "sha256"))


def unseal(box: str, commitment: str, data_key: bytes, context: bytes) -> bytes:
    """The plaintext. Raises SealBroken when key, place, box or commitment is not the right one."""
    encryption, committing = derive(data_key, context)
    try:
        sealed, promised = _bytes(box), _bytes(commitment)
        plaintext = AESGCM(encryption).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error
    if not hmac.compare_digest(hmac.digest(committing, plaintext, "sha256"), promised):
        raise SealBroken
    return plaintext


def seal_secret(secret: bytes, data_key: bytes, context: bytes, random: Random) -> bytes:
    """A secret for a credential row; it opens only with the same context (company | user | purpose | generation)."""
    encryption, _ = derive(data_key, b"secret|" + context)
    nonce = random(NONCE_BYTES)
    return nonce + AESGCM(encryption).encrypt(nonce, secret, context)


def open_secret(sealed: bytes, data_key: bytes, context: bytes) -> bytes:
    """The secret. Raises SealBroken for a foreign, moved or damaged row."""
    encryption, _ = derive(data_key, b"secret|" + context)
    try:
        return AESGCM(encryption).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error


def trace_data_key(month_key: bytes, person_key: bytes | None) -> bytes:
    """The key of a traces box: of the month and, where a person is known, of that person too; both must exist."""
    return hmac.digest(month_key, b"factorlog/traces/1" + (person_key or b""), "sha256")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    # What base64.urlsafe_b64decode does, at half its cost: a projection opens a box for nearly every entry.
    return binascii.a2b_base64(text.replace("-", "+").replace("_", "/"))
