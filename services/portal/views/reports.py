"""Company › Reports: order one, see how far it is, read it, take it away."""

import asyncio
from typing import Final

from events.company.reports import ReportKind
from events.company.roles import Level, Right
from events.decision import Refusal
from services.application.errors import Refused, Unacceptable
from services.application.reports.orders import Asked
from services.portal import paging
from services.portal.forms import Day, Form
from services.portal.messages import Said
from services.portal.visit import Answer, Download, Goto, Page, Visit
from services.reports import words
from services.reports.files import FileFormat, file_of
from services.reports.parsed import parse
from services.reports.pdf import PdfFailed, PdfMissing
from services.reports.presentation import present

_ROWS: Final = 20  # orders on a page
_SHOWN: Final = 200  # rows of a report; the files have all
# What a use case calls them, and the form.
_FIELDS: Final = {"from": "first", "to": "last", "as_of": "last"}


class OrderForm(Form):
    """`first` for a period only; `last`: its end, or the day that the report is about; none: now."""

    kind: ReportKind
    first: Day = None
    last: Day = None


async def show(visit: Visit) -> Answer:
    found = await visit.app.reports.page(visit.caller, _ROWS + 1, paging.position(visit))
    last = found[_ROWS - 1].requested_position if len(found) > _ROWS else None
    may_order = visit.may(Right.REPORTS, Level.FULL)
    return Page(
        template="reports/list.html",
        values={
            "reports": found[:_ROWS],
            "pages": paging.pages(visit, f"{visit.place}/reports", {}, last),
            "kinds": [kind.value for kind in ReportKind],
            "titles": [words.TITLES[kind].in_language(visit.language.tag) for kind in ReportKind],
            "title_of": lambda kind: words.TITLES[kind].in_language(visit.language.tag),
            "why_not": None if may_order else visit.text("Your role may look at this and not change it."),
        },
    )


async def order(visit: Visit, form: OrderForm) -> Answer:
    asked = Asked(kind=form.kind, from_at=form.first, as_of=form.last)
    try:
        report = await visit.app.reports.order(visit.caller, asked)
    except Unacceptable as error:
        raise Unacceptable(_FIELDS[error.field], error.problem, error.message) from error
    return Goto(path=f"{visit.place}/reports/{report.id}", said=Said.REPORT_ORDERED)


async def show_one(visit: Visit) -> Answer:
    report = await visit.app.reports.find(visit.caller, visit.ids["report_id"])
    shown = None
    if report.status == "ready":
        _, lines = await visit.app.reports.content(visit.caller, report.id)
        shown = present(await asyncio.to_thread(parse, lines), visit.language.tag)
    return Page(
        template="reports/one.html",
        values={
            "report": report,
            "title": words.TITLES[report.order.kind].in_language(visit.language.tag),
            "shown": shown,
            "most": _SHOWN,
            "words": words,
            "formats": {"html": "HTML", "pdf": "PDF", "xlsx": "Excel", "csv": "CSV", "jsonl": "JSON Lines"},
        },
    )


async def fetch(visit: Visit) -> Answer:
    wanted = visit.query.get("format", FileFormat.HTML.value)
    if wanted not in FileFormat.__members__.values():
        raise Refused(Refusal.NOT_FOUND)
    report, lines = await visit.app.reports.content(visit.caller, visit.ids["report_id"])
    try:
        made = await file_of(lines, FileFormat(wanted), report.language)
    except (PdfMissing, PdfFailed):
        return Goto(path=f"{visit.place}/reports/{report.id}", said=Said.PDF_MISSING)
    return Download(name=made.name, kind=made.content_type, body=made.content)
