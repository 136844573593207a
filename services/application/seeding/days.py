"""When people of a story come: working hours of their zone, seldom at weekends. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from services.application.seeding.draws import Draw
from services.application.seeding.people import Member

# Without summer time: whoever comes at eight all year comes at nine for half of it.
_HOURS_FROM_UTC: Final = {"Europe/Berlin": 1, "Europe/London": 0, "America/Sao_Paulo": -3}
_WEEKEND: Final = 0.04  # how likely somebody comes
_AGAIN: Final = 0.25  # on the same day
_OPENS: Final = 8
_CLOSES: Final = 17


def next_visit(member: Member, now: datetime, draw: Draw) -> datetime:
    """When the person comes again."""
    if draw.random() < _AGAIN:
        return now + timedelta(hours=draw.uniform(1.5, 5))
    offset = _offset(member.time_zone)
    day = (now + offset).date()
    while True:
        day += timedelta(days=1)
        if draw.random() < (member.diligence if day.weekday() < 5 else _WEEKEND):
            return _at(day, member.begins + draw.choice((0, 0, 0, 2, 4, 6)) + draw.gauss(0, 0.4), offset)


def at_work(member: Member, wanted: datetime, draw: Draw) -> datetime:
    """That moment when people work then, else the next morning on which they do."""
    offset = _offset(member.time_zone)
    local = wanted + offset
    if local.weekday() < 5 and _OPENS <= local.hour < _CLOSES:
        return wanted
    day = local.date() if local.hour < _OPENS else local.date() + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return _at(day, draw.uniform(_OPENS, _OPENS + 3), offset)


def _at(day: date, hour: float, offset: timedelta) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(hours=hour) - offset


def _offset(zone: str) -> timedelta:
    return timedelta(hours=_HOURS_FROM_UTC[zone])
