"""Fixtures of the whole suite; each stands in the module of its subject."""

import pytest

# Before anything imports it: a failed `then` shows what differs.
pytest.register_assert_rewrite("tests.support.given", "tests.support.people")

pytest_plugins = (
    "tests.support.database",
    "tests.support.service",
    "tests.support.processes",
    "tests.support.scene",
    "tests.support.browser",
    "tests.support.acme",
    "tests.support.portal_walk",
)
