"""Answers that are files: whole, or streamed and visibly broken when something fails on the way."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from services.web.downloads import counted

NEVER_CHANGES: Final = "private, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file. `body` in chunks is streamed: what a use case refuses, it refuses before the first one.

    `caching`: the Cache-Control header, where not `no-store`. `count`: how many rows a whole file has.
    """

    kind: str
    body: bytes | AsyncIterator[bytes] = field(repr=False)
    filename: str | None = None
    caching: str | None = None
    count: int | None = None

    def headers(self) -> dict[str, str]:
        headers = {"Content-Type": self.kind}
        if self.filename is not None:
            headers["Content-Disposition"] = f'attachment; filename="{self.filename}"'
        if self.caching is not None:
            headers["Cache-Control"] = self.caching
        return headers | counted(self.count)
