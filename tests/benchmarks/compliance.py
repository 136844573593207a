"""Reports about one large company with a lived past, from the order to the stored file, by one worker."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json

from events.company.reports import ReportKind
from services.application.reports.orders import Asked
from services.reports.files import FileFormat, file_of
from tests.benchmarks.figures import Figure, Target
from tests.benchmarks.meter import metered
from tests.benchmarks.place import BenchmarkFailed, Place
from tests.support.processes import command
from workers.main import report_drain_of
from workers.sealer import Sealer

_GROUP: Final = "Reports"
_FORMS: Final = (FileFormat.CSV, FileFormat.HTML, FileFormat.XLSX, FileFormat.PDF)


async def reports(place: Place) -> AsyncIterator[Figure]:
    """Coverage as of a past date with the target; the other kinds and the forms beside it."""
    company, facts = await _seeded(place)
    parts = place.parts
    sealer = Sealer(parts.pool, parts.signer, parts.clock, parts.entropy, parts.settings.installation_name)
    await sealer.seal()
    await place.settle()
    end = await _newest(place, company, facts)
    for kind in ReportKind:
        target = Target(value=15.0, most=True) if kind is ReportKind.COVERAGE else None
        asked = Asked(kind=kind, as_of=end - timedelta(days=1))
        ordered = await parts.application.reports.order_from_console(company, asked)
        with metered(place) as meter:
            await report_drain_of(parts).drain()
        done = await parts.application.reports.known(company, ordered.id)
        if done.status != "ready":
            raise BenchmarkFailed(f"{kind} is {done.status}")
        lines = await parts.application.reports.known_content(done, company)
        sample = meter.sample(done.total)
        about = f"{kind}, {facts:,} events, {len(lines) / 2**20:.0f} MiB (CPU {sample.cpu + sample.postgres_cpu:.1f} s)"
        yield Figure(group=_GROUP, name=about, product=sample, value=sample.seconds, unit="s", target=target)
        if kind is ReportKind.COVERAGE:
            async for figure in _forms(place, lines):
                yield figure


async def _forms(place: Place, lines: bytes) -> AsyncIterator[Figure]:
    for form in _FORMS:
        with metered(place) as meter:
            made = await file_of(lines, form, "de")
        name = f"coverage as {form}, {len(made.content) / 2**20:.0f} MiB"
        yield Figure(group=_GROUP, name=name, value=meter.sample(1).seconds, unit="s")


async def _seeded(place: Place) -> tuple[UUID, int]:
    users, days = (100, 60) if place.quick else (2_000, 450)
    words = {"--companies": 1, "--users": users, "--days": days, "--data-dir": place.data_dir}
    said = await asyncio.to_thread(
        command, "seed", "--json", *(str(word) for pair in words.items() for word in pair), seconds=3600
    )
    if said.code:
        raise BenchmarkFailed(f"factorlog seed: {said.err}")
    done: dict[str, Any] = said.json
    return UUID(done["companies"][0]["id"]), int(done["facts"])


async def _newest(place: Place, company: UUID, facts: int) -> datetime:
    (event,) = await place.parts.store.events(company, facts - 1, 1)
    return datetime.fromisoformat(from_json(event.entry)["at"])
