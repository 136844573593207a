"""Time-based one-time passwords (RFC 6238 on RFC 4226): SHA-1, six digits, 30 seconds. Built on pyotp."""

import base64
import hmac
import re
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

import pyotp

KEY_BYTES: Final = 20  # 160 bits, RFC 4226 §4
LEAST_KEY_BYTES: Final = 16  # 128 bits, the least that RFC 4226 §4 allows
MOST_KEY_BYTES: Final = 128  # no authenticator makes longer ones
DIGITS: Final = 6
PERIOD: Final = 30  # seconds; X of RFC 6238
_SIX_ASCII_DIGITS: Final = re.compile(r"[0-9]{6}", re.ASCII)


def is_code(text: str) -> bool:
    """Exactly six ASCII digits; nothing is normalised into a code."""
    return _SIX_ASCII_DIGITS.fullmatch(text) is not None


def key_text(key: bytes) -> str:
    """The key as people type it: base32 without padding, 32 characters for 160 bits."""
    return base64.b32encode(key).decode().rstrip("=")


def key_from_text(text: str) -> bytes:
    """The key of its base32 text. Raises ValueError when it is none."""
    return base64.b32decode(text + "=" * (-len(text) % 8))


class KeyFault(StrEnum):
    """Why the key of a foreign key URI cannot be used here."""

    UNREADABLE = "unreadable_key_uri"
    COUNTER_BASED = "counter_based"  # HOTP: no time step, so nothing that a window could be laid around
    OTHER_ALGORITHM = "other_algorithm"
    OTHER_DIGITS = "other_digits"
    OTHER_PERIOD = "other_period"
    WEAK = "weak_key"


def key_from_uri(uri: str) -> bytes | KeyFault:
    """The key of a key URI whose authenticator makes the codes that are expected here; else, why not."""
    try:
        parts = urlsplit(uri)
        pairs = parse_qsl(parts.query, max_num_fields=32)
    except ValueError:
        return KeyFault.UNREADABLE
    values = {name.lower(): value for name, value in pairs}
    kind = (parts.scheme, parts.netloc.lower())
    if kind == ("otpauth", "hotp"):
        return KeyFault.COUNTER_BASED
    if kind != ("otpauth", "totp") or len(values) != len(pairs):
        return KeyFault.UNREADABLE
    return _other_codes(values) or _strong_key(values.get("secret", ""))


def _other_codes(values: dict[str, str]) -> KeyFault | None:
    if values.get("algorithm", "SHA1").upper() != "SHA1" or "encoder" in values:
        return KeyFault.OTHER_ALGORITHM
    if values.get("digits", str(DIGITS)) != str(DIGITS):
        return KeyFault.OTHER_DIGITS
    if values.get("period", str(PERIOD)) != str(PERIOD):
        return KeyFault.OTHER_PERIOD
    return None


def _strong_key(text: str) -> bytes | KeyFault:
    try:
        key = key_from_text(text.rstrip("=").upper())
    except ValueError:
        return KeyFault.UNREADABLE
    # Upper case makes ASCII of letters that are none.
    if not key or len(key) > MOST_KEY_BYTES or not text.isascii():
        return KeyFault.UNREADABLE
    is_guessable = len(set(key)) < LEAST_KEY_BYTES // 4  # zeros, a pattern: no generator makes such
    return KeyFault.WEAK if len(key) < LEAST_KEY_BYTES or is_guessable else key


def time_step(at: datetime) -> int:
    """T of RFC 6238 at an instant."""
    return int(at.timestamp()) // PERIOD


def match_time_step(key: bytes, code: str, at: datetime, window: int = 1) -> int | None:
    """The time step that `code` belongs to within `window` steps around `at`, or None (RFC 6238 §5.2)."""
    if not is_code(code):
        return None
    totp = _Totp(key)
    now = totp.timecode(at)
    # From the middle: most codes are of the step that it is now.
    for step in sorted(range(now - window, now + window + 1), key=lambda step: abs(step - now)):
        if hmac.compare_digest(totp.generate_otp(step), code):
            return step
    return None


class _Totp(pyotp.TOTP):
    """pyotp with the key as bytes: its base32 text costs more to read than the three HMACs."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        super().__init__("", digits=DIGITS, interval=PERIOD)

    def byte_secret(self) -> bytes:
        return self._key


def otpauth_uri(key: bytes, issuer: str, account: str) -> str:
    """The key URI that authenticator apps read. `issuer` and `account` may hold any character."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    return (
        f"otpauth://totp/{label}?secret={key_text(key)}&issuer={quote(issuer, safe='')}"
        f"&algorithm=SHA1&digits={DIGITS}&period={PERIOD}"
    )


def code_at(key: bytes, step: int) -> str:
    """The one-time password of a time step: what an authenticator app shows."""
    return pyotp.HOTP(key_text(key), digits=DIGITS).at(step)
