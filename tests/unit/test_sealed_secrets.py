"""Sealed keys: a row that is moved, damaged or opened with another key does not open."""

from hashlib import sha256

import pytest

from events.sealing import SealBroken, open_secret, seal_secret
from tests.support.samples import Nonces

DATA_KEY = sha256(b"one person").digest()
SECRET = b"12345678901234567890"
CONTEXT = b"company|user|key|1"


def sealed(context: bytes = CONTEXT) -> bytes:
    return seal_secret(SECRET, DATA_KEY, context, Nonces("secret"))


def test_it_opens_where_it_was_sealed() -> None:
    assert open_secret(sealed(), DATA_KEY, CONTEXT) == SECRET
    assert SECRET not in sealed()


@pytest.mark.parametrize(
    "context", [b"other|user|key|1", b"company|other|key|1", b"company|user|pending_key|1", b"company|user|key|2", b""]
)
def test_it_opens_for_no_other_company_user_purpose_or_generation(context: bytes) -> None:
    """C-02."""
    with pytest.raises(SealBroken):
        open_secret(sealed(), DATA_KEY, context)


def test_it_opens_with_no_other_key() -> None:
    """C-04: fail closed."""
    with pytest.raises(SealBroken):
        open_secret(sealed(), sha256(b"another").digest(), CONTEXT)


def test_no_flipped_bit_and_no_cut_goes_unnoticed() -> None:
    row = sealed()
    for at in range(len(row)):
        with pytest.raises(SealBroken):
            open_secret(row[:at] + bytes([row[at] ^ 1]) + row[at + 1 :], DATA_KEY, CONTEXT)
        with pytest.raises(SealBroken):
            open_secret(row[:at], DATA_KEY, CONTEXT)
