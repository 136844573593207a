"""The last signed checkpoints as files beside the key: one an origin, replaced whole, each durable before it counts."""

import asyncio
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from events.integrity.checkpoint import unverified
from events.integrity.note import NoteRefused
from services.application.journal import JournalUnavailable
from services.application.signing import SigningRefused


class FileLastSigned:
    """LastSigned in a folder; sealers of several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, origin: str) -> str | None:
        return await asyncio.to_thread(self._read, origin)

    async def advance(self, origin: str, expected: str | None, note: str) -> bool:
        return await asyncio.to_thread(self._advance, origin, expected, note)

    async def sizes(self) -> Mapping[str, int]:
        """Of every origin, as its note says. Raises JournalUnavailable."""
        return await asyncio.to_thread(self._sizes)

    def _sizes(self) -> dict[str, int]:
        try:
            notes = [path.read_text(encoding="utf-8") for path in self._folder.glob("*.note")]
            return {said.origin: said.size for said in map(unverified, notes)}
        except (OSError, ValueError, NoteRefused) as error:
            raise JournalUnavailable(f"a last signed checkpoint in {self._folder} cannot be read") from error

    def _read(self, origin: str) -> str | None:
        try:
            return self._path(origin).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise SigningRefused("the record of the last signed checkpoint cannot be read") from error

    def _advance(self, origin: str, expected: str | None, note: str) -> bool:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked():
                if self._read(origin) != expected:
                    return False
                self._replace(self._path(origin), note)
        except OSError as error:
            raise SigningRefused("the record of the last signed checkpoint cannot be written") from error
        return True

    def _replace(self, path: Path, note: str) -> None:
        fresh = path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Released by the system when the process dies."""
        with (self._folder / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _path(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()[:32]}.note"
