"""Wrapped data keys in Postgres: every row once, and written only where it is as it was read."""

import os
from uuid import UUID, uuid4

from services.adapters.wrapped_keys import PAGE, PostgresWrappedKeys
from services.application.key_rotation import Holder, WrappedKey
from tests.support.database import Pool


async def fill(pool: Pool, people: int) -> set[tuple[object, ...]]:
    """Rows of all three tables; where they are."""
    persons = [(uuid4(), uuid4()) for _ in range(people)]
    months = [(persons[0][0], f"2026-{month:02}") for month in range(1, 13)]
    names = [("pepper",), ("another",)]
    for table, places in (("person_key", persons), ("trace_key", months), ("installation_key", names)):
        records = [(*place, os.urandom(40)) for place in places]
        await pool.copy_records_to_table(table, records=records)
    return {*persons, *months, *names}


async def all_of(rows: PostgresWrappedKeys) -> list[WrappedKey]:
    return [row async for page in rows.pages() for row in page]


async def test_every_row_comes_once_and_is_counted(app_pool: Pool) -> None:
    rows = PostgresWrappedKeys(app_pool)
    assert await rows.count() == 0
    places = await fill(app_pool, 2 * PAGE + 1)
    found = await all_of(rows)
    assert len(found) == len(places) == await rows.count()
    assert {row.place for row in found} == places


async def test_a_page_holds_keys_of_one_kind(app_pool: Pool) -> None:
    await fill(app_pool, PAGE)
    kinds = [{row.holder for row in page} async for page in PostgresWrappedKeys(app_pool).pages()]
    assert kinds == [{Holder.PERSON}, {Holder.MONTH}, {Holder.INSTALLATION}]


async def test_a_row_is_written_only_where_it_is_as_it_was_read(app_pool: Pool, owner_pool: Pool) -> None:
    rows = PostgresWrappedKeys(app_pool)
    await fill(app_pool, 3)
    for holder, table in ((Holder.PERSON, "person_key"), (Holder.MONTH, "trace_key")):
        changed, gone, *others = [row for row in await all_of(rows) if row.holder is holder]
        second = {Holder.PERSON: "user_id", Holder.MONTH: "month"}[holder]
        await owner_pool.execute(f"UPDATE {table} SET wrapped = 'other' WHERE {second} = $1", changed.place[1])
        await owner_pool.execute(f"DELETE FROM {table} WHERE {second} = $1", gone.place[1])

        assert await rows.rewrap([(row, b"new") for row in (changed, gone, *others)]) == len(others)

        left = {row.place: row.wrapped for row in await all_of(rows) if row.holder is holder}
        assert left == {changed.place: b"other", **{row.place: b"new" for row in others}}
    pepper = WrappedKey(Holder.INSTALLATION, ("pepper",), b"not as it is")
    assert await rows.rewrap([(pepper, b"new")]) == 0
    assert await rows.rewrap([]) == 0


async def test_one_users_key_in_two_companies_is_two_keys(app_pool: Pool) -> None:
    rows, user = PostgresWrappedKeys(app_pool), uuid4()
    places = [(UUID(int=1), user), (UUID(int=2), user)]
    await app_pool.copy_records_to_table("person_key", records=[(*place, b"old") for place in places])
    first, _ = await all_of(rows)
    assert await rows.rewrap([(first, b"new")]) == 1
    assert {row.place: row.wrapped for row in await all_of(rows)} == {places[0]: b"new", places[1]: b"old"}
