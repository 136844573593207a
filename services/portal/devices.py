"""Sessions as people recognise them: which browser, on what, from where."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from events.credentials import Credential

# The first that is found counts: most browsers name others as well.
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSession:
    id: UUID
    browser: str | None
    system: str | None
    user_agent: str | None
    ip: str | None
    began_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool


def session(row: Credential, *, current: bool) -> ShownSession:
    began_at = datetime.fromisoformat(row.attributes["created_at"])
    agent: str | None = row.attributes["user_agent"]
    return ShownSession(
        id=row.id,
        browser=_first(_BROWSERS, agent),
        system=_first(_SYSTEMS, agent),
        user_agent=agent,
        ip=row.attributes["ip"],
        began_at=began_at,
        seen_at=row.seen_at or began_at,
        expires_at=row.expires_at or began_at,
        current=current,
    )


def _first(known: tuple[tuple[str, str], ...], agent: str | None) -> str | None:
    return next((name for mark, name in known if agent and mark.lower() in agent.lower()), None)
