"""Company › Audit log: what happened, in sentences, narrowed by the address."""

import json
from datetime import date, timedelta
from typing import Final, Literal
from urllib.parse import urlencode
from uuid import UUID

from services.application.audit import AuditFilters
from services.application.export_formats import KINDS, NAMES, ExportFormat, lines
from services.portal import paging, sentences
from services.portal.forms import Form, begin_of
from services.portal.languages import zone_of
from services.portal.views import signed_log
from services.portal.visit import Answer, Download, Page, Visit

_ROWS: Final = 50
_LONGEST: Final = 100


class ExportForm(Form):
    format: Literal["csv", "excel", "jsonl", "ocsf"] = "csv"


async def show(visit: Visit) -> Answer:
    filters = _filters(visit)
    rows = await visit.app.audit.page(visit.caller, filters, _ROWS + 1, paging.position(visit))
    end = rows[_ROWS - 1].position if len(rows) > _ROWS else None
    asked = {name: given for name, given in visit.query.items() if name in _ASKED and given}
    path = f"{visit.place}/audit"
    return Page(
        template="audit/show.html",
        values={
            "rows": rows[:_ROWS],
            "signed": await signed_log.newest(visit, [row.position for row in rows[:_ROWS]]),
            "verify": _address(path, {**asked, **_kept(visit), "verify": signed_log.NOW}) + "#signed",
            "filters": filters,
            "first": _day(visit, "from") or "",
            "last": _day(visit, "to") or "",
            "export": _address(f"{path}/export", asked),
            "pages": paging.pages(visit, path, asked, end),
            "is_narrowed": filters != AuditFilters(),
            "sentences": sentences,
            "kinds": sorted(
                ((name, visit.text(text)) for name, text in sentences.KINDS.items()), key=lambda one: one[1]
            ),
            "details": lambda row: json.dumps(row.details, indent=1, ensure_ascii=False, sort_keys=True),
        },
    )


async def export(visit: Visit, form: ExportForm) -> Answer:
    """What the address narrows the page to, all of it; as CSV with the sentences of the page."""
    excel = form.format == "excel"
    kind = ExportFormat.CSV if excel else ExportFormat(form.format)
    found = await visit.app.exports.begin(visit.caller, _filters(visit), kind)
    body = lines(found.pages, kind, excel=excel, tell=lambda row: sentences.sentence(row, visit.language))
    return Download(name=NAMES[kind], kind=KINDS[kind], body=body, count=found.events)


def _filters(visit: Visit) -> AuditFilters:
    zone, last = zone_of(visit.zone), _day(visit, "to")
    return AuditFilters(
        type=kind if (kind := visit.query.get("type", "")) in sentences.NAMES else None,
        user_id=_id(visit, "user"),
        actor_id=_id(visit, "actor"),
        from_at=begin_of(_day(visit, "from"), zone),
        to_at=begin_of(last + timedelta(days=1), zone) if last is not None else None,
        ip=_text(visit, "ip"),
        q=_text(visit, "q"),
    )


_ASKED: Final = ("type", "user", "actor", "from", "to", "ip", "q")


def _kept(visit: Visit) -> dict[str, str]:
    """Which part of a long list."""
    return {name: visit.query[name] for name in ("before", "back") if name in visit.query}


def _address(path: str, asked: dict[str, str]) -> str:
    return f"{path}?{urlencode(asked)}" if asked else path


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
