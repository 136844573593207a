"""Argon2id in a bounded thread pool: at most one hash a core, one at a time per account."""

import asyncio
import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Final, TypeVar

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from services.application.meters import Meters, SilentMeters
from services.application.ports import Overloaded

R = TypeVar("R")

WAITING: Final = 1024  # over all accounts
WAITING_PER_ACCOUNT: Final = 256

# What a hash from elsewhere may cost at each sign-in, until the first right password brings today's parameters.
MOST_MEMORY: Final = 256 * 1024  # KiB
MOST_WORK: Final = 1024 * 1024  # KiB times passes
MOST_LANES: Final = 16
_LEAST_SALT: Final = 8  # bytes, RFC 9106 §3.1
_LEAST_HASH: Final = 16  # bytes: shorter ones let a wrong password in now and then
_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,6},p=[1-9][0-9]{0,6}"
    r"\$(?P<salt>[A-Za-z0-9+/]{1,86})\$(?P<hash>[A-Za-z0-9+/]{1,86})",
    re.ASCII,
)


class Argon2Passwords:
    """Passwords port. Call `close` at the end."""

    def __init__(self, *, memory_kib: int, passes: int, lanes: int, cores: int, meters: Meters | None = None) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        self._dummy = self._hasher.hash("a password of nobody")
        self._threads = ThreadPoolExecutor(cores, thread_name_prefix="argon2")
        self._free = asyncio.Semaphore(cores)
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._meters = meters or SilentMeters()

    @property
    def pending(self) -> int:
        """Passwords that are judged or wait for it."""
        return self._waiting.total()

    async def hash(self, password: str) -> bytes:
        async with self._free:
            return (await self._in_thread(lambda: self._hasher.hash(password))).encode()

    async def verify(self, account: str, stored: bytes | None, password: str) -> bool:
        if self.pending >= WAITING or self._waiting[account] >= WAITING_PER_ACCOUNT:
            raise Overloaded
        self._waiting[account] += 1
        lock = self._locks.setdefault(account, asyncio.Lock())
        began = perf_counter()
        try:
            async with lock, self._free:
                self._meters.hashing_waited(perf_counter() - began)
                return await self._in_thread(lambda: self._matches(stored, password))
        finally:
            self._waiting[account] -= 1
            if not self._waiting[account]:
                del self._waiting[account]
                self._locks.pop(account, None)

    def is_outdated(self, stored: bytes) -> bool:
        return self._hasher.check_needs_rehash(stored.decode())

    def is_acceptable(self, foreign: str) -> bool:
        found = _PHC.fullmatch(foreign)
        if found is None or not all(map(_is_base64, found.groups())):
            return False
        asked = extract_parameters(foreign)
        return (
            asked.salt_len >= _LEAST_SALT
            and asked.hash_len >= _LEAST_HASH
            and 8 * asked.parallelism <= asked.memory_cost <= MOST_MEMORY
            and asked.memory_cost * asked.time_cost <= MOST_WORK
            and asked.parallelism <= MOST_LANES
        )

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: bytes | None, password: str) -> bool:
        # Nobody's password takes as long as somebody's.
        try:
            self._hasher.verify(stored.decode() if stored else self._dummy, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False
        return stored is not None

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _is_base64(text: str) -> bool:
    """Without padding, and in the one spelling: the library reads no other."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return False
    return base64.b64encode(raw).decode().rstrip("=") == text
