"""Reads that wait for one in flight go together, as the appends do: half of a read's cost is its round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_GROUP = 64


class GroupedReads(Generic[K, V]):
    """Answers single questions by one read of many. No timer: a lone question goes at once."""

    def __init__(self, read: Callable[[Sequence[K]], Awaitable[dict[K, V]]]) -> None:
        self._read = read
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """What is stored under the key at some moment after this call; None when there is nothing. Raises as `read`."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._read_all())
        # Shielded: somebody who gives up must not take the answer away from others who asked the same.
        return await asyncio.shield(answer)

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:MAX_GROUP]
                group = {key: self._waiting.pop(key) for key in keys}
                await self._answer(group)
        finally:
            self._task = None

    async def _answer(self, group: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._read(list(group))
        except BaseException as error:
            for answer in group.values():
                if not answer.done():
                    answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for key, answer in group.items():
            if not answer.done():
                answer.set_result(found.get(key))
