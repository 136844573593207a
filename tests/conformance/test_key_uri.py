"""The key URI that authenticator apps read, and its QR, read back by a foreign reader."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import pyotp
import pytest
import segno

from events.totp import code_at, key_text, otpauth_uri
from services.application.codes import qr_svg

KEY: Final = b"12345678901234567890"
ISSUER: Final = "Acme GmbH"
HARD: Final = {
    "plain": "udo.user",
    "at sign": "udo@acme.example",
    "colon": "acme:udo",
    "percent": "100%udo%41",
    "a secret of its own": "udo&secret=AAAA&issuer=Evil",
    "question mark": "udo?secret=AAAA",
    "hash": "udo#fragment",
    "slash": "udo/../../etc",
    "plus and blank": "udo user+work",
    "quotes": "\"udo'<b>&amp;",
    "umlauts": "jürgen.größe",
    "emoji": "udo🔐👨‍👩‍👧",
    "64 characters": "ü" * 64,
    "right to left": "עודו",
    "control": "udo\tuser\x7f",
}


def read(uri: str) -> tuple[str, str, list[tuple[str, str]]]:
    """(issuer of the label, account, query) as RFC 3986 says."""
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    issuer, _, account = parts.path.removeprefix("/").partition(":")
    return unquote(issuer), unquote(account), parse_qsl(parts.query, strict_parsing=True)


@pytest.mark.parametrize("name", HARD)
def test_the_uri_leads_back_to_the_name_and_has_one_secret(name: str) -> None:
    """E-09."""
    issuer, account, query = read(otpauth_uri(KEY, ISSUER, f"acme:{HARD[name]}"))
    assert (issuer, account) == (ISSUER, f"acme:{HARD[name]}")
    assert sorted(query) == [
        ("algorithm", "SHA1"),
        ("digits", "6"),
        ("issuer", ISSUER),
        ("period", "30"),
        ("secret", key_text(KEY)),
    ]


@pytest.mark.parametrize("name", HARD)
def test_a_hard_issuer_leads_back_too(name: str) -> None:
    issuer, account, query = read(otpauth_uri(KEY, HARD[name], "udo.user"))
    assert (issuer, account) == (HARD[name], "udo.user")
    assert dict(query)["issuer"] == HARD[name]
    assert len(query) == 5


@pytest.mark.parametrize("name", HARD)
def test_the_uri_is_plain_ascii_without_a_blank(name: str) -> None:
    uri = otpauth_uri(KEY, HARD[name], HARD[name])
    assert uri.isascii()
    assert not any(character.isspace() or not character.isprintable() for character in uri)


def test_a_foreign_library_reads_the_key_and_gives_the_same_codes() -> None:
    """O-12."""
    parsed = pyotp.parse_uri(otpauth_uri(KEY, ISSUER, "udo@acme.example"))
    assert isinstance(parsed, pyotp.TOTP)
    assert (parsed.issuer, parsed.name, parsed.digits, parsed.interval) == (ISSUER, "udo@acme.example", 6, 30)
    assert parsed.at(59) == code_at(KEY, 1)


@pytest.fixture(scope="module")
def zbarimg() -> str:
    """The foreign reader; `make test` installs it where it may."""
    found = shutil.which("zbarimg")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("zbarimg is missing: apt-get install zbar-tools")
    if found is None:
        pytest.skip("zbarimg is missing, so no foreign reader has seen the QR: apt-get install zbar-tools")
    return found


@pytest.mark.parametrize("name", HARD)
def test_a_foreign_reader_finds_the_uri_in_the_qr(zbarimg: str, tmp_path: Path, name: str) -> None:
    """E-09, O-12: exactly the shown key, and nothing but the URI."""
    uri = otpauth_uri(KEY, ISSUER, HARD[name])
    image = tmp_path / "qr.png"
    # As the service draws it, but for the form of the picture.
    segno.make(uri, error="m", mask=4, micro=False).save(str(image), scale=4, border=4)
    seen = subprocess.run(
        [zbarimg, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(image)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert seen.stdout.decode().removesuffix("\n") == uri


def test_the_svg_holds_no_text_of_the_uri() -> None:
    """E-04, W-04: a picture, without the key as text, a script, a style or a link."""
    svg = qr_svg(otpauth_uri(KEY, ISSUER, "udo"))
    assert key_text(KEY) not in svg
    for word in ("otpauth", "<script", "style=", "href", "http"):
        assert word not in svg
