"""Every kind of report with its fold."""

from datetime import datetime, timedelta
from typing import assert_never

from events.company.reports import Order, ReportKind
from events.reports.acts import AdministratorActs
from events.reports.api_clients import ApiClients
from events.reports.coverage import Coverage, CoverageOverTime
from events.reports.factor_changes import FRESH, FactorChanges
from events.reports.failed_attempts import FailedAttempts
from events.reports.policy_history import PolicyHistory
from events.reports.rows import Fold
from events.reports.session_revocations import SessionRevocations


def fold_of(order: Order) -> Fold:
    """The fold that makes this report, with nothing taken yet."""
    match order.kind:
        case ReportKind.COVERAGE:
            return Coverage(order.cut)
        case ReportKind.COVERAGE_OVER_TIME:
            return CoverageOverTime(order.from_at, order.cut)
        case ReportKind.FACTOR_CHANGES:
            return FactorChanges(order.from_at)
        case ReportKind.ADMINISTRATOR_ACTS:
            return AdministratorActs(order.from_at)
        case ReportKind.FAILED_ATTEMPTS:
            return FailedAttempts(order.from_at)
        case ReportKind.SESSION_REVOCATIONS:
            return SessionRevocations(order.from_at)
        case ReportKind.POLICY_HISTORY:
            return PolicyHistory(order.from_at)
        case ReportKind.API_CLIENTS:
            return ApiClients(order.cut)
        case _:
            assert_never(order.kind)


# These look at nothing that was recorded before their period, but for how long a proof counts.
_OF_THE_PERIOD = {
    ReportKind.FACTOR_CHANGES: FRESH,
    ReportKind.ADMINISTRATOR_ACTS: timedelta(0),
    ReportKind.FAILED_ATTEMPTS: timedelta(0),
    ReportKind.SESSION_REVOCATIONS: timedelta(0),
}


def begins(order: Order) -> datetime | None:
    """From when on entries matter; None: from the first one."""
    before = _OF_THE_PERIOD.get(order.kind)
    return order.from_at - before if order.from_at is not None and before is not None else None
