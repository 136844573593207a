"""Changing the key-encryption key while the service runs: every data key comes under the current one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from events.sealing import DATA_KEY_BYTES
from services.application.evidence import Progress
from services.application.ports import Clock, KeyUnavailable, KeyWrapper

# After so long every process wraps under the current key.
NOTICED: Final = timedelta(seconds=2)
# After so long nothing is on its way any more that was wrapped before.
SETTLED: Final = timedelta(seconds=30)
_AT_ONCE: Final = 16

Place: TypeAlias = tuple[UUID | str, ...]


class Holder(StrEnum):
    """Whose data key it is."""

    PERSON = "person"
    MONTH = "month"
    INSTALLATION = "installation"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    holder: Holder
    place: Place
    wrapped: bytes = field(repr=False)


class WrappedKeys(Protocol):
    """All wrapped data keys of the installation. Safe beside everything else; raises Unavailable."""

    async def count(self) -> int: ...

    def pages(self) -> AsyncIterator[list[WrappedKey]]:
        """All of them, of one holder a page; what is added meanwhile may be missed."""
        ...

    async def rewrap(self, changes: Sequence[tuple[WrappedKey, bytes]]) -> int:
        """Write those of one page anew, where they are as they were read; how many. Durable when this returns."""
        ...


class OwnKeys(Protocol):
    """Key-encryption keys that are kept here, and not by Vault or KMS. Raises what says why it cannot be done."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The current one first."""
        ...

    @property
    def changed_at(self) -> datetime: ...

    def exclusively(self) -> AbstractContextManager[None]:
        """Nobody else adds or drops keys meanwhile."""
        ...

    def add(self) -> None:
        """A fresh key, current from now on. Durable when this returns: what is wrapped under it needs it."""
        ...

    def drop_old(self) -> None:
        """Forget all but the current one."""
        ...


class KeptElsewhere(Exception):
    """The key-encryption keys are not ours to drop."""


class StillNeeded(Exception):
    """Older keys cannot go: `rows` are how many data keys each of them holds."""

    def __init__(self, rows: Counter[str]) -> None:
        super().__init__()
        self.rows = rows


@dataclass(slots=True)
class Rotated:
    """`is_new`: the key was made now; else an earlier rotation was gone on with, or the key is not ours."""

    key_id: str
    is_new: bool
    rewrapped: Counter[Holder] = field(default_factory=Counter)
    unreadable: int = 0  # data keys that do not open and were left as they are


class KeyRotation:
    """May be interrupted anywhere and begun again: what is to do is read from the rows."""

    def __init__(self, wrapper: KeyWrapper, own: OwnKeys | None, rows: WrappedKeys, clock: Clock) -> None:
        self._wrapper = wrapper
        self._own = own
        self._rows = rows
        self._clock = clock

    async def census(self) -> dict[str, Counter[Holder]]:
        """How many data keys are under which key-encryption key; the current one first, also without any."""
        found = {await self._current(): Counter[Holder]()}
        async for page in self._rows.pages():
            for row in page:
                found.setdefault(self._wrapper.key_id(row.wrapped), Counter())[row.holder] += 1
        return found

    async def rotate(self, progress: Progress) -> Rotated:
        """A fresh key, every data key under it, and once more for what other processes wrapped meanwhile.

        Raises KeyUnavailable, Unavailable, and what OwnKeys raises.
        """
        with self._own.exclusively() if self._own else nullcontext():
            is_new = await self._renew()
            begun = self._clock.now()
            done = Rotated(await self._current(), is_new)
            await self._pass(done, progress)
            await self._clock.sleep_until(begun + NOTICED)
            await self._pass(done, lambda seen, total: None)
        return done

    async def drop_old(self) -> tuple[str, ...]:
        """The ids that went. Raises StillNeeded, KeptElsewhere, Unavailable, and what OwnKeys raises."""
        if self._own is None:
            raise KeptElsewhere
        with self._own.exclusively():
            old = self._own.ids[1:]
            if old:
                await self._demand_unused(old)
                await self._clock.sleep_until(self._own.changed_at + SETTLED)
                await self._demand_unused(old)
                self._own.drop_old()
        return old

    async def _renew(self) -> bool:
        """A fresh key, unless the current one waits for rows: then an earlier rotation was interrupted."""
        if self._own is None:
            return False
        rows = {key_id for key_id, holders in (await self.census()).items() if holders}
        current, *older = self._own.ids
        if rows and not rows & {current, *older}:
            raise KeyUnavailable("no data key is under a key of the file")
        if rows & set(older):
            return False
        self._own.add()
        return True

    async def _pass(self, done: Rotated, progress: Progress) -> None:
        total, seen, done.unreadable = await self._rows.count(), 0, 0
        async for page in self._rows.pages():
            behind = [row for row in page if self._wrapper.key_id(row.wrapped) != done.key_id]
            changes = await self._changes(behind)
            done.unreadable += len(behind) - len(changes)
            done.rewrapped[page[0].holder] += await self._rows.rewrap(changes)
            seen += len(page)
            progress(seen, max(seen, total))

    async def _changes(self, behind: Sequence[WrappedKey]) -> list[tuple[WrappedKey, bytes]]:
        changes = []
        for first in range(0, len(behind), _AT_ONCE):
            some = behind[first : first + _AT_ONCE]
            for row, wrapped in zip(some, await asyncio.gather(*map(self._rewrapped, some)), strict=True):
                if wrapped is not None:
                    changes.append((row, wrapped))
        return changes

    async def _rewrapped(self, row: WrappedKey) -> bytes | None:
        """None: it does not open."""
        try:
            key = await self._wrapper.unwrap(row.wrapped)
        except KeyUnavailable:
            # Or is it the key-encryption key that is away, for this and for every other row?
            await self._wrapper.unwrap(await self._wrapper.wrap(bytes(DATA_KEY_BYTES)))
            return None
        return await self._wrapper.wrap(key)

    async def _current(self) -> str:
        return self._wrapper.key_id(await self._wrapper.wrap(bytes(DATA_KEY_BYTES)))

    async def _demand_unused(self, old: tuple[str, ...]) -> None:
        found = await self.census()
        needed = Counter({key_id: found[key_id].total() for key_id in old if key_id in found})
        if needed:
            raise StillNeeded(needed)
