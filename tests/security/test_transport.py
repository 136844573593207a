"""W-01: beyond loopback the service is reached through TLS only, and says so."""

from dataclasses import replace
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from services.api.app import create_app
from services.cli.serve import start
from services.settings import Settings
from tests.support.database import Database
from tests.support.service import Service, settings_for

HSTS = "Strict-Transport-Security"


async def test_w01_every_answer_behind_tls_carries_hsts_errors_too(service: Service) -> None:
    app = create_app(service.parts.application, service.parts.readiness, hosts=frozenset(), behind_tls=True)
    async with TestClient(TestServer(app)) as client:
        for path in ("/healthz", "/v1/me", "/nothing", "/docs"):
            assert "max-age=63072000" in (await client.get(path)).headers[HSTS]


async def test_w01_on_loopback_without_tls_there_is_no_hsts(service: Service) -> None:
    assert HSTS not in (await service.call("GET", "/healthz")).headers


async def test_w01_a_public_https_address_is_what_makes_serve_send_it(
    service: Service, database: Database, tmp_path: Path, unused_tcp_port: int
) -> None:
    settings: Settings = settings_for(
        database, tmp_path, listen=f"127.0.0.1:{unused_tcp_port}", public_url="https://portal.example"
    )
    runner = await start(replace(service.parts, settings=settings))
    try:
        async with service.http.get(f"http://127.0.0.1:{unused_tcp_port}/healthz") as answer:
            assert HSTS in answer.headers
    finally:
        await runner.cleanup()
