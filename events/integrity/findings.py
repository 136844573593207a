"""What a verification found, and where first."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

_MOST: Final = 20  # of one kind


@dataclass(frozen=True, slots=True)
class Finding:
    """`position`: the first bad one, where it is known."""

    problem: str
    position: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        where = f"position {self.position}: " if self.position is not None else ""
        return where + self.problem + (f" ({self.detail})" if self.detail else "")


@dataclass(slots=True)
class Verdict:
    """What was looked at, and everything that is wrong with it; nothing wrong: it is proved."""

    what: str = ""
    origin: str = ""
    size: int = 0
    root: bytes = b""
    entries: int = 0
    first_at: str = ""
    last_at: str = ""
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, problem: str, position: int | None = None, detail: str = "") -> None:
        """Of each kind only the first ones, so that a ruined log does not fill the memory."""
        self._counts[problem] += 1
        if self._counts[problem] <= _MOST:
            self.findings.append(Finding(problem, position, detail))

    @property
    def is_sound(self) -> bool:
        return not self.findings

    def in_order(self) -> list[Finding]:
        """The first bad position first; what has none comes last."""
        return sorted(self.findings, key=lambda one: (one.position is None, one.position or 0))
