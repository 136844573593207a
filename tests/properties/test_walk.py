"""S-10: tens of thousands of random wishes, and the rules and the model never disagree."""

import os
from collections import Counter
from typing import Final, get_args
from uuid import UUID

import pytest

from events.credentials import CredentialKind as Kind
from events.credentials import Endings
from events.totp import time_step
from events.user.commands import UserCommand
from events.user.endings import endings
from events.user.events import (
    BreakGlassCodeIssued,
    EnrolmentStarted,
    PasswordChanged,
    PasswordRehashed,
    PasswordReset,
    RecoveryCodesIssued,
    SignedIn,
    SignInAdvanced,
    SignInStarted,
    SteppedUp,
    TwoFactorEnabled,
    TwoFactorImported,
    UserCreated,
    UserEvent,
)
from events.user.evolve import fold
from events.user.state import UserState
from tests.properties.walk import Step, Walk
from tests.support.given import USER, ident

STEPS: Final = 1_000
WALKS: Final = 200 if os.environ.get("FACTORLOG_SOAK") == "1" else 24
PASSWORD: Final = ident("the-password")

Held = set[tuple[Kind, UUID]]


@pytest.mark.parametrize("seed", range(WALKS))
def test_rules_and_model_never_disagree(seed: int) -> None:
    """S-10: off, enrolment required, on; pending, order, ladder, sessions, sign-ins in progress."""
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.step()
        if walk.state.erased and walk.random.random() < 0.1:
            walk = Walk(walk.random.getrandbits(32) * 3 + seed % 3)
    assert fold(walk.events) == walk.state


def named(state: UserState) -> Held:
    """Every credential that a state speaks of."""
    held: Held = {(Kind.SESSION, s.id) for s in state.sessions}
    held |= {(Kind.SIGN_IN, s.id) for s in state.sign_ins}
    held |= {(Kind.RECOVERY_CODE, code) for code in state.recovery_codes}
    held |= {(Kind.KEY, state.key.id)} if state.key else set()
    held |= {(Kind.PENDING_KEY, state.pending.id)} if state.pending else set()
    held |= {(Kind.BREAK_GLASS, state.break_glass.id)} if state.break_glass else set()
    return held | ({(Kind.PASSWORD, PASSWORD)} if state.has_password else set())


def brought(event: UserEvent) -> Held:
    """What is inserted in the commit of a fact."""
    match event:
        case SignedIn() | SteppedUp():
            return {(Kind.SESSION, event.session_id)}
        case SignInStarted() | SignInAdvanced():
            return {(Kind.SIGN_IN, event.sign_in_id)}
        case EnrolmentStarted():
            return {(Kind.PENDING_KEY, event.key_id)}
        case TwoFactorEnabled():
            kept: Held = {(Kind.SESSION, event.kept)} if event.kept else set()
            return {(Kind.KEY, event.key_id)} | kept
        case TwoFactorImported():
            return {(Kind.KEY, event.key_id)}
        case BreakGlassCodeIssued():
            return {(Kind.BREAK_GLASS, event.code_id)}
        case RecoveryCodesIssued():
            return {(Kind.RECOVERY_CODE, code) for code in event.code_ids}
        case PasswordChanged() | PasswordReset() | PasswordRehashed():
            return {(Kind.PASSWORD, PASSWORD)}
        case UserCreated():
            return {(Kind.PASSWORD, PASSWORD)} if event.has_password else set()
        case _:
            return set()


def left(held: Held, ended: Endings) -> Held:
    """What an append leaves of the rows."""
    return {
        (kind, one)
        for kind, one in held
        if one not in ended.ids and not any(kind in e.kinds and one != e.keep for e in ended.all_of)
    }


@pytest.mark.parametrize("seed", range(WALKS // 4))
def test_the_rows_are_always_those_that_the_state_names(seed: int) -> None:
    """No decision deletes a credential that the new state still names, or leaves one that it no longer names."""
    walk, held = Walk(seed), set[tuple[Kind, UUID]]()
    for _ in range(STEPS):
        step = walk.step()
        held = left(held, endings(USER, step.decision.events, step.before, step.after))
        for event in step.decision.events:
            held |= brought(event)
        assert held == named(walk.state), f"seed {seed}: {step.wish}"


def accepted_step(step: Step) -> int | None:
    """The time step of an accepted code of the key that was on, if there was one."""
    if step.decision.refusal is not None or step.before.key is None:
        return None
    for event in step.decision.events:
        key = getattr(event, "proven_key_id", None) or getattr(event, "key_id", None)
        found: int | None = getattr(event, "time_step", None)
        if found is not None and key == step.before.key.id:
            return found
    return None


@pytest.mark.parametrize("seed", range(0, WALKS, 3))
def test_no_step_is_accepted_twice_or_after_a_later_one(seed: int) -> None:
    """O-01, O-02, defect 11: of one key, at any door, in any order; the spent step of the commit says the same."""
    walk, highest, seen_any = Walk(seed), dict[UUID, int](), 0
    for _ in range(STEPS):
        step = walk.step()
        found = accepted_step(step)
        for event in step.decision.events:
            if isinstance(event, TwoFactorEnabled | TwoFactorImported):
                highest[event.key_id] = event.time_step
        if found is None or step.before.key is None:
            continue
        key = step.before.key.id
        assert found > highest[key], f"seed {seed}: {step.wish}"
        assert found <= time_step(walk.now) + 1
        highest[key], seen_any = found, seen_any + 1
        spent = endings(USER, step.decision.events, step.before, step.after)
        removed = step.after.key is None or step.after.key.id != key
        assert removed or (spent.spent_key, spent.spent_step) == (key, found)
    assert seen_any or walk.wrongness > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_the_state_is_the_fold_of_the_log_at_every_moment(seed: int) -> None:
    """A-11: whatever is rebuilt is what was."""
    walk = Walk(seed)
    for number in range(300):
        walk.step()
        if number % 10 == 0:
            assert fold(walk.events) == walk.state


def test_a_walk_gets_everywhere() -> None:
    """A walk that never reached a lock would prove nothing about locks."""
    facts: Counter[str] = Counter()
    wishes: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    reached: set[str] = set()
    for seed in range(WALKS):
        walk = Walk(seed)
        for _ in range(STEPS):
            step = walk.step()
            wishes[type(step.wish).__name__] += 1
            facts.update(type(event).__name__ for event in step.decision.events)
            refusals[str(step.decision.refusal)] += 1
            reached |= {"disabled"} if walk.state.ladder.disabled else set()
            reached |= {"second lock"} if walk.state.ladder.locks > 1 else set()
            reached |= {"replacement"} if walk.state.key and walk.state.pending else set()
    assert set(wishes) == {cls.__name__ for cls in get_args(UserCommand)}
    assert set(facts) == {cls.__name__ for cls in get_args(UserEvent)}
    assert reached == {"disabled", "second lock", "replacement"}
    elsewhere = {"login_taken", "precondition_failed", "password_unacceptable", "unknown_role", "forbidden"}
    assert len(refusals) >= 16
    assert not elsewhere & set(refusals)
