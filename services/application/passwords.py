"""Passwords that the program makes up for people."""

from typing import Final

from services.application.ports import Entropy

# No characters that are taken for each other on paper or on the phone.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH: Final = 20  # more than 110 bits


def generate_password(entropy: Entropy) -> str:
    """A random password in groups of five."""
    letters: list[str] = []
    while len(letters) < _LENGTH:
        # Values beyond the last full multiple are thrown away, so that every letter is as likely.
        letters += [_ALPHABET[b % len(_ALPHABET)] for b in entropy.bytes(_LENGTH) if b < 256 - 256 % len(_ALPHABET)]
    text = "".join(letters[:_LENGTH])
    return "-".join(text[i : i + 5] for i in range(0, _LENGTH, 5))
