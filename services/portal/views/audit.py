"""Company › Audit log: what happened, in sentences, narrowed by the address."""

import json
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from services.application.audit import AuditFilters
from services.portal import paging, sentences
from services.portal.forms import begin_of
from services.portal.languages import zone_of
from services.portal.visit import Answer, Page, Visit

_ROWS: Final = 50
_LONGEST: Final = 100


async def show(visit: Visit) -> Answer:
    first, last = _day(visit, "from"), _day(visit, "to")
    zone = zone_of(visit.zone)
    filters = AuditFilters(
        type=kind if (kind := visit.query.get("type", "")) in sentences.NAMES else None,
        user_id=_id(visit, "user"),
        actor_id=_id(visit, "actor"),
        from_at=begin_of(first, zone),
        to_at=begin_of(last + timedelta(days=1), zone) if last is not None else None,
        ip=_text(visit, "ip"),
        q=_text(visit, "q"),
    )
    rows = await visit.app.audit.page(visit.caller, filters, _ROWS + 1, paging.position(visit))
    end = rows[_ROWS - 1].position if len(rows) > _ROWS else None
    asked = {name: given for name, given in visit.query.items() if name in _ASKED and given}
    return Page(
        template="audit/show.html",
        values={
            "rows": rows[:_ROWS],
            "filters": filters,
            "first": first or "",
            "last": last or "",
            "pages": paging.pages(visit, f"{visit.place}/audit", asked, end),
            "is_narrowed": filters != AuditFilters(),
            "sentences": sentences,
            "kinds": sorted(
                ((name, visit.text(text)) for name, text in sentences.KINDS.items()), key=lambda one: one[1]
            ),
            "details": lambda row: json.dumps(row.details, indent=1, ensure_ascii=False, sort_keys=True),
        },
    )


_ASKED: Final = ("type", "user", "actor", "from", "to", "ip", "q")


def _text(visit: Visit, name: str) -> str | None:
    given = "".join(sign for sign in visit.query.get(name, "") if sign.isprintable())
    return given.strip()[:_LONGEST] or None


def _id(visit: Visit, name: str) -> UUID | None:
    try:
        return UUID(visit.query[name])
    except (KeyError, ValueError):
        return None


def _day(visit: Visit, name: str) -> date | None:
    try:
        day = date.fromisoformat(visit.query.get(name, ""))
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2999 else None
