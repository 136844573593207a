"""What ends by itself while somebody reads or types: said in words, so that a script may count it down."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.portal.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit:
    """`may_go_on`: any page that is opened moves the end away."""

    until: datetime
    seconds: int
    may_go_on: bool = False


def of_key(visit: Visit, expires_at: datetime) -> TimeLimit:
    """The end of a key that waits for its code: its own, or that of the sign-in or session that holds it."""
    return _at(min(expires_at, visit.caller.credential.expires_at or expires_at), visit.now)


def of_visit(visit: Visit) -> TimeLimit | None:
    """The end of a sign-in in progress, or of a session that is not used; None for anyone."""
    if visit.known is None:
        return None
    row, now, rules = visit.known.credential, visit.now, visit.app.rules
    if row.expires_at is None:
        return None
    if not visit.known.is_session:
        return _at(row.expires_at, now)
    # When somebody was last seen is not noted at every request.
    idle_until = now + rules.limits.session_idle - rules.seen_every
    if row.expires_at <= idle_until:
        return _at(row.expires_at, now)
    return TimeLimit(until=idle_until, seconds=_seconds(idle_until - now), may_go_on=True)


def _at(until: datetime, now: datetime) -> TimeLimit:
    return TimeLimit(until=until, seconds=_seconds(until - now))


def _seconds(left: timedelta) -> int:
    return max(0, int(left.total_seconds()))
