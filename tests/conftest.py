"""Fixtures of the whole suite; each stands in the module of its subject."""

import pytest
from hypothesis import settings

# Before anything imports it: a failed `then` shows what differs.
pytest.register_assert_rewrite("tests.support.given", "tests.support.people")

# How long an example takes says how busy the machine is, and nothing about the rule.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

pytest_plugins = (
    "tests.support.database",
    "tests.support.service",
    "tests.support.processes",
    "tests.support.scene",
    "tests.support.browser",
    "tests.support.acme",
    "tests.support.portal_walk",
)
