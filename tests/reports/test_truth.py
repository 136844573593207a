"""Every kind of report says what a fold of the raw entries says that shares no code with the product."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from events.company.reports import ReportKind
from tests.reports import own_fold
from tests.reports.conftest import DAYS, Desk


def _moments(desk: Desk) -> list[datetime]:
    """Closer to each other than an exemption lasts."""
    return [desk.until - timedelta(days=days) for days in range(0, DAYS, 7)]


async def test_coverage_as_of_any_moment_is_what_the_facts_say(desk: Desk) -> None:
    entries = await desk.entries()
    seen: Counter[str] = Counter()
    for cut in _moments(desk):
        report = await desk.lines(ReportKind.COVERAGE, as_of=cut)
        known = own_fold.upto(entries, cut)
        told = own_fold.past(known)
        assert report.header["position"] == known[-1]["position"]
        assert {row["user_id"] for row in report.rows} == told.users.keys()
        for row in report.rows:
            user = told.users[row["user_id"]]
            state, required_by = own_fold.standing(told, user, cut)
            assert (row["state"], row["required_by"]) == (state, required_by), row
            assert row["account"] == own_fold.account_of(user, cut), row
            assert row["role"] == user.facts["role"]
            assert datetime.fromisoformat(row["since"]) == own_fold.since(known, row["user_id"], cut), row
            _demand_exception(row, user, cut)
            seen.update((state, row["account"], f"{required_by}", own_fold.exception_of(user, cut)))
        assert report.header["totals"]["users"] == len(told.users)
        assert report.header["totals"]["erased"] == told.erased
    # A past in which nothing happens would prove nothing.
    assert {"on", "off", "enrolment_required", "active", "deactivated", "exempt", "inherit"} <= seen.keys()
    assert {"company", "role"} & seen.keys()


def _demand_exception(row: dict[str, Any], user: own_fold.User, cut: datetime) -> None:
    kind = own_fold.exception_of(user, cut)
    if kind == "inherit":
        assert row["exception"] is None
        return
    assert user.exception is not None
    exception = row["exception"]
    assert (exception["kind"], own_fold.moment(exception["until"])) == user.exception[:2]
    assert datetime.fromisoformat(exception["approved_at"]) == datetime.fromisoformat(user.exception[2])
    assert exception["approved_by"]["id"] == user.exception[3]
    assert exception["reason"]


async def test_coverage_over_time_counts_what_each_month_ended_with(desk: Desk) -> None:
    entries = await desk.entries()
    report = await desk.lines(ReportKind.COVERAGE_OVER_TIME, as_of=desk.until)
    ends = list(own_fold.month_ends(entries, desk.until))
    assert [datetime.fromisoformat(row["at"]) for row in report.rows] == ends
    for row, end in zip(report.rows, ends, strict=True):
        told = own_fold.past(own_fold.upto(entries, end))
        active = [user for user in told.users.values() if own_fold.account_of(user, end) == "active"]
        states = Counter(own_fold.standing(told, user, end)[0] for user in active)
        assert {name: row[name] for name in ("on", "off", "enrolment_required")} == {
            name: states[name] for name in ("on", "off", "enrolment_required")
        }
        assert (row["users"], row["inactive"]) == (len(told.users), len(told.users) - len(active))


async def test_factor_changes_tell_each_change_its_actor_its_proof_and_when_it_was_on_again(desk: Desk) -> None:
    entries = await desk.entries()
    begin = desk.until - timedelta(days=50)
    report = await desk.lines(ReportKind.FACTOR_CHANGES, from_at=begin, as_of=desk.until)
    changes = ("TwoFactorEnabled", "TwoFactorImported", "KeyReset", "TwoFactorDisabled")
    expected = [e for e in entries if e["type"] in changes and datetime.fromisoformat(e["at"]) >= begin]
    rows = {row["position"]: row for row in report.rows}
    recoveries = [e for e in entries if e["type"] == "RecoveryCodeUsed" and datetime.fromisoformat(e["at"]) >= begin]
    assert [p for p, row in rows.items() if row["act"] == "recovery_code_used"] == [e["position"] for e in recoveries]
    assert report.header["totals"]["recovery_code_used"] == len(recoveries)
    assert [p for p in rows if rows[p]["act"] in ("enabled", "replaced", "imported", "reset", "disabled")] == [
        entry["position"] for entry in expected
    ]
    for entry in expected:
        row = rows[entry["position"]]
        assert (row["user_id"], row["actor"]["id"]) == (entry["stream_id"], entry["actor"]["id"])
        assert row["re_enrolled_at"] == _on_again(entries, entry)
        if entry["actor"]["id"] not in (None, entry["stream_id"]) and entry["actor"]["kind"] == "user":
            assert row["reason"]
            assert row["step_up"]["factor"] in ("otp", "password")
    assert {"reset", "disabled", "enabled"} <= {row["act"] for row in report.rows}
    assert any(row["re_enrolled_at"] for row in report.rows)


def _on_again(entries: list[dict[str, Any]], entry: dict[str, Any]) -> str | None:
    if entry["type"] not in ("KeyReset", "TwoFactorDisabled"):
        return None
    later = (
        e["at"]
        for e in entries[entry["position"] :]
        if e["stream_id"] == entry["stream_id"] and e["type"] in ("TwoFactorEnabled", "TwoFactorImported")
    )
    found = next(later, None)
    return datetime.fromisoformat(found).isoformat().replace("+00:00", "Z") if found else None


async def test_administrator_acts_are_all_that_somebody_did_to_others(desk: Desk) -> None:
    entries = own_fold.upto(await desk.entries(), desk.until)
    report = await desk.lines(ReportKind.ADMINISTRATOR_ACTS, as_of=desk.until)
    assert [row["position"] for row in report.rows] == [e["position"] for e in entries if own_fold.is_act(e)]
    for row in report.rows:
        entry = entries[row["position"] - 1]
        assert (row["type"], row["actor"]["kind"], row["actor"]["id"]) == (
            entry["type"],
            entry["actor"]["kind"],
            entry["actor"]["id"],
        )
    assert any(row["reason"] for row in report.rows)
    assert any(row["actor"]["label"] for row in report.rows)


async def test_failed_attempts_are_all_of_the_period(desk: Desk) -> None:
    entries = await desk.entries()
    begin, end = desk.until - timedelta(days=60), desk.until - timedelta(days=20)
    report = await desk.lines(ReportKind.FAILED_ATTEMPTS, from_at=begin, to_at=end)
    types = {
        *("PasswordRejected", "CodeRejected", "SessionPasswordRejected", "SignInRefused", "AccessDenied"),
        *("TwoFactorPaused", "TwoFactorLocked", "TwoFactorUnlocked"),
    }
    expected = [e for e in entries if e["type"] in types and begin <= datetime.fromisoformat(e["at"]) < end]
    assert [row["position"] for row in report.rows] == [e["position"] for e in expected]
    assert report.header["totals"]["CodeRejected"] == sum(e["type"] == "CodeRejected" for e in expected) > 0


async def test_session_revocations_tell_when_everybody_knew(desk: Desk) -> None:
    entries = own_fold.upto(await desk.entries(), desk.until)
    report = await desk.lines(ReportKind.SESSION_REVOCATIONS, as_of=desk.until)
    told = {e["data"]["cause_position"]: e for e in entries if e["type"] in ("SessionsRevoked", "EveryoneSignedOut")}
    assert {row["position"] for row in report.rows} >= told.keys()
    for row in report.rows:
        outcome = told.get(row["position"])
        if outcome is None:
            assert row["told_at"] is None
            continue
        assert row["milliseconds_to_effect"] == outcome["data"]["milliseconds_to_effect"]
        assert outcome["position"] in row["rests_on"]
        if outcome["type"] == "SessionsRevoked":
            assert (row["sessions"], row["sign_ins"]) == (outcome["data"]["sessions"], outcome["data"]["sign_ins"])
    assert len(told) > 5


async def test_policy_history_and_api_clients_are_those_of_the_log(desk: Desk) -> None:
    entries = own_fold.upto(await desk.entries(), desk.until)
    policies = [e for e in entries if e["type"] in ("CompanyCreated", "PolicyChanged")]
    report = await desk.lines(ReportKind.POLICY_HISTORY, as_of=desk.until)
    assert [row["position"] for row in report.rows] == [e["position"] for e in policies]
    assert [row["until"] for row in report.rows][-1] is None
    for row, entry in zip(report.rows[1:], policies[1:], strict=True):
        assert row["requirement"] == entry["data"]["policy"]["requirement"]
        assert row["grace_days"] == entry["data"]["policy"]["grace_days"]
    made = {e["stream_id"]: e for e in entries if e["type"] == "ApiClientCreated"}
    revoked = {e["stream_id"] for e in entries if e["type"] == "ApiClientRevoked"}
    clients = await desk.lines(ReportKind.API_CLIENTS, as_of=desk.until)
    assert {row["client_id"]: row["scopes"] for row in clients.rows} == {
        stream: entry["data"]["scopes"] for stream, entry in made.items()
    }
    assert {row["client_id"] for row in clients.rows if row["state"] == "revoked"} == revoked
