"""The sweeper removes what is long over, a slice at a time, and nothing else."""

from datetime import timedelta
from uuid import uuid4

import pytest

import workers.sweeper
from tests.support.database import Pool
from tests.support.service import Service
from workers.sweeper import Sweeper


@pytest.fixture
def sweeper(service: Service) -> Sweeper:
    return Sweeper(service.parts.pool, service.clock)


async def test_credentials_go_an_hour_after_they_expired(service: Service, sweeper: Sweeper, app_pool: Pool) -> None:
    company = await service.company()
    uta = await service.person(company, "uta.user", on=True)
    await service.pending(uta)
    await service.sign_in(uta)
    kinds = "SELECT kind, count(*) FROM credential GROUP BY kind"
    before = {row["kind"]: row["count"] for row in await app_pool.fetch(kinds)}
    service.clock.advance(minutes=30)
    assert await sweeper.sweep() == 0
    service.clock.advance(minutes=40)
    await sweeper.sweep()
    after = {row["kind"]: row["count"] for row in await app_pool.fetch(kinds)}
    assert after == {kind: count for kind, count in before.items() if kind != "sign_in"}
    service.clock.advance(hours=13)
    await sweeper.sweep()
    assert {row[0] for row in await app_pool.fetch(kinds)} == {"key", "password", "recovery_code"}


async def test_windows_and_answers_go_after_a_day(service: Service, sweeper: Sweeper, app_pool: Pool) -> None:
    now, company = service.clock.now(), uuid4()
    for age in (1, 23, 25, 100):
        at = now - timedelta(hours=age)
        await app_pool.execute("INSERT INTO throttle VALUES ($1, $2, 1)", str(age).encode(), at)
        await app_pool.execute(
            "INSERT INTO idempotency (company_id, caller, key, digest, created_at) VALUES ($1, 'c', $2, '', $3)",
            company,
            str(age),
            at,
        )
    assert await sweeper.sweep() == 4
    assert [bytes(row[0]) for row in await app_pool.fetch("SELECT subject FROM throttle ORDER BY 1")] == [b"1", b"23"]
    assert [row[0] for row in await app_pool.fetch("SELECT key FROM idempotency ORDER BY 1")] == ["1", "23"]
    assert await sweeper.sweep() == 0


async def test_a_sweep_is_bounded_and_the_next_one_goes_on(
    service: Service, sweeper: Sweeper, app_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers.sweeper, "SLICE", 10)
    monkeypatch.setattr(workers.sweeper, "SLICES", 2)
    old = service.clock.now() - timedelta(days=2)
    await app_pool.executemany("INSERT INTO throttle VALUES ($1, $2, 1)", [(str(n).encode(), old) for n in range(50)])
    assert [await sweeper.sweep() for _ in range(5)] == [20, 20, 10, 0, 0]
