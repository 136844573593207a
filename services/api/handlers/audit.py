"""The audit trail."""

from services.api import answers, models
from services.api.endpoint import Context
from services.application.audit import AuditFilters


async def list_events(context: Context) -> models.EventList:
    query: models.EventsQuery = context.query
    filters = AuditFilters(
        type=query.type,
        user_id=query.user_id,
        actor_id=query.actor_id,
        from_at=query.from_at,
        to_at=query.to_at,
        ip=query.ip,
        q=query.q,
    )
    before = answers.read_position(query.cursor)
    rows = await context.app.audit.page(context.caller, filters, query.limit + 1, before)
    return answers.event_list(rows, query.limit)
