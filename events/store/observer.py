"""Who watches appends; the store knows no more of metrics than this."""

from collections.abc import Sequence
from typing import Protocol

from events.store.port import Appended


class AppendObserver(Protocol):
    """Never fails, never waits."""

    def appended(self, seconds: float, results: Sequence[Appended]) -> None:
        """One call of the append function took so long; what became of each of its commands."""
        ...


class Unobserved:
    """Nobody watches."""

    def appended(self, seconds: float, results: Sequence[Appended]) -> None:
        return
