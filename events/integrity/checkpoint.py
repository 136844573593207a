"""A checkpoint: whose log, how many entries, which root (C2SP tlog-checkpoint)."""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from events.integrity.note import NoteRefused, VerifierKey, opened, sign

_BODY: Final = re.compile(
    r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*", re.ASCII
)


# A company's log ends with its id, and a number when it was opened anew.
_OF_COMPANY: Final = re.compile(
    r"(?P<log>.*/(?P<company>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))(?:/[1-9][0-9]*)?"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def signed(self, seed: bytes) -> str:
        """As a note; the key's name is the origin."""
        return sign(self.body, self.origin, seed)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed checkpoint as it is kept."""

    size: int
    note: str
    at: datetime


def parse_body(text: str) -> Checkpoint:
    """Raises NoteRefused."""
    found = _BODY.fullmatch(text)
    if found is None:
        raise NoteRefused("this is no checkpoint")
    return Checkpoint(found["origin"], int(found["size"]), b64decode(found["root"]))


def checkpoint_of(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint that this key signed under its own name. Raises NoteRefused."""
    checkpoint = parse_body(opened(note, key))
    if checkpoint.origin != key.name:
        raise NoteRefused("it is the checkpoint of another log")
    return checkpoint


def company_of(origin: str) -> str | None:
    """Of a company's log; the log of checkpoints has none."""
    found = _OF_COMPANY.fullmatch(origin)
    return found["company"] if found else None


def checkpoint_of_log(note: str, key: VerifierKey) -> Checkpoint:
    """The same, also of another origin of the log that the key is named for: a restored log has a new one.

    Raises NoteRefused.
    """
    origin = unverified(note).origin
    if company_of(origin) is not None and _without_epoch(origin) == _without_epoch(key.name):
        return checkpoint_of(note, VerifierKey(origin, key.key))
    return checkpoint_of(note, key)


def _without_epoch(origin: str) -> str:
    found = _OF_COMPANY.fullmatch(origin)
    return found["log"] if found else origin


def unverified(note: str) -> Checkpoint:
    """What a note says, whoever signed it. Raises NoteRefused."""
    return parse_body(note.rpartition("\n\n")[0] + "\n")
