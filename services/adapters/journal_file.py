"""The journal as a file: one JSON object a line, chained by hashes, only ever extended. docs/log-format.md, 6."""

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from errno import ENOSPC
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import UUID

from services.application.journal import Erased, JournalContents, JournalUnavailable, Month

_FIRST: Final = "0" * 64  # what the first line goes on from
_Entry: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class _Known:
    """What this process has read so far, and where it goes on."""

    epoch: int = 0
    erased: set[Erased] = field(default_factory=set)
    months: set[Month] = field(default_factory=set)
    erased_since: set[Erased] = field(default_factory=set)
    months_since: set[Month] = field(default_factory=set)
    chain: str = _FIRST
    end: int = 0
    lines: int = 0


class JournalFile:
    """Journal in a file of mode 0600 that several processes may extend."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()
        self._known = _Known()

    async def contents(self) -> JournalContents:
        await self._extend(lambda known: ())
        known = self._known
        return JournalContents(
            epoch=known.epoch,
            erased=frozenset(known.erased),
            months=frozenset(known.months),
            erased_since=frozenset(known.erased_since),
            months_since=frozenset(known.months_since),
        )

    async def epoch_begun(self, epoch: int, at: datetime) -> None:
        entry = {"kind": "epoch", "epoch": epoch, "at": at.isoformat()}
        await self._extend(lambda known: (entry,) if epoch > known.epoch else ())

    async def erased(self, people: Iterable[Erased]) -> None:
        asked = sorted(people)
        await self._extend(lambda known: [_erased(one) for one in asked if one not in known.erased])

    async def months_destroyed(self, months: Iterable[Month]) -> None:
        asked = sorted(months)
        await self._extend(lambda known: [_destroyed(one) for one in asked if one not in known.months])

    async def _extend(self, entries: Callable[[_Known], Iterable[_Entry]]) -> None:
        """Read what others wrote, and write what is not there yet. Off the event loop: it waits for the disk."""
        async with self._turn:
            await asyncio.to_thread(self._extend_now, entries)

    def _extend_now(self, entries: Callable[[_Known], Iterable[_Entry]]) -> None:
        try:
            with _locked(self._path) as handle:
                torn = self._catch_up(handle)
                fresh = _lines(self._known.chain, entries(self._known))
                if torn and fresh:
                    # A line without its end was never answered for: whoever wrote it died.
                    os.ftruncate(handle, self._known.end)
                if fresh:
                    if os.pwrite(handle, fresh, self._known.end) != len(fresh):
                        raise OSError(ENOSPC, os.strerror(ENOSPC))
                    os.fsync(handle)
                    self._catch_up(handle)
        except OSError as error:
            raise JournalUnavailable(f"the journal {self._path} cannot be written ({error.strerror})") from error

    def _catch_up(self, handle: int) -> bool:
        """Read on from where this process was; True where the file ends within a line."""
        known, size = self._known, os.fstat(handle).st_size
        if size < known.end:
            raise JournalUnavailable(f"the journal {self._path} is shorter than it was")
        whole, _, torn = os.pread(handle, size - known.end, known.end).rpartition(b"\n")
        for line in whole.split(b"\n") if whole else ():
            self._take(line)
        return bool(torn)

    def _take(self, line: bytes) -> None:
        known = self._known
        try:
            entry = json.loads(line)
            chain = entry.pop("chain")
            if chain != _chained(known.chain, entry):
                raise ValueError("chain")
            _remember(known, entry)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JournalUnavailable(f"the journal {self._path} is damaged in line {known.lines + 1}") from error
        known.chain, known.end, known.lines = chain, known.end + len(line) + 1, known.lines + 1


def _erased(one: Erased) -> _Entry:
    return {"kind": "erased", "company_id": str(one[0]), "user_id": str(one[1])}


def _destroyed(one: Month) -> _Entry:
    return {"kind": "month", "company_id": str(one[0]), "month": one[1]}


def _chained(before: str, entry: _Entry) -> str:
    """Of the line before and of this one: what is changed, left out or put in between shows in all that follow."""
    return sha256(f"{before}{json.dumps(entry, separators=(',', ':'), sort_keys=True)}".encode()).hexdigest()


def _lines(chain: str, entries: Iterable[_Entry]) -> bytes:
    text = b""
    for entry in entries:
        chain = _chained(chain, entry)
        text += json.dumps({**entry, "chain": chain}, separators=(",", ":")).encode() + b"\n"
    return text


def _remember(known: _Known, entry: _Entry) -> None:
    match entry["kind"]:
        case "epoch":
            known.epoch = int(entry["epoch"])
            known.erased_since.clear()
            known.months_since.clear()
        case "erased":
            person = UUID(entry["company_id"]), UUID(entry["user_id"])
            known.erased.add(person)
            known.erased_since.add(person)
        case "month":
            month = UUID(entry["company_id"]), str(entry["month"])
            known.months.add(month)
            known.months_since.add(month)
        case _:
            raise ValueError("kind")


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, made where it is missing, for us alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    is_new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if is_new:
            _sync_folder(path.parent)
        yield handle
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
