"""Statements on the hot path find their rows by the index that was made for them, however much there is."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio

from events.company.state import CompanyState
from events.store.states import company_doc, user_doc
from events.user.state import UserState
from services.bootstrap import open_pool
from tests.support.database import Database, Pool
from tests.support.service import settings_for

ROOT: Final = Path(__file__).parents[2]
OF_A_USER: Final = {"user_state_pkey", "person_key_pkey", "company_state_pkey", "credential_of_user"}

# statement: the indexes it uses
PLANS: Final = {
    "services/adapters/sql/users_page.sql": {"user_by_login", "user_state_pkey"},
    "services/adapters/sql/users_page_back.sql": {"user_by_login", "user_state_pkey"},
    "services/adapters/sql/users_count.sql": {"user_by_login"},
    "services/adapters/sql/users_unprotected.sql": {"user_by_login", "user_state_pkey"},
    "services/adapters/sql/sign_in_hours.sql": {"sign_in_hour_pkey"},
    "services/adapters/sql/companies_page.sql": {"company_by_name"},
    "services/adapters/sql/companies_page_back.sql": {"company_by_name"},
    "services/adapters/sql/audit_walk.sql": {"audit_trail_1_pkey", "event_pkey"},
    "services/adapters/sql/audit_walk_of_subject.sql": {"audit_trail_1_subject", "event_pkey"},
    "services/adapters/sql/audit_walk_of_actor.sql": {"audit_trail_1_actor", "event_pkey"},
    "services/adapters/sql/audit_walk_of_type.sql": {"audit_trail_1_type", "event_pkey"},
    "services/adapters/sql/audit_period.sql": {"audit_trail_1_at"},
    "services/adapters/sql/audit_window.sql": {"audit_trail_1_pkey", "event_pkey"},
    "services/adapters/sql/audit_window_count.sql": {"audit_trail_1_pkey"},
    "workers/sql/expiring_users.sql": {"user_expiring"},
    "workers/sql/expired_months.sql": {"trace_key_by_month"},
    "events/projections/sql/has_month.sql": {"event_pkey"},
    "workers/sql/claim_effects.sql": {"effect_open", "effect_pkey", "event_pkey"},
    "workers/effects/sql/users_of_roles.sql": {"user_by_role"},
    "events/store/sql/load_callers.sql": {*OF_A_USER, "credential_pkey"},
    "events/store/sql/load_login.sql": {*OF_A_USER, "login_pkey", "known_address_pkey"},
    "events/store/sql/load_user.sql": OF_A_USER,
    "events/store/sql/read_events.sql": {"event_pkey"},
}
# A trail of 3,000 and a hundred small ones.
_TRAILS: Final = """
    INSERT INTO audit_trail_1 (company_id, position, type, at, subject_id, actor_kind, ip, words)
    SELECT c.id, n, 'Type' || n % 40, now() + n * interval '1 second', gen_random_uuid(), 'user', '127.0.0.1', 'a b'
    FROM unnest($1::uuid[]) WITH ORDINALITY AS c (id, number),
        generate_series(1, CASE WHEN c.number = 1 THEN 3000 ELSE 30 END) AS n
"""
MAY_SORT: Final = {
    "workers/effects/sql/users_of_roles.sql",  # the few of some roles
    "services/adapters/sql/users_count.sql",  # numbers, before they are grouped, where few rows are expected
}


@pytest_asyncio.fixture
async def pool(database: Database, tmp_path: Path) -> AsyncIterator[Pool]:
    """With the settings that the service's own connections have."""
    made = await open_pool(settings_for(database, tmp_path))
    yield made
    await made.close()


@pytest_asyncio.fixture(params=["empty", "just filled", "analyzed"])
async def tables(request: pytest.FixtureRequest, owner_pool: Pool) -> None:
    """Plans must not hang on statistics: a new installation has none, and keeps its plans until it has."""
    if request.param != "empty":
        await _fill(owner_pool)
    if request.param == "analyzed":
        await owner_pool.execute("ANALYZE")


async def _fill(owner: Pool) -> None:
    """A company of 3,000, and a hundred small ones."""
    companies = [uuid4() for _ in range(100)]
    named = [(i, i, 1, 1, company_doc(CompanyState(exists=True, name=f"Firma {i}")).doc) for i in companies]
    users = [(companies[0], uuid4()) for _ in range(3_000)] + [(i, uuid4()) for i in companies for _ in range(3)]
    states = [
        (company_id, user_id, 1, 1, 0, user_doc(_user(number)).doc)
        for number, (company_id, user_id) in enumerate(users)
    ]
    rows = [(c, uuid4(), u, kind, b"", "{}") for c, u in users for kind in ("password", "key", "session")]
    copy = owner.copy_records_to_table
    state = ["company_id", "stream_id", "version", "schema"]
    await copy("company_state", records=named, columns=[*state, "doc"])
    await copy("user_state", records=states, columns=[*state, "authority", "doc"])
    await copy("credential", records=rows, columns=["company_id", "id", "user_id", "kind", "secret", "attributes"])
    await owner.execute(_TRAILS, companies)


def _user(number: int) -> UserState:
    return UserState(exists=True, login=f"user.{number}", role="user" if number % 100 else "administrator")


@pytest.mark.usefixtures("tables")
async def test_hot_statements_use_their_indexes_and_read_no_table_through(pool: Pool) -> None:
    wrong = {}
    for file, indexes in PLANS.items():
        nodes = list(_nodes(await _plan(pool, (ROOT / file).read_text(encoding="utf-8"))))
        used = {node["Index Name"] for node in nodes if "Index Name" in node}
        kinds = {node["Node Type"] for node in nodes} & {"Seq Scan", "Sort", "Incremental Sort", "Hash", "Materialize"}
        if file in MAY_SORT:
            kinds -= {"Sort"}
        if used != indexes or kinds:
            wrong[file] = (used ^ indexes, kinds)
    assert not wrong


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("name", ["users_page", "users_page_back", "users_count", "users_unprotected"])
async def test_a_company_is_looked_through_in_the_index_alone(pool: Pool, name: str) -> None:
    plan = await _plan(pool, (ROOT / f"services/adapters/sql/{name}.sql").read_text(encoding="utf-8"))
    (scan,) = (node for node in _nodes(plan) if node.get("Index Name") == "user_by_login")
    assert scan["Node Type"] == "Index Only Scan"


@pytest.mark.usefixtures("tables")
async def test_where_a_page_begins_is_found_and_not_counted_off(pool: Pool) -> None:
    for name, index in (
        ("users_page", "user_by_login"),
        ("users_page_back", "user_by_login"),
        ("companies_page", "company_by_name"),
        ("companies_page_back", "company_by_name"),
    ):
        plan = await _plan(pool, (ROOT / f"services/adapters/sql/{name}.sql").read_text(encoding="utf-8"))
        (scan,) = (node for node in _nodes(plan) if node.get("Index Name") == index)
        assert "ROW(" in scan.get("Index Cond", ""), name


@pytest.mark.usefixtures("tables")
async def test_what_is_rare_in_a_trail_is_found_by_the_index_of_all_marks(pool: Pool, owner_pool: Pool) -> None:
    async def scans() -> dict[str, int]:
        rows = await owner_pool.fetch(
            "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = 'audit_trail_1'"
        )
        return {row[0]: row[1] for row in rows}

    before = await scans()
    async with pool.acquire() as connection:
        await connection.fetch("SELECT audit_found($1, $2::text::tsquery, 1, 100000, 50)", uuid4(), "' tType1' & 'a':*")
        await connection.execute("SELECT pg_stat_force_next_flush()")
    after = await scans()
    assert {name for name, number in after.items() if number != before[name]} == {"audit_trail_1_marks"}


async def _plan(pool: Pool, sql: str) -> dict[str, Any]:
    """As it runs: planned once, whatever the arguments."""
    async with pool.acquire() as connection:
        count = len((await connection.prepare(sql)).get_parameters())
        await connection.execute(f"PREPARE asked AS {sql}")
        try:
            found = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked({', '.join(['NULL'] * count)})")
        finally:
            await connection.execute("DEALLOCATE asked")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
