"""Throttling of codes: every failure counts on the account, over all doors (NIST SP 800-63B 3.2.2)."""

from datetime import timedelta
from typing import Literal, TypeAlias
from uuid import UUID

from events.user.commands import BreakGlassProof, OtpProof, Proof, RecoveryProof, Wish
from events.user.events import (
    CodeRejected,
    Door,
    Factor,
    TwoFactorLocked,
    TwoFactorPaused,
    UserEvent,
)
from events.user.limits import DISABLE_AT, FIRST_PAUSE_AT, LOCK, LOCK_AT, PAUSES
from events.user.state import Ladder, UserState

Result: TypeAlias = Literal["wrong", "used", "not_evaluated", "unreadable"]


def judge(
    state: UserState, wish: Wish, proof: Proof, door: Door, holder_id: UUID | None = None
) -> tuple[UserEvent, ...] | None:
    """None when the proof holds; else the facts of the failed try (none when an earlier one says it already)."""
    factor = _factor(proof)
    if is_stopped(state.ladder, wish):
        # Not evaluated, not counted, not used up; the first such try of a pause is on record.
        if state.ladder.ignored:
            return ()
        return (_rejected(wish, door, factor, "not_evaluated", None),)
    if isinstance(proof, RecoveryProof):
        holds = proof.code_id is not None and proof.code_id in state.recovery_codes
        return None if holds else _failed(state, wish, door, factor, holder_id)
    if isinstance(proof, BreakGlassProof):
        given = state.break_glass
        holds = given is not None and given.id == proof.code_id and wish.now < given.expires_at
        return None if holds else _failed(state, wish, door, factor, holder_id)
    if proof.unreadable:
        return (_rejected(wish, door, factor, "unreadable", None),)
    if proof.time_step is None:
        return _failed(state, wish, door, factor, holder_id)
    if is_spent(state, proof):
        return (_rejected(wish, door, factor, "used", holder_id),)
    return None


def _factor(proof: Proof) -> Factor:
    match proof:
        case OtpProof():
            return "otp"
        case RecoveryProof():
            return "recovery_code"
        case BreakGlassProof():
            return "break_glass_code"


def judge_pending(state: UserState, wish: Wish, time_step: int | None, key_id: UUID) -> tuple[UserEvent, ...] | None:
    """The same for a code of a key that is not confirmed yet: it has no spent steps, but the account has one count."""
    if is_stopped(state.ladder, wish):
        return () if state.ladder.ignored else (_rejected(wish, Door.CONFIRM, "otp", "not_evaluated", None),)
    return None if time_step is not None else _failed(state, wish, Door.CONFIRM, "otp", key_id)


def is_stopped(ladder: Ladder, wish: Wish) -> bool:
    """Is the second factor paused, locked or disabled now?"""
    return ladder.disabled or (ladder.until is not None and wish.now < ladder.until)


def is_spent(state: UserState, proof: OtpProof) -> bool:
    """Was this step, or a later one, accepted before, or was the code held against a key that is gone?"""
    if state.key is None or proof.key_id != state.key.id:
        return True
    return proof.time_step is not None and proof.time_step <= state.key.last_step


def _rejected(wish: Wish, door: Door, factor: Factor, result: Result, holder_id: UUID | None) -> CodeRejected:
    return CodeRejected(door=door, factor=factor, result=result, holder_id=holder_id, rejected_at=wish.now)


def _failed(state: UserState, wish: Wish, door: Door, factor: Factor, holder_id: UUID | None) -> tuple[UserEvent, ...]:
    rejected = _rejected(wish, door, factor, "wrong", holder_id)
    short, total = state.ladder.short + 1, state.ladder.total + 1
    sign_ins = tuple(s.id for s in state.sign_ins)
    if total >= DISABLE_AT:
        return (rejected, TwoFactorLocked(failures=total, until=None, sign_ins_ended=sign_ins))
    if short >= LOCK_AT:
        until = wish.now + LOCK * 2**state.ladder.locks
        return (rejected, TwoFactorLocked(failures=total, until=until, sign_ins_ended=sign_ins))
    if short >= FIRST_PAUSE_AT:
        until = wish.now + timedelta(seconds=PAUSES[short - FIRST_PAUSE_AT])
        return (rejected, TwoFactorPaused(failures=total, until=until))
    return (rejected,)
