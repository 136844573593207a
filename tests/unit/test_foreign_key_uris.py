"""Key URIs of other systems: taken where their authenticator's codes are ours, and else told why not."""

import base64
from datetime import UTC, datetime
from typing import Final

import pyotp
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from events.totp import KeyFault, key_from_uri, key_text, match_time_step, otpauth_uri, time_step

KEY: Final = b"12345678901234567890"
TEXT: Final = key_text(KEY)
NOON: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("account", ["udo.user", "acme:udo@acme.example", "100%&secret=AAAA", "jürgen größe", "🔐"])
def test_an_own_uri_gives_its_key_back(account: str) -> None:
    assert key_from_uri(otpauth_uri(KEY, "Acme & Söhne", account)) == KEY


@pytest.mark.parametrize(
    "uri",
    [
        f"otpauth://totp/udo?secret={TEXT}",
        f"OTPAUTH://TOTP/udo?SECRET={TEXT.lower()}",
        f"otpauth://totp/a%3Audo?secret={TEXT}&issuer=another&image=https%3A%2F%2Facme.example%2Flogo.png",
        f"otpauth://totp/udo?secret={TEXT}&algorithm=sha1&digits=6&period=30",
        f"otpauth://totp/udo?algorithm=&digits=&period=&secret={TEXT}",
        f"otpauth://totp/?secret={TEXT}",
    ],
)
def test_what_other_systems_write_is_read(uri: str) -> None:
    assert key_from_uri(uri) == KEY


def test_padding_is_no_part_of_the_key() -> None:
    key = b"sixteen bytes ok"
    padded = base64.b32encode(key).decode()
    assert padded.endswith("=")
    assert key_from_uri(f"otpauth://totp/udo?secret={padded}") == key
    assert key_from_uri(f"otpauth://totp/udo?secret={padded.replace('=', '%3D')}") == key


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        (f"otpauth://hotp/udo?secret={TEXT}&counter=1", KeyFault.COUNTER_BASED),
        (f"otpauth://totp/udo?secret={TEXT}&algorithm=SHA256", KeyFault.OTHER_ALGORITHM),
        (f"otpauth://totp/udo?secret={TEXT}&algorithm=MD5", KeyFault.OTHER_ALGORITHM),
        (f"otpauth://totp/Steam:udo?secret={TEXT}&encoder=steam", KeyFault.OTHER_ALGORITHM),
        (f"otpauth://totp/udo?secret={TEXT}&digits=8", KeyFault.OTHER_DIGITS),
        (f"otpauth://totp/udo?secret={TEXT}&digits=six", KeyFault.OTHER_DIGITS),
        (f"otpauth://totp/udo?secret={TEXT}&period=60", KeyFault.OTHER_PERIOD),
        (f"otpauth://totp/udo?secret={TEXT}&period=-30", KeyFault.OTHER_PERIOD),
        ("otpauth://totp/udo?secret=JBSWY3DPEHPK3PXP", KeyFault.WEAK),
        (f"otpauth://totp/udo?secret={key_text(b'fifteen bytes.!')}", KeyFault.WEAK),
        (f"otpauth://totp/udo?secret={'A' * 32}", KeyFault.WEAK),
        (f"otpauth://totp/udo?secret={key_text(b'abcabcabcabcabcabcab')}", KeyFault.WEAK),
        ("", KeyFault.UNREADABLE),
        (TEXT, KeyFault.UNREADABLE),
        (f"https://totp/udo?secret={TEXT}", KeyFault.UNREADABLE),
        (f"otpauth://yubikey/udo?secret={TEXT}", KeyFault.UNREADABLE),
        (f"otpauth://[totp/udo?secret={TEXT}", KeyFault.UNREADABLE),
        ("otpauth://totp/udo", KeyFault.UNREADABLE),
        ("otpauth://totp/udo?secret=", KeyFault.UNREADABLE),
        ("otpauth://totp/udo?secret=====", KeyFault.UNREADABLE),
        (f"otpauth://totp/udo?secret={TEXT}&secret={TEXT}", KeyFault.UNREADABLE),
        (f"otpauth://totp/udo?secret={TEXT[:-1]}1", KeyFault.UNREADABLE),
        (f"otpauth://totp/udo?secret={TEXT}A", KeyFault.UNREADABLE),
        (f"otpauth://totp/udo?secret={TEXT[:-1]}%00", KeyFault.UNREADABLE),
        (f"otpauth://totp/udo?secret={TEXT[:-1]}ſ", KeyFault.UNREADABLE),
        (f"otpauth://totp/udo?secret={key_text(bytes(129))}", KeyFault.UNREADABLE),
        (f"otpauth://totp/udo?secret={TEXT}{'&a=1' * 40}", KeyFault.UNREADABLE),
    ],
)
def test_what_cannot_be_used_has_one_reason(uri: str, fault: KeyFault) -> None:
    assert key_from_uri(uri) is fault


@for_all(st.text() | st.text().map(lambda text: f"otpauth://totp/{text}") | st.text().map("otpauth://totp/a?".__add__))
def test_no_text_makes_it_raise(text: str) -> None:
    assert isinstance(key_from_uri(text), bytes | KeyFault)


@pytest.mark.parametrize("length", [16, 17, 20, 25, 32, 63, 64, 65, 128])
def test_keys_of_every_length_make_the_codes_of_their_authenticator(length: int) -> None:
    """RFC 2104 hashes keys beyond a block of SHA-1, 64 bytes, first: nothing of it is special here."""
    key = bytes(range(1, length + 1))
    found = key_from_uri(f"otpauth://totp/udo?secret={key_text(key)}")
    assert isinstance(found, bytes)
    code = pyotp.TOTP(key_text(key)).at(NOON)
    assert match_time_step(found, code, NOON) == time_step(NOON)
