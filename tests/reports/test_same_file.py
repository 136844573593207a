"""The same order gives the same bytes: twice, later, after a rebuild, in every form, and whoever builds it."""

from datetime import timedelta

import pytest

from events.company.policy import Policy
from events.company.reports import ReportKind
from services.adapters.evidence import PostgresEvidence
from services.application.rebuild import rebuild
from services.reports.files import FileFormat, file_of
from tests.reports.conftest import Desk
from tests.support.service import running
from tests.support.sizes import sized
from tests.workers.support import Worker

LATER = sized(200, 10_000)
_PRINTED = (ReportKind.COVERAGE, ReportKind.COVERAGE_OVER_TIME, ReportKind.FACTOR_CHANGES)


async def _files(kind: ReportKind, lines: bytes) -> dict[FileFormat, bytes]:
    """In every form; printed are a few, for that takes a second each."""
    forms = [form for form in FileFormat if form is not FileFormat.PDF or kind in _PRINTED]
    return {form: (await file_of(lines, form, "de")).content for form in forms}


@pytest.mark.timeout(600)
async def test_a_report_as_of_yesterday_is_the_same_file_for_ever(desk: Desk) -> None:
    yesterday = desk.until - timedelta(days=1)
    first = {kind: await desk.raw(kind, as_of=yesterday) for kind in ReportKind}
    files = {kind: await _files(kind, lines) for kind, lines in first.items()}
    desk.service.clock.advance(hours=3)
    for kind, lines in first.items():
        assert await desk.raw(kind, as_of=yesterday) == lines

    await _live_on(desk)
    await rebuild(PostgresEvidence(desk.service.parts.pool, desk.service.parts.wrapper), lambda done, total: None)
    async with running(desk.service.database, desk.worker.folder, desk.service.clock) as other:
        elsewhere = Desk(other, Worker(other.parts, desk.worker.folder), desk.seeded, desk.until)
        for kind, lines in first.items():
            again = await elsewhere.raw(kind, as_of=yesterday)
            assert again == lines
            assert await _files(kind, again) == files[kind]


async def _live_on(desk: Desk) -> None:
    """More facts, of which many would change a report as of now."""
    before = len(await desk.entries())
    for number in range(LATER // 2):
        await desk.service.parts.console.create_user(desk.company_id, login=f"new.{number}", role="user")
    for number in range(LATER // 2):
        policy = Policy(requirement="required", grace_days=1 + number % 30)
        await desk.service.parts.console.change_policy(desk.company_id, policy)
    await desk.worker.drain()
    assert len(await desk.entries()) - before >= LATER


async def test_a_day_counts_to_its_end_in_utc(desk: Desk) -> None:
    day = (desk.until - timedelta(days=3)).date()
    as_day = await desk.lines(ReportKind.COVERAGE, as_of=day)
    assert as_day.header["as_of"] == f"{day}T23:59:59.999999Z"
    assert as_day.header["time_zone"] == "UTC"
    entries = await desk.entries()
    assert entries[as_day.header["position"] - 1]["at"] < f"{day}T24"
    assert entries[as_day.header["position"]]["at"] > f"{day}T23:59:59.999999Z"
    period = await desk.lines(ReportKind.FAILED_ATTEMPTS, from_at=day, to_at=day)
    assert (period.header["from"], period.header["to"]) == (
        f"{day}T00:00:00Z",
        f"{day + timedelta(days=1)}T00:00:00Z",
    )
    assert all(row["at"].startswith(str(day)) for row in period.rows)
