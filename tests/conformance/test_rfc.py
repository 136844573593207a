"""RFC 4226 and RFC 6238: vectors copied from the documents; nothing else counts as proof of the algorithm."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pyotp
import pytest

from events.totp import DIGITS, PERIOD, code_at, is_code, key_from_text, key_text, match_time_step, time_step

# The shared secret of both appendices: 20 bytes of ASCII.
KEY: Final = b"12345678901234567890"

# RFC 4226, appendix D: count, truncated decimal (the whole 31-bit number), HOTP.
RFC_4226_D: Final = [
    (0, 1284755224, "755224"),
    (1, 1094287082, "287082"),
    (2, 137359152, "359152"),
    (3, 1726969429, "969429"),
    (4, 1640338314, "338314"),
    (5, 868254676, "254676"),
    (6, 1918287922, "287922"),
    (7, 82162583, "162583"),
    (8, 673399871, "399871"),
    (9, 645520489, "520489"),
]

# RFC 6238, appendix B: time in seconds, T in hex, TOTP of 8 digits; the rows of mode SHA1.
RFC_6238_B: Final = [
    (59, "0000000000000001", "94287082"),
    (1111111109, "00000000023523EC", "07081804"),
    (1111111111, "00000000023523ED", "14050471"),
    (1234567890, "000000000273EF07", "89005924"),
    (2000000000, "0000000003F940AA", "69279037"),
    (20000000000, "0000000027BC86AA", "65353130"),
]


def instant(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(("count", "truncated", "hotp"), RFC_4226_D)
def test_hotp_gives_the_values_of_rfc_4226_appendix_d(count: int, truncated: int, hotp: str) -> None:
    assert code_at(KEY, count) == hotp
    assert str(truncated)[-6:] == hotp
    # All digits of the truncated number, so that the six are no accident.
    whole = pyotp.HOTP(key_text(KEY), digits=10).at(count)
    assert int(whole) == truncated


@pytest.mark.parametrize(("seconds", "step", "totp"), RFC_6238_B)
def test_totp_gives_the_values_of_rfc_6238_appendix_b(seconds: int, step: str, totp: str) -> None:
    """O-12: eight digits as printed there, and ours are their last six."""
    assert time_step(instant(seconds)) == int(step, 16)
    assert pyotp.HOTP(key_text(KEY), digits=8).at(int(step, 16)) == totp
    assert code_at(KEY, int(step, 16)) == totp[-DIGITS:]


@pytest.mark.parametrize(("seconds", "step", "totp"), RFC_6238_B)
def test_the_verifier_accepts_these_values_and_names_their_step(seconds: int, step: str, totp: str) -> None:
    assert match_time_step(KEY, totp[-DIGITS:], instant(seconds), window=0) == int(step, 16)


@pytest.mark.parametrize("offset", range(-3, 4))
def test_only_the_step_now_and_its_neighbours_match(offset: int) -> None:
    """O-04, RFC 6238 §5.2: at most one step of delay, and of drift."""
    now = instant(2_000_000_015)
    code = code_at(KEY, time_step(now) + offset)
    expected = time_step(now) + offset if abs(offset) <= 1 else None
    assert match_time_step(KEY, code, now) == expected


@pytest.mark.parametrize("offset", range(-2, 3))
def test_the_window_can_be_closed(offset: int) -> None:
    now = instant(2_000_000_015)
    matched = match_time_step(KEY, code_at(KEY, time_step(now) + offset), now, window=0)
    assert matched == (time_step(now) if offset == 0 else None)


@pytest.mark.parametrize("second", [0, 0.001, 14.5, 29, 29.999])
def test_a_step_is_the_same_for_all_of_its_thirty_seconds(second: float) -> None:
    """RFC 6238 §4.2: T is floored."""
    assert time_step(instant(PERIOD * 1000 + second)) == 1000


def test_the_step_does_not_depend_on_the_zone() -> None:
    """O-05: an instant is an instant."""
    here = datetime.fromisoformat("2026-03-02T13:00:00+01:00")
    assert time_step(here) == time_step(here.astimezone(UTC))


@pytest.mark.parametrize("zeros", ["0", "00", "000"])
def test_leading_zeros_survive(zeros: str) -> None:
    """O-07."""
    step = next(step for step in range(10_000) if code_at(KEY, step).startswith(zeros))
    code = code_at(KEY, step)
    assert len(code) == DIGITS
    at = instant(step * PERIOD)
    assert match_time_step(KEY, code, at) == step
    assert match_time_step(KEY, code.lstrip("0"), at) is None


NO_CODES: Final = [
    "",
    "12345",
    "1234567",
    " 755224",
    "755224 ",
    "755 224",
    "755-224",
    "755224\n",
    "75522４",
    "７５５２２４",
    "٧٥٥٢٢٤",
    "+755224",
    "-75522",
    "7.5224",
    "0x7552",
    "755_224",
    "7e5224",
    "755224\x00",
    "²³¹²³¹",
    "abcdef",
    "755224\u200b",
]


@pytest.mark.parametrize("text", NO_CODES)
def test_what_is_not_six_ascii_digits_is_no_code(text: str) -> None:
    """O-06: nothing is normalised into a valid code."""
    assert not is_code(text)
    assert match_time_step(KEY, text, instant(0)) is None


def test_six_ascii_digits_are_a_code() -> None:
    assert is_code("755224")
    assert match_time_step(KEY, "755224", instant(0), window=0) == 0


def test_the_key_text_is_32_characters_of_base32_and_leads_back() -> None:
    """O-11: 160 bits, RFC 4226 §4."""
    for key in (KEY, bytes(20), bytes([255]) * 20):
        text = key_text(key)
        assert len(text) == 32
        assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
        assert key_from_text(text) == key
