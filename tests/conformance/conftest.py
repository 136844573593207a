"""A process to be fuzzed, and tokens for it."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.people import Account
from tests.support.processes import Installation


@dataclass
class Fuzzed:
    """One process with the tokens that its routes ask for; what fuzzing ended is made anew."""

    installation: Installation
    url: str
    _accounts: dict[str, Account] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _victim: str | None = None

    def token(self, path: str, scheme: str) -> str:
        """A sign-in in progress, a user's own session, or an administrator's fresh one."""
        if scheme == "session" and not path.startswith("/v1/me"):
            return asyncio.run(self.installation.admin())
        kind = "me" if scheme == "session" else "enrolment" if "/enrolment" in path else "code"
        if kind not in self._tokens:
            self._tokens[kind] = asyncio.run(self._begin(kind))
        return self._tokens[kind]

    def victim(self) -> str:
        """A user on whom an administrator may act."""
        if self._victim is None:
            self._victim = asyncio.run(self._new("victim")).user_id
        return self._victim

    def after(self, status: int, answer: Any) -> None:
        """Forget what is gone."""
        code = answer.get("code") if isinstance(answer, dict) else None
        if code in ("unauthenticated", "step_up_required", "enrolment_required"):
            self._tokens.clear()
        if status == 404:
            self._victim = None

    async def _new(self, kind: str) -> Account:
        async with self.installation.portal(self.url) as portal:
            admin = await self.installation.admin()
            account = await portal.new(admin, on=kind == "code")
            if kind == "enrolment":
                path = f"/v1/users/{account.user_id}/two-factor/enable"
                ordered = await portal.call("POST", path, admin, {"reason": "to be fuzzed"})
                assert ordered.status == 200, ordered
        return account

    async def _begin(self, kind: str) -> str:
        if kind not in self._accounts:
            self._accounts[kind] = await self._new(kind)
        async with self.installation.portal(self.url) as portal:
            started = await portal.start(self._accounts[kind])
            if started.status != 201:
                # Its password was changed, or it was throttled: another one.
                self._accounts[kind] = await self._new(kind)
                started = await portal.start(self._accounts[kind])
        assert started.status == 201, started
        return str(started.json["token"])


@pytest.fixture(scope="session")
def fuzzed(installation: Installation) -> Iterator[Fuzzed]:
    """A further API process that answers refused first steps at once: thousands of them are sent."""
    child, url = installation.serve(FACTORLOG_REFUSAL_MILLISECONDS="0")
    child.wait_ready()
    yield Fuzzed(installation, url)
    assert [line for line in child.complaints.splitlines() if "unexpected_error" in line] == []
