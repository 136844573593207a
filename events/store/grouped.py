"""Reads that wait for one in flight go together, as the appends do: half of a read's cost is its round trip."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_GROUP = 64


class GroupedReads(Generic[K, V]):
    """Answers single questions by one read of many. No timer: a lone question goes at once."""

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[dict[K, V]]]) -> None:
        self._read = read
        self._waiting: deque[tuple[K, asyncio.Future[V | None]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What is stored under the key at some moment after this call; None when nothing is. Raises as `read`."""
        answer: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, answer))
        if self._task is None:
            self._task = asyncio.create_task(self._read_all())
        return await answer

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                size = min(MAX_GROUP, len(self._waiting))
                await self._answer([self._waiting.popleft() for _ in range(size)])
        finally:
            self._task = None
            # Only when this task itself was ended: nobody may wait for ever.
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()

    async def _answer(self, group: list[tuple[K, asyncio.Future[V | None]]]) -> None:
        try:
            found = await self._read([key for key, _ in group])
        except BaseException as error:
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error) if isinstance(error, Exception) else answer.cancel()
            if isinstance(error, Exception):
                return
            raise
        for key, answer in group:
            if not answer.done():
                answer.set_result(found.get(key))
