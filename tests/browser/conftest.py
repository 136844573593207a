"""A reader with and without JavaScript."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.reader import Reader
from tests.support.browser import Open
from tests.support.service import Service

MakeReader = Callable[..., Awaitable[Reader]]


@pytest.fixture(params=[True, False], ids=["with_javascript", "without_javascript"])
def java_script(request: pytest.FixtureRequest) -> bool:
    enabled: bool = request.param
    return enabled


@pytest_asyncio.fixture
async def reader_of(service: Service, open_page: Open, tmp_path: Path) -> MakeReader:
    """Makes readers; `on`: with an authenticator that is bound already."""

    async def make(login: str = "uta.user", *, on: bool = False, **options: object) -> Reader:
        person = await service.person(await service.company(), login, on=on, email="uta@acme.example")
        return Reader(await open_page(**options), service, person, tmp_path)

    return make
