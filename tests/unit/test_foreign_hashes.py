"""Password hashes of other systems: told by their form alone, and none that the library could not hold against."""

from collections.abc import Iterator
from typing import Any

import pytest
from argon2 import PasswordHasher, Type
from argon2.exceptions import VerificationError
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.adapters.passwords import Argon2Passwords
from tests.support.service import cheap_passwords

# Always the same one: texts name their tests.
SALTED = bytes(range(16))
HASH = PasswordHasher(memory_cost=64, time_cost=2, parallelism=2).hash("a password", salt=SALTED)
HEAD = "$argon2id$v=19$m=64,t=2,p=2$"
SALT, KEY = HASH.split("$")[-2:]


@pytest.fixture(scope="module")
def passwords() -> Iterator[Argon2Passwords]:
    made = cheap_passwords()
    yield made
    made.close()


@pytest.mark.parametrize(
    "values",
    [
        {"memory_cost": 8, "time_cost": 1, "parallelism": 1},
        {"memory_cost": 19456, "time_cost": 2, "parallelism": 1},
        {"memory_cost": 65536, "time_cost": 1, "parallelism": 4},
        {"memory_cost": 128, "time_cost": 1, "parallelism": 16},
        {"memory_cost": 8, "time_cost": 1, "parallelism": 1, "salt_len": 8, "hash_len": 16},
        {"memory_cost": 8, "time_cost": 1, "parallelism": 1, "salt_len": 64, "hash_len": 64},
    ],
)
async def test_what_the_library_makes_is_taken_and_verifies(passwords: Argon2Passwords, values: Any) -> None:
    made = PasswordHasher(**values).hash("ein Kennwort")
    assert passwords.is_acceptable(made)
    assert await passwords.verify("udo", made.encode(), "ein Kennwort")
    assert not await passwords.verify("udo", made.encode(), "ein Kennwort!")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a password",
        PasswordHasher(memory_cost=8, time_cost=1, parallelism=1, type=Type.I).hash("x", salt=SALTED),
        PasswordHasher(memory_cost=8, time_cost=1, parallelism=1, type=Type.D).hash("x", salt=SALTED),
        "$2b$12$C6UzMDM.H6dfI/f/IKcEeO7ZQHnjkRZJ1vEWfYj3Z8e3nKuhWJE2y",
        "pbkdf2_sha256$600000$salt$K1p8H9",
        HASH.replace("v=19", "v=16"),
        HASH.replace("$v=19", ""),
        HASH.replace("m=64", "m=064"),
        HASH.replace("m=64", "m=-64"),
        HASH.replace("m=64", "m=٦٤"),
        HASH.replace("m=64,t=2", "t=2,m=64"),
        HASH.replace("p=2", "p=2,keyid=AAAA"),
        HASH.replace("m=64", "m=15"),  # less than 8 KiB a lane
        HASH.replace("m=64", "m=262145"),
        HASH.replace("m=64,t=2", "m=262144,t=5"),
        HASH.replace("t=2", "t=9999999"),
        HASH.replace("m=64,t=2,p=2", "m=1024,t=2,p=17"),
        HASH.replace("m=64", "m=" + "9" * 5000),
        HASH + "=",
        HASH + "\n",
        " " + HASH,
        HASH + "$",
        HEAD + SALT,
        HEAD + "$" + KEY,
        HEAD + "c2FsdHNhbA$" + KEY,  # seven bytes of salt
        HEAD + SALT + "$AAAAAAAAAAAAAAAAAAAA",  # fifteen bytes of hash
        HEAD + SALT + "$" + KEY[:-2],  # a length that base64 has not
        HEAD + SALT + "$" + KEY.replace(KEY[0], "-", 1),
        HASH + "A" * 70_000,
    ],
)
def test_anything_else_is_not(passwords: Argon2Passwords, text: str) -> None:
    assert not passwords.is_acceptable(text)


def test_a_spelling_that_the_library_does_not_read_is_not_taken(passwords: Argon2Passwords) -> None:
    """Its last letter has bits that no byte needs: the owner could never sign in."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = HASH[:-1] + letters[letters.index(HASH[-1]) + 1]
    with pytest.raises(VerificationError):
        PasswordHasher().verify(other, "a password")
    assert passwords.is_acceptable(HASH)
    assert not passwords.is_acceptable(other)


@for_all(st.text() | st.text(alphabet="$argon2id=v19mtp,AZaz/+").map(HEAD.__add__))
def test_no_text_makes_it_raise(text: str) -> None:
    passwords = cheap_passwords()
    try:
        assert passwords.is_acceptable(text) in (True, False)
    finally:
        passwords.close()
