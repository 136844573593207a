"""Clients that block: in a few threads of their own, and never waited for long."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from services.application.ports import KeyUnavailable

R = TypeVar("R")

THREADS: Final = 8
CONNECT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 5.0  # with waiting for a thread, and a second try where the client makes one


class BlockingCalls:
    """Call `close` at the end."""

    def __init__(self, name: str) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=name)

    async def run(self, call: Callable[[], R]) -> R:
        """What the call gives or raises. Raises KeyUnavailable when that takes too long."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError as error:
            raise KeyUnavailable("no answer in time") from error

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
