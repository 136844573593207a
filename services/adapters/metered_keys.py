"""Key wrapping, with every key that was not to be had counted: wherever it was needed."""

from services.application.meters import Meters
from services.application.ports import KeyUnavailable, KeyWrapper


class MeteredKeyWrapper:
    def __init__(self, wrapper: KeyWrapper, meters: Meters) -> None:
        self._wrapper = wrapper
        self._meters = meters

    @property
    def inner(self) -> KeyWrapper:
        """The one that wraps."""
        return self._wrapper

    def key_id(self, wrapped: bytes) -> str:
        return self._wrapper.key_id(wrapped)

    def close(self) -> None:
        self._wrapper.close()

    async def wrap(self, key: bytes) -> bytes:
        try:
            return await self._wrapper.wrap(key)
        except KeyUnavailable:
            self._meters.key_unavailable()
            raise

    async def unwrap(self, wrapped: bytes) -> bytes:
        try:
            return await self._wrapper.unwrap(wrapped)
        except KeyUnavailable:
            self._meters.key_unavailable()
            raise
