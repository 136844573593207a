"""Signing checkpoints: never two trees of one size, never one that does not extend the last one signed."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from events.integrity.checkpoint import Checkpoint, checkpoint_of
from events.integrity.note import NoteRefused, VerifierKey, verifier_key
from events.sealing import DATA_KEY_BYTES
from events.store.port import EventStore
from services.application.ports import Entropy, KeyWrapper

_KEY_NAME: Final = "log_signing"
_TRIES: Final = 20

# The root of the tree as it was when it had so many entries.
RootAt = Callable[[int], Awaitable[bytes]]


class SigningRefused(Exception):
    """What would be signed contradicts what was signed; the text says how. An alarm, never to be passed over."""


class LastSigned(Protocol):
    """The last signed checkpoint of each origin, kept outside the database."""

    async def read(self, origin: str) -> str | None:
        """The note. Raises SigningRefused when it cannot be looked at."""
        ...

    async def advance(self, origin: str, expected: str | None, note: str) -> bool:
        """Durable when true; false when what is kept is not `expected`. Raises SigningRefused when it cannot be."""
        ...


class Signer:
    """Holds the installation's signing key; it is wrapped like every other key."""

    def __init__(self, store: EventStore, wrapper: KeyWrapper, entropy: Entropy, last: LastSigned) -> None:
        self._store = store
        self._wrapper = wrapper
        self._entropy = entropy
        self._last = last
        self._seed: bytes | None = None

    async def verifier_key(self, origin: str) -> VerifierKey:
        """Raises KeyUnavailable."""
        return verifier_key(origin, await self._key())

    async def last_signed(self, origin: str) -> Checkpoint | None:
        """What is kept outside the database. Raises SigningRefused, KeyUnavailable."""
        note = await self._last.read(origin)
        return self._opened(note, verifier_key(origin, await self._key())) if note is not None else None

    async def sign(self, head: Checkpoint, signed_size: int, root_at: RootAt) -> str:
        """The note of a tree whose leaves are durable; `signed_size` is what the database says was signed.

        Raises SigningRefused, KeyUnavailable.
        """
        seed = await self._key()
        key = verifier_key(head.origin, seed)
        for _ in range(_TRIES):
            note = await self._last.read(head.origin)
            if note is not None:
                last = self._opened(note, key)
                await _demand_extends(last, head, root_at)
                if last.size == head.size:
                    return note
            elif signed_size:
                raise SigningRefused("the record of the last signed checkpoint is gone")
            fresh = head.signed(seed)
            if await self._last.advance(head.origin, note, fresh):
                return fresh
        raise SigningRefused("others sign all the time")

    def _opened(self, note: str, key: VerifierKey) -> Checkpoint:
        try:
            return checkpoint_of(note, key)
        except NoteRefused as error:
            raise SigningRefused(f"the record of the last signed checkpoint is not ours: {error}") from error

    async def _key(self) -> bytes:
        if self._seed is None:
            wrapped = await self._store.installation_key(_KEY_NAME)
            if wrapped is None:
                fresh = await self._wrapper.wrap(self._entropy.bytes(DATA_KEY_BYTES))
                wrapped = await self._store.offer_installation_key(_KEY_NAME, fresh)
            self._seed = await self._wrapper.unwrap(wrapped)
        return self._seed


async def _demand_extends(last: Checkpoint, head: Checkpoint, root_at: RootAt) -> None:
    if last.size > head.size:
        raise SigningRefused(f"size {last.size} was signed, the database has {head.size}: it was set back")
    if last.size == head.size and last.root != head.root:
        raise SigningRefused(f"another tree of size {last.size} was signed")
    if last.size < head.size and await root_at(last.size) != last.root:
        raise SigningRefused(f"the tree does not extend the one of size {last.size} that was signed")
