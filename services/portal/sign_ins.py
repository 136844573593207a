"""How busy the door of a company was, day by day in the reader's time zone, as the pages show it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from services.application.audit import SignInHour
from services.portal import charts
from services.portal.forms import begin_of
from services.portal.languages import Language, zone_of
from services.portal.visit import Visit

DAYS: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    name: str
    sign_ins: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIns:
    """The last days, oldest first; the two pictures have a scale each."""

    days: tuple[Day, ...]
    sign_ins: Markup = field(repr=False)
    refused: Markup = field(repr=False)

    @property
    def all_sign_ins(self) -> int:
        return sum(day.sign_ins for day in self.days)

    @property
    def all_refused(self) -> int:
        return sum(day.refused for day in self.days)


async def last_days(visit: Visit) -> SignIns:
    """Of the company in which the reader acts. Raises Refused(FORBIDDEN)."""
    zone = zone_of(visit.zone)
    days = _days(visit.now, zone)
    since = begin_of(days[0], zone)
    assert since is not None  # noqa: S101 - a day begins
    return _shown(await visit.app.audit.sign_ins(visit.caller, since), days, zone, visit.language)


def _days(now: datetime, zone: ZoneInfo) -> list[date]:
    today = now.astimezone(zone).date()
    return [today - timedelta(days=ago) for ago in reversed(range(DAYS))]


def _shown(hours: Sequence[SignInHour], days: Sequence[date], zone: ZoneInfo, language: Language) -> SignIns:
    counted: Counter[tuple[date, bool]] = Counter()
    for one in hours:
        counted[one.hour.astimezone(zone).date(), one.refused] += one.events
    shown = tuple(
        Day(name=language.day_of_year(day), sign_ins=counted[day, False], refused=counted[day, True]) for day in days
    )
    return SignIns(
        days=shown,
        sign_ins=charts.columns("good", [(day.name, day.sign_ins) for day in shown]),
        refused=charts.columns("bad", [(day.name, day.refused) for day in shown]),
    )
