"""A-04: nobody changes an event; the service's own role may not even try."""

import asyncpg
import pytest

from tests.contract.stores import PostgresWorld, append, whole_log

CHANGES = [
    "UPDATE event SET entry = entry",
    "UPDATE event SET type = 'SignedIn' WHERE position = 1",
    "DELETE FROM event",
    "DELETE FROM event WHERE position = 1",
    "TRUNCATE event",
    "TRUNCATE event CASCADE",
    """MERGE INTO event AS e USING (SELECT 1) AS one ON e.position = 1 WHEN MATCHED THEN DELETE""",
    """INSERT INTO event (company_id, position, stream_id, version, type, entry)
       SELECT company_id, position, stream_id, version, type, ''::bytea FROM event
       ON CONFLICT (company_id, position) DO UPDATE SET entry = excluded.entry""",
]
STRUCTURE = [
    "ALTER TABLE event DISABLE TRIGGER ALL",
    "ALTER TABLE event DISABLE TRIGGER event_is_append_only",
    "ALTER TABLE event ADD COLUMN note text",
    "ALTER TABLE event OWNER TO factorlog_app",
    "DROP TRIGGER event_is_append_only ON event",
    "DROP TABLE event",
    "ALTER TABLE event RENAME TO former_event",
    "CREATE OR REPLACE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER another BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse_event_change()",
    "CREATE RULE nothing AS ON INSERT TO event DO INSTEAD NOTHING",
    "CREATE TABLE event_copy AS SELECT * FROM event",
    "CREATE SCHEMA mine",
    "SET session_replication_role = replica",
    "DELETE FROM company_log",
    "TRUNCATE company_log",
    "DELETE FROM user_state",
    "DELETE FROM company_state",
    "DELETE FROM schema_migration",
    "SET ROLE factorlog_owner",
]


@pytest.mark.parametrize("statement", CHANGES + STRUCTURE)
async def test_the_restricted_role_may_only_read_and_add(postgres: PostgresWorld, statement: str) -> None:
    """A-04."""
    store = postgres.process()
    await store.append(append())
    before = await whole_log(store)
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as caught:
        await postgres.pool.execute(statement)
    assert "append-only" not in str(caught.value), "refused by the trigger only, not for lack of the right"
    assert await whole_log(store) == before


@pytest.mark.parametrize("statement", CHANGES)
async def test_even_the_owner_is_stopped_by_the_trigger(postgres: PostgresWorld, statement: str) -> None:
    """An accident of an administrator; whoever means it is found by the checkpoints."""
    store = postgres.process()
    await store.append(append())
    before = await whole_log(store)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await postgres.owner.execute(statement)
    assert await whole_log(store) == before


async def test_the_restricted_role_owns_nothing_and_is_nothing_special(postgres: PostgresWorld) -> None:
    owned = "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
    assert await postgres.pool.fetchval(owned) == 0
    powers = """
        SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
        FROM pg_roles WHERE rolname = current_user
    """
    assert await postgres.pool.fetchval(powers) is False


async def test_a_position_or_version_is_given_once(postgres: PostgresWorld) -> None:
    """Were the lock ever missing, the table itself would refuse."""
    await postgres.process().append(append())
    twin = """
        INSERT INTO event (company_id, position, stream_id, version, type, entry)
        SELECT company_id, position + $1, stream_id, version + $2, type, entry FROM event
    """
    for position, version in ((0, 1), (1, 0)):
        with pytest.raises(asyncpg.UniqueViolationError):
            await postgres.pool.execute(twin, position, version)


async def test_an_entry_has_at_most_65535_bytes(postgres: PostgresWorld) -> None:
    await postgres.process().append(append())
    long = """
        INSERT INTO event (company_id, position, stream_id, version, type, entry)
        SELECT company_id, 2, stream_id, 2, type, $1 FROM event
    """
    with pytest.raises(asyncpg.CheckViolationError):
        await postgres.pool.execute(long, b"x" * 65_536)
    await postgres.pool.execute(long, b"x" * 65_535)
