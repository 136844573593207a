"""V-04: alive and ready are two questions, and why a process is not ready is told to operators only."""

from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from services.adapters.key_file import create_key_file
from services.adapters.system import SystemEntropy
from services.api.system import operations_app
from tests.support.database import Database
from tests.support.service import Service, running


async def test_v04_a_process_without_anything_wrong_is_alive_and_ready(service: Service) -> None:
    assert (await service.call("GET", "/healthz")).status == 200
    assert (await service.call("GET", "/readyz")).status == 200


async def test_v04_an_audit_trail_that_lags_makes_a_process_not_ready_but_leaves_it_alive(service: Service) -> None:
    await service.company()
    service.clock.advance(seconds=6)

    ready = await service.call("GET", "/readyz")

    assert (ready.status, ready.code) == (503, "unavailable")
    assert "Retry-After" in ready.headers
    assert b"trail" not in ready.raw
    assert (await service.call("GET", "/healthz")).status == 200


async def test_v04_the_reasons_stand_on_the_operations_port(service: Service) -> None:
    await service.company()
    service.clock.advance(seconds=6)
    parts = service.parts
    app = operations_app(parts.application, parts.readiness, parts.metrics)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/readyz")
        told = await answer.json()
    assert answer.status == 503
    assert told == {"status": "not_ready", "problems": ["the audit trail is more than 5 s behind"]}


async def test_v04_another_key_than_the_installation_s_makes_a_process_not_ready(
    service: Service, database: Database, tmp_path: Path
) -> None:
    await service.person(await service.company(), "udo.user")
    await service.parts.vault.pepper()
    other = tmp_path / "other" / "key"
    create_key_file(other, SystemEntropy().bytes)
    async with running(database, tmp_path, service.clock, key_file=other) as stranger:
        assert (await stranger.call("GET", "/readyz")).status == 503
        assert (await stranger.call("GET", "/healthz")).status == 200


async def test_v04_a_database_that_is_gone_makes_a_process_not_ready(service: Service) -> None:
    await service.parts.pool.close()
    assert (await service.call("GET", "/readyz")).status == 503
    assert (await service.call("GET", "/healthz")).status == 200
