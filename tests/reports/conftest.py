"""A company with a past of its own, and whoever orders reports about it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest_asyncio

from events.company.reports import ReportKind
from services.adapters.bulk_append import PostgresBulkAppend
from services.application.reports.orders import Asked
from services.application.reports.ports import ShownReport
from services.application.seeding.clock import StoryClock
from services.application.seeding.draws import Draw
from services.application.seeding.people import EVERY_FATE_FROM, draft_of
from services.application.seeding.seeder import Plan, Seeded, Seeder
from services.bootstrap import rules_of, runtime
from tests.reports.ordering import Lines
from tests.support.database import Database
from tests.support.service import Service, cheap_passwords, running, settings_for
from tests.workers.support import Worker

DAYS = 75


@dataclass
class Desk:
    """Reports of a seeded company, ordered by whoever runs the installation."""

    service: Service
    worker: Worker
    seeded: Seeded
    until: datetime

    @property
    def company_id(self) -> UUID:
        return self.seeded.company_id

    async def order(self, kind: ReportKind, company_id: UUID | None = None, **rest: Any) -> ShownReport:
        reports = self.service.parts.application.reports
        return await reports.order_from_console(company_id or self.company_id, Asked(kind=kind, **rest))

    async def lines(self, kind: ReportKind, **rest: Any) -> Lines:
        return Lines.of(await self.raw(kind, **rest))

    async def raw(self, kind: ReportKind, **rest: Any) -> bytes:
        report = await self.order(kind, **rest)
        await self.worker.build()
        reports = self.service.parts.application.reports
        return await reports.known_content(await reports.known(self.company_id, report.id), self.company_id)

    async def entries(self) -> list[dict[str, Any]]:
        raw = await self.service.parts.store.events(self.company_id, 0, 1_000_000)
        return [json.loads(event.entry) for event in raw]


@pytest_asyncio.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    until = datetime.now(UTC) - timedelta(minutes=2)
    async with runtime(settings_for(database, tmp_path), StoryClock(), cheap_passwords()) as parts:
        assert isinstance(parts.clock, StoryClock)
        bulk = PostgresBulkAppend(parts.pool, parts.entropy.bytes)
        seeder = Seeder(parts.vault, parts.clock, parts.entropy, rules_of(parts.settings).limits, bulk)
        plan = Plan(
            draft=draft_of("Nordlicht Logistik GmbH", "de", "abc123"),
            users=EVERY_FATE_FROM,
            begins=until - timedelta(days=DAYS),
            until=until,
            draw=Draw("reports"),
            hash_of_nobody=b"$argon2id$nobody",
        )
        seeded = await seeder.seed(plan, lambda facts, told: None, asyncio.Event())
    async with running(database, tmp_path) as service:
        yield Desk(service, Worker(service.parts, tmp_path), seeded, until)
