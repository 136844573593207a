"""A worker beside the API of a test."""

from pathlib import Path

import pytest

from tests.support.service import Service
from tests.workers.support import Worker


@pytest.fixture
def worker(service: Service) -> Worker:
    """The worker's parts, run when the test says so."""
    return Worker(service.parts, Path(service.parts.settings.data_dir))
