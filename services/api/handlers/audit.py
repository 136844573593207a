"""The audit trail."""

from services.api import answers, models
from services.api.content import Content
from services.api.endpoint import Context
from services.application.audit import AuditFilters
from services.application.export_formats import KINDS, NAMES, ExportFormat, lines


async def list_events(context: Context) -> models.EventList:
    query: models.EventsQuery = context.query
    before = answers.read_position(query.cursor)
    rows = await context.app.audit.page(context.caller, _filters(query), query.limit + 1, before)
    return answers.event_list(rows, query.limit)


async def export_events(context: Context) -> Content:
    query: models.EventsExportQuery = context.query
    kind = ExportFormat(query.format)
    export = await context.app.exports.begin(context.caller, _filters(query), kind)
    return Content(
        kind=KINDS[kind],
        body=lines(export.pages, kind, excel=query.excel),
        filename=NAMES[kind],
        count=export.events,
    )


def _filters(query: models.EventFilters) -> AuditFilters:
    return AuditFilters(
        type=query.type,
        user_id=query.user_id,
        actor_id=query.actor_id,
        from_at=query.from_at,
        to_at=query.to_at,
        ip=query.ip,
        q=query.q,
    )
