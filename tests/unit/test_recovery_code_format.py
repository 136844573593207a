"""Recovery codes as values: their form, what is forgiven, and what is kept of them."""

import re
from collections.abc import Iterator
from hashlib import sha256

import pytest

from events.recovery_codes import CODE_BYTES, find, format_code, hash_code, normalise
from tests.support.given import ident

KEY = sha256(b"one person").digest()
OTHER_KEY = sha256(b"another person").digest()


def secrets(count: int) -> Iterator[bytes]:
    return (sha256(f"secret {n}".encode()).digest()[:CODE_BYTES] for n in range(count))


def test_a_code_is_sixteen_base32_characters_in_groups_of_four() -> None:
    """R-01: 80 bits, no ambiguous characters."""
    for secret in secrets(1000):
        assert re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", format_code(secret))


def test_different_secrets_give_different_codes() -> None:
    """R-01: nothing is cut off."""
    assert len({format_code(secret) for secret in secrets(1000)}) == 1000
    assert CODE_BYTES * 8 == 80


@pytest.mark.parametrize(
    "given", ["abcd-efgh-ijkl-mnop", "ABCDEFGHIJKLMNOP", "AbCd-EfGhIjKl-mNoP", "-ABCDEFGH-IJKLMNOP-"]
)
def test_case_and_hyphens_are_forgiven(given: str) -> None:
    """R-10."""
    assert normalise(given) == "ABCDEFGHIJKLMNOP"
    assert hash_code(given, KEY) == hash_code("ABCD-EFGH-IJKL-MNOP", KEY)


@pytest.mark.parametrize(
    "given",
    ["ABCD EFGH IJKL MNOP", "ABCD-EFGH-IJKL-MNO0", "ABCD-EFGH-IJKL-MNO", "", "ABCD–EFGH–IJKL–MNOP", "\ud800", "\x00"],
)
def test_nothing_else_is_forgiven(given: str) -> None:
    """R-10: and any string at all is a try, none an error."""
    assert find(given, KEY, [(ident("code"), hash_code("ABCD-EFGH-IJKL-MNOP", KEY))]) is None


def test_every_code_of_a_set_is_found_wherever_it_stands() -> None:
    codes = [format_code(secret) for secret in secrets(10)]
    stored = [(ident(code), hash_code(code, KEY)) for code in codes]
    for code in codes:
        assert find(code.lower(), KEY, stored) == ident(code)
        assert find(code, KEY, reversed(stored)) == ident(code)
    assert find(format_code(b"x" * CODE_BYTES), KEY, stored) is None
    assert find(codes[0], KEY, []) is None


def test_equal_codes_of_two_people_have_different_hashes() -> None:
    """R-03, R-05: a code belongs to its user."""
    assert hash_code("ABCD-EFGH-IJKL-MNOP", KEY) != hash_code("ABCD-EFGH-IJKL-MNOP", OTHER_KEY)
    assert find("ABCD-EFGH-IJKL-MNOP", OTHER_KEY, [(ident("code"), hash_code("ABCD-EFGH-IJKL-MNOP", KEY))]) is None


def test_what_is_kept_does_not_hold_the_code() -> None:
    """R-03."""
    kept = hash_code("ABCD-EFGH-IJKL-MNOP", KEY)
    assert len(kept) == 32
    assert b"ABCD" not in kept
