"""Every test that asks for a `world` runs on each implementation of the event store."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from events.store.port import EventStore
from tests.contract.stores import PostgresWorld, World, memory_world, postgres_world
from tests.support.database import PostgresServer


@pytest.fixture(params=["memory", "postgres"])
def server(request: pytest.FixtureRequest) -> PostgresServer | None:
    if request.param == "memory":
        return None
    found: PostgresServer = request.getfixturevalue("postgres_server")
    return found


@pytest_asyncio.fixture
async def world(server: PostgresServer | None) -> AsyncIterator[World]:
    if server is None:
        yield memory_world()
        return
    async with postgres_world(server) as postgres:
        yield postgres


@pytest.fixture
def store(world: World) -> EventStore:
    return world.process()


@pytest_asyncio.fixture
async def postgres(postgres_server: PostgresServer) -> AsyncIterator[PostgresWorld]:
    """For promises that only Postgres makes."""
    async with postgres_world(postgres_server) as found:
        yield found
