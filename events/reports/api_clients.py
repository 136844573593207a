"""Programs with a token at a moment, and those whose token is dead: scopes, networks, who made and ended them."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.company.clients import ApiClientCreated, ApiClientRevoked, ApiClientRotated
from events.company.events import CompanySuspended
from events.reports.rows import Covers, Reason, Row, Told, names
from events.store.port import RecordedEvent


@dataclass(slots=True)
class _Client:
    created: RecordedEvent
    fact: ApiClientCreated
    token: RecordedEvent  # the fact that gave the newest one
    ended: RecordedEvent | None = None
    rests_on: list[int] = field(default_factory=list)

    def standing(self, cut: datetime) -> str:
        if self.ended is not None:
            return "revoked" if isinstance(self.ended.data, ApiClientRevoked) else "ended_by_suspension"
        return "expired" if self.fact.expires_at is not None and cut >= self.fact.expires_at else "live"


class ApiClients:
    complete = names(ApiClientCreated, ApiClientRotated, ApiClientRevoked)
    types = complete | names(CompanySuspended)
    covers: Covers = "every"

    def __init__(self, cut: datetime) -> None:
        self._cut = cut
        self._clients: dict[UUID, _Client] = {}

    def take(self, recorded: RecordedEvent) -> None:
        fact, client = recorded.data, self._clients.get(recorded.stream_id)
        if isinstance(fact, CompanySuspended):
            self._suspended(recorded)
        elif isinstance(fact, ApiClientCreated):
            made = _Client(recorded, fact, recorded, rests_on=[recorded.position])
            self._clients[recorded.stream_id] = made
        elif client is not None:
            client.rests_on.append(recorded.position)
            if isinstance(fact, ApiClientRotated):
                client.token, client.ended = recorded, None
            else:
                client.ended = recorded

    def _suspended(self, recorded: RecordedEvent) -> None:
        for client in self._clients.values():
            if client.ended is None:
                client.ended = recorded
                client.rests_on.append(recorded.position)

    def told(self) -> Told:
        rows = [_row(client_id, client, self._cut) for client_id, client in self._clients.items()]
        standings = [row.values["state"] for row in rows]
        kinds = ("live", "expired", "ended_by_suspension", "revoked")
        return Told(rows=rows, totals={"clients": len(rows), **{kind: standings.count(kind) for kind in kinds}})


def _row(client_id: UUID, client: _Client, cut: datetime) -> Row:
    fact, ended = client.fact, client.ended
    values = {
        "client_id": client_id,
        "name": fact.name,
        "state": client.standing(cut),
        "scopes": list(fact.scopes),
        "networks": list(fact.networks),
        "expires_at": fact.expires_at,
        "created_at": client.created.at,
        "created_by": client.created.actor,
        "token_since": client.token.at,
        "ended_at": ended.at if ended is not None else None,
        "ended_by": ended.actor if ended is not None else None,
        "reason": Reason(ended) if ended is not None else None,
    }
    return Row(values, tuple(client.rests_on))
