"""`factorlog rebuild`: read models and states made anew from the log, while the service runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from events.projections.entries import ProjectionStopped
from events.store.port import RecordedEvent
from services.application.audit_check import compare_states
from services.application.evidence import Evidence, Finding, Findings, Problem, Progress
from services.application.refold import BATCH, refold, restored

# What a rebuild mends, so that it is no finding of one.
_MENDED = frozenset({Problem.STATE_DIFFERS, Problem.STATE_MISSING})


@dataclass(slots=True)
class RebuildReport:
    """What was looked at and mended; `left` is what no rebuild can mend."""

    companies: int = 0
    facts: int = 0
    rows: int = 0
    states: int = 0
    left: list[Finding] = field(default_factory=list)


async def rebuild(evidence: Evidence, progress: Progress) -> RebuildReport:
    """Company by company, in place, a batch a transaction. May run twice, and beside a worker.

    Raises Unavailable, KeyUnavailable. Credentials are not made anew: what is gone there is gone.
    """
    companies = await evidence.companies()
    report, total = RebuildReport(), 2 * sum(head for _, head in companies)
    for company_id, head in companies:
        findings = Findings(company_id)
        begun = 2 * report.facts
        await _states(evidence, company_id, findings, report, lambda n, begun=begun: progress(begun + n, total))  # type: ignore[misc]
        await _trail(evidence, company_id, findings, report)
        report.companies += 1
        report.facts += head
        report.left += [found for found in findings.found if found.problem not in _MENDED]
        progress(2 * report.facts, total)
    return report


async def _states(
    evidence: Evidence, company_id: UUID, findings: Findings, report: RebuildReport, seen: Callable[[int], None]
) -> None:
    async def look(batch: Sequence[RecordedEvent]) -> None:
        if batch:
            seen(batch[-1].position)

    async with evidence.snapshot(company_id) as snapshot:
        folded = await refold(snapshot, findings, look)
        differing = await compare_states(snapshot, folded, await snapshot.key_holders(), findings)
    for stream_id in sorted(differing):
        if await evidence.restore_state(company_id, stream_id, restored):
            report.states += 1
        else:
            findings.add(Problem.UNREADABLE_ENTRY, stream_id=stream_id, detail="its state cannot be made anew")


async def _trail(evidence: Evidence, company_id: UUID, findings: Findings, report: RebuildReport) -> None:
    after = 0
    try:
        while True:
            last, changed = await evidence.repair_trail(company_id, after, BATCH)
            report.rows += changed
            if last == after:
                break
            after = last
        await evidence.extend_trail(company_id)
    except ProjectionStopped as error:
        findings.add(Problem.TRAIL_STOPPED, error.position, detail=str(error))
