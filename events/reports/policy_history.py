"""The security policy in all its versions: from when until when, who set it and why."""

from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from events.company.events import CompanyCreated, PolicyChanged
from events.company.policy import Policy
from events.reports.rows import Covers, Reason, Row, Told, names
from events.store.port import RecordedEvent


class PolicyHistory:
    """Every version that was in force at some time of the period; the first one came with the company."""

    types = names(CompanyCreated, PolicyChanged)
    complete = types
    covers: Covers = "every"

    def __init__(self, begin: datetime | None) -> None:
        self._begin = begin
        self._versions: list[tuple[RecordedEvent, Policy]] = []

    def take(self, recorded: RecordedEvent) -> None:
        fact = recorded.data
        policy = fact.policy if isinstance(fact, PolicyChanged) else Policy()
        self._versions.append((recorded, policy))

    def told(self) -> Told:
        ends = [recorded for recorded, _ in self._versions[1:]]
        rows = [
            _row(*version, end)
            for version, end in zip(self._versions, [*ends, None], strict=False)
            if end is None or self._begin is None or end.at > self._begin
        ]
        return Told(rows=rows, totals={"versions": len(rows)})


def _row(recorded: RecordedEvent, policy: Policy, end: RecordedEvent | None) -> Row:
    values: dict[str, Any] = {
        "position": recorded.position,
        "at": recorded.at,
        "until": end.at if end is not None else None,
        "actor": recorded.actor,
        "reason": Reason(recorded),
        **to_jsonable_python(policy),
    }
    return Row(values, (recorded.position, *((end.position,) if end is not None else ())))
