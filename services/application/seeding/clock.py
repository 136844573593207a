"""The clock of a story."""

from datetime import UTC, datetime


class StoryClock:
    """Stands where the story is; nobody waits on it."""

    def __init__(self) -> None:
        self._now = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        return self._now

    def stand_at(self, at: datetime) -> None:
        self._now = at

    async def sleep_until(self, at: datetime) -> None:
        return
