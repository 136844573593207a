"""Acts on other users' second factors: order, reset, disable, unlock, exceptions, codes for once, and many at once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from events.decision import Refusal
from events.policy import EffectiveFactor, effective
from events.store.port import IdempotencyClaim, StoredUser
from events.user import commands
from events.user.events import BreakGlassCodeIssued, OverrideKind
from services.application import access
from services.application.codes import Codes
from services.application.context import Caller
from services.application.errors import Contended, Refused, Unacceptable
from services.application.ports import Clock
from services.application.rules import Rules
from services.application.user_acts import FACTOR, Make, UserActs

BulkAct: TypeAlias = Literal["enable", "reset", "disable"]

_AT_ONCE: Final = 16  # of a bulk act: they share the company's appends


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassCode:
    """Shown once, to whoever issued it."""

    code: str = field(repr=False)
    expires_at: datetime
    two_factor: EffectiveFactor


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What became of one user of a bulk act. Neither refused nor contended: done."""

    user_id: UUID
    refusal: Refusal | None = None
    contended: bool = False


class OthersFactors:
    def __init__(self, acts: UserActs, codes: Codes, clock: Clock, rules: Rules) -> None:
        self._acts = acts
        self._codes = codes
        self._clock = clock
        self._rules = rules

    async def order_enrolment(self, caller: Caller, user_id: UUID, reason: str) -> EffectiveFactor:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.OrderEnrolment(now=self._clock.now(), rules=user.company.rules, reason=reason)

        return await self._act_on_factor(caller, user_id, make)

    async def reset_key(self, caller: Caller, user_id: UUID, reason: str) -> EffectiveFactor:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.ResetKey(now=self._clock.now(), rules=user.company.rules, reason=reason)

        return await self._act_on_factor(caller, user_id, make)

    async def disable_factor(self, caller: Caller, user_id: UUID, reason: str) -> EffectiveFactor:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.DisableFactor(now=self._clock.now(), rules=user.company.rules, reason=reason)

        return await self._act_on_factor(caller, user_id, make)

    async def unlock(self, caller: Caller, user_id: UUID, reason: str) -> EffectiveFactor:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.UnlockFactor(now=self._clock.now(), reason=reason)

        return await self._act_on_factor(caller, user_id, make)

    async def override(
        self, caller: Caller, user_id: UUID, override: OverrideKind, until: datetime | None, reason: str
    ) -> EffectiveFactor:
        """An exception from the policy, until a moment in the future or for good. Raises Unacceptable."""
        if until is not None and until <= self._clock.now():
            raise Unacceptable("until", "past", "must lie in the future")

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.OverridePolicy(
                now=self._clock.now(), rules=user.company.rules, override=override, until=until, reason=reason
            )

        return await self._act_on_factor(caller, user_id, make)

    async def break_glass(self, caller: Caller, user_id: UUID, reason: str) -> BreakGlassCode:
        """A code for once for somebody locked out; only a person issues it. Pause and lock are over."""
        access.demand_person(caller)
        target = await self._acts.find(caller, user_id)
        fresh = await self._codes.break_glass_code(target)
        row = replace(fresh.row, expires_at=self._clock.now() + self._rules.limits.break_glass)

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.IssueBreakGlassCode(
                now=self._clock.now(), limits=self._rules.limits, code_id=row.id, reason=reason
            )

        done = await self._acts.run(caller, user_id, FACTOR, make, (row,))
        issued = done.event(BreakGlassCodeIssued)
        assert isinstance(issued, BreakGlassCodeIssued)  # noqa: S101 - the decision was granted
        return BreakGlassCode(code=fresh.code, expires_at=issued.expires_at, two_factor=self._effective(done.user))

    async def bulk(
        self, caller: Caller, act: BulkAct, user_ids: Sequence[UUID], reason: str, claim: IdempotencyClaim | None
    ) -> list[BulkResult]:
        """One act on each of these users, each by itself: what is refused for one changes nothing for the others."""
        self._acts.demand(caller, FACTOR)
        alone = replace(caller, request=replace(caller.request, idempotency=None)) if claim is not None else caller
        free = asyncio.Semaphore(_AT_ONCE)
        acts = {"enable": self.order_enrolment, "reset": self.reset_key, "disable": self.disable_factor}

        async def one(user_id: UUID) -> BulkResult:
            async with free:
                try:
                    await acts[act](alone, user_id, reason)
                except Refused as refused:
                    return BulkResult(user_id, refused.refusal)
                except Contended:
                    return BulkResult(user_id, contended=True)
                return BulkResult(user_id)

        return list(await asyncio.gather(*(one(user_id) for user_id in dict.fromkeys(user_ids))))

    async def _act_on_factor(self, caller: Caller, user_id: UUID, make: Make) -> EffectiveFactor:
        return self._effective((await self._acts.run(caller, user_id, FACTOR, make)).user)

    def _effective(self, user: StoredUser) -> EffectiveFactor:
        return effective(user.state, user.company.rules, self._clock.now())
