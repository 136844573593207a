"""What several of these tests share."""

import pytest

from tests.support.processes import Installation


@pytest.fixture(scope="session")
def second(installation: Installation) -> str:
    """The address of a further API process on the same data."""
    child, url = installation.serve()
    child.wait_ready()
    return url
