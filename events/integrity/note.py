"""Signed notes with Ed25519 (C2SP signed-note), and their verifier keys."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519: Final = b"\x01"
_DASH: Final = "\u2014 "


class NoteRefused(Exception):
    """No note, or not signed by this key; the text says which."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """`name+id+key`, as it is handed to those who verify."""

    name: str
    key: bytes  # Ed25519 public key, 32 bytes

    def __str__(self) -> str:
        return f"{self.name}+{key_id(self.name, self.key).hex()}+{b64encode(_ED25519 + self.key).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Raises NoteRefused."""
        name, _, rest = text.strip().partition("+")
        shown, _, encoded = rest.partition("+")
        try:
            raw = b64decode(encoded, validate=True)
        except NotBase64 as error:
            raise NoteRefused("this is no verifier key") from error
        key = cls(name, raw[1:])
        if not is_name(name) or raw[:1] != _ED25519 or len(raw) != 33 or key_id(name, key.key).hex() != shown:
            raise NoteRefused("this is no Ed25519 verifier key")
        return key


def is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def key_id(name: str, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + key).digest()[:4]


def verifier_key(name: str, seed: bytes) -> VerifierKey:
    return VerifierKey(name, Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def sign(text: str, name: str, seed: bytes) -> str:
    """The note of a text that ends with a line break. The same text gives the same note (RFC 8032 is deterministic)."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    known = key_id(name, private.public_key().public_bytes_raw())
    return f"{text}\n{_DASH}{name} {b64encode(known + private.sign(text.encode())).decode()}\n"


def opened(note: str, key: VerifierKey) -> str:
    """The text, when this key signed it; signatures of others are passed over. Raises NoteRefused."""
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise NoteRefused("this is no signed note")
    text += "\n"
    known = key_id(key.name, key.key)
    for line in signatures[:-1].split("\n"):
        signature = _signature(line, key.name, known)
        if signature is not None:
            _verify(key.key, signature, text)
            return text
    raise NoteRefused("it is not signed by this key")


def _signature(line: str, name: str, known: bytes) -> bytes | None:
    if not line.startswith(_DASH):
        raise NoteRefused("this is no signed note")
    signer, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        raw = b64decode(encoded, validate=True)
    except NotBase64 as error:
        raise NoteRefused("a signature is not base64") from error
    return raw[4:] if signer == name and raw[:4] == known else None


def _verify(key: bytes, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text.encode())
    except InvalidSignature as error:
        raise NoteRefused("its signature is wrong") from error
