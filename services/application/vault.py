"""Data keys in clear for the length of one act, and the secrets that they seal."""

from collections import OrderedDict
from datetime import datetime
from typing import Final
from uuid import UUID

from events.envelope import month_of
from events.sealing import DATA_KEY_BYTES, SealBroken, derive, open_secret, seal_secret
from events.store.port import EventStore
from services.application.ports import Entropy, KeyUnavailable, KeyWrapper

_MONTH_KEYS: Final = 20_000  # companies whose current trace key is kept in memory


class Vault:
    """Opens and makes data keys; seals authenticator keys for one user, purpose and generation."""

    def __init__(self, store: EventStore, wrapper: KeyWrapper, entropy: Entropy) -> None:
        self._store = store
        self._wrapper = wrapper
        self._entropy = entropy
        self._pepper: bytes | None = None
        self._month = ""
        self._month_keys: OrderedDict[UUID, bytes] = OrderedDict()  # of that month

    async def new_person_key(self) -> tuple[bytes, bytes]:
        """(data key, wrapped form)."""
        key = self._entropy.bytes(DATA_KEY_BYTES)
        return key, await self._wrapper.wrap(key)

    async def person_key(self, wrapped: bytes | None) -> bytes:
        """Raises KeyUnavailable, also for a person whose key is gone."""
        if wrapped is None:
            raise KeyUnavailable("no data key")
        return await self._wrapper.unwrap(wrapped)

    async def month_key(self, company_id: UUID, at: datetime) -> bytes | None:
        """The trace key of the month of that moment, made for its first trace; None when it was destroyed."""
        month = month_of(at)
        if month != self._month:
            # Those of a month that is over are let go, long before they are destroyed.
            self._month = month
            self._month_keys.clear()
        cached = self._month_keys.get(company_id)
        if cached is not None:
            return cached
        wrapped = await self._store.trace_key(company_id, month)
        if wrapped is None:
            fresh = await self._wrapper.wrap(self._entropy.bytes(DATA_KEY_BYTES))
            wrapped = await self._store.offer_trace_key(company_id, month, fresh)
        if wrapped is None:
            return None
        key = await self._wrapper.unwrap(wrapped)
        if month == self._month:
            self._month_keys[company_id] = key
        if len(self._month_keys) > _MONTH_KEYS:
            self._month_keys.popitem(last=False)
        return key

    async def pepper(self) -> bytes:
        """The key of keyed hashes of addresses and logins; made at the installation's first use."""
        if self._pepper is None:
            self._pepper = await self.installation_key("pepper")
        return self._pepper

    async def installation_key(self, name: str) -> bytes:
        """A key of the whole installation; made when it is first asked for."""
        wrapped = await self._store.installation_key(name)
        if wrapped is None:
            fresh = await self._wrapper.wrap(self._entropy.bytes(DATA_KEY_BYTES))
            wrapped = await self._store.offer_installation_key(name, fresh)
        return await self._wrapper.unwrap(wrapped)

    async def check(self) -> None:
        """Does the key-encryption key open what this installation wrapped? Raises KeyUnavailable, Unavailable."""
        wrapped = await self._store.installation_key("pepper")
        if wrapped is not None:
            await self._wrapper.unwrap(wrapped)

    def seal_key(self, key: bytes, data_key: bytes, company_id: UUID, user_id: UUID, purpose: str, gen: int) -> bytes:
        return seal_secret(key, data_key, _context(company_id, user_id, purpose, gen), self._entropy.bytes)

    def open_key(
        self, sealed: bytes | None, data_key: bytes, company_id: UUID, user_id: UUID, purpose: str, gen: int
    ) -> bytes | None:
        """None when the stored key is not this user's key of this purpose and generation."""
        if sealed is None:
            return None
        try:
            return open_secret(sealed, data_key, _context(company_id, user_id, purpose, gen))
        except SealBroken:
            return None


def recovery_key(data_key: bytes) -> bytes:
    """The HMAC key of one person's recovery codes."""
    return derive(data_key, b"recovery-codes")[1]


def _context(company_id: UUID, user_id: UUID, purpose: str, generation: int) -> bytes:
    return f"{company_id}|{user_id}|{purpose}|{generation}".encode()
