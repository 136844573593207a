"""What entries say of their own place: position, time, company, stream and version (docs/log-format.md §2)."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from events.integrity.findings import Verdict

_AT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)


def parsed(entry: bytes) -> dict[str, Any] | None:
    """An entry as JSON; None when it is none."""
    try:
        found = json.loads(entry)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


@dataclass(slots=True)
class Order:
    """Entries one after another; remembers how far each stream is."""

    company_id: str
    verdict: Verdict
    _versions: dict[str, int] = field(default_factory=dict)

    def look(self, entry: bytes, position: int) -> None:
        """At the entry that stands at this position."""
        said = parsed(entry)
        if said is None:
            self.verdict.add("the entry is not readable", position)
            return
        if said.get("position") != position:
            self.verdict.add("the entry says that it stands elsewhere", position)
        if said.get("company_id") != self.company_id:
            self.verdict.add("the entry belongs to another company", position)
        self._look_at_time(said.get("at"), position)
        self._look_at_version(said.get("stream_id"), said.get("version"), position)

    def _look_at_time(self, at: object, position: int) -> None:
        """In this form texts sort as times do."""
        if not isinstance(at, str) or not _AT.fullmatch(at):
            self.verdict.add("the entry has no time", position)
            return
        if at <= self.verdict.last_at:
            self.verdict.add("the time of the entry is not behind that of the one before", position)
        self.verdict.first_at = self.verdict.first_at or at
        self.verdict.last_at = at

    def _look_at_version(self, stream: object, version: object, position: int) -> None:
        if not isinstance(stream, str) or not isinstance(version, int):
            self.verdict.add("the entry has no version", position)
            return
        expected = self._versions.get(stream, 0) + 1
        if version != expected:
            self.verdict.add("the version is not the next one of its stream", position, f"{version}, not {expected}")
        self._versions[stream] = version
