"""A random walk over everything that can be wished about one user, with the model walking beside the rules."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from events.company.policy import CompanyRules, Policy
from events.decision import Decision
from events.policy import effective
from events.totp import time_step
from events.user import commands as wishes
from events.user.decider import decide
from events.user.events import OverrideKind, UserEvent
from events.user.evolve import fold
from events.user.state import UserState
from tests.properties.model import BREAK_GLASS, OTP, RECOVERY, UNREADABLE, Model, Try, seen, seen_of
from tests.support.given import NOON

Told = Callable[[Model], str | None]
Drawn = Callable[["Walk"], tuple[wishes.UserCommand, Told]]
PAUSES: Final = {0: 60, 1: 6, 29: 6, 30: 6, 31: 6, 61: 6, 300: 2, 599: 1, 3700: 0.5, 40_000: 0.2, 300_000: 0.1}


@dataclass(frozen=True)
class Step:
    """One wish, what was decided about it, and the states around it."""

    wish: wishes.UserCommand
    before: UserState
    decision: Decision[UserEvent]
    after: UserState


@dataclass
class Walk:
    """One user's life. The same seed gives the same life."""

    seed: int
    now: datetime = NOON
    state: UserState = field(default_factory=UserState)
    events: list[UserEvent] = field(default_factory=list)
    rules: CompanyRules = CompanyRules()
    former_keys: list[UUID] = field(default_factory=list)
    former_ids: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.model = Model(self.now)

    def step(self) -> Step:
        """Let some time pass, wish something, and compare. Raises AssertionError where they disagree."""
        self.now = self._next_moment()
        if self.random.random() < 0.01:
            required = CompanyRules(policy=Policy(requirement="required"))
            self.rules = CompanyRules() if self.rules != CompanyRules() else required
        self.model.now, self.model.required = self.now, self.rules.policy.requirement == "required"
        wish, told = self._any_wish()
        before = self.state
        decision = decide(before, wish)
        self.state = fold(decision.events, before)
        self.events += decision.events
        self._compare(wish, decision, told)
        self._remember(before)
        return Step(wish, before, decision, self.state)

    def _next_moment(self) -> datetime:
        """Mostly soon; now and then the very moment when something ends, or the one before."""
        deadlines = [s.expires_at for s in self.state.sessions[:1]] + [s.expires_at for s in self.state.sign_ins[:1]]
        deadlines += [self.state.pending.expires_at] if self.state.pending else []
        deadlines += [self.state.order.expires_at] if self.state.order else []
        deadlines += [self.state.break_glass.expires_at] if self.state.break_glass else []
        deadlines += [self.state.override.until] if self.state.override and self.state.override.until else []
        until = self.state.ladder.until
        if until is not None and self.now < until and self.random.random() < (0.8 if self.besieged else 0.3):
            deadlines = [until]
        elif self.random.random() > 0.01:
            deadlines = []
        ahead = [at for at in deadlines if at > self.now]
        if ahead:
            return self.random.choice(ahead) - timedelta(microseconds=self.random.choice([0, 0, 1]))
        pause = self.random.choices(list(PAUSES), list(PAUSES.values()))[0]
        return self.now + timedelta(seconds=pause)

    def _compare(self, wish: wishes.UserCommand, decision: Decision[UserEvent], told: Told) -> None:
        where = f"seed {self.seed}, after {len(self.events)} facts: {wish}"
        creates = isinstance(wish, wishes.CreateUser)
        expected = "not_found" if self.model.gone and not creates else told(self.model)
        assert (decision.refusal.value if decision.refusal else None) == expected, where
        factor = effective(self.state, self.rules, self.now).state
        assert seen_of(self.state, factor) == seen(self.model, factor), where

    def _remember(self, before: UserState) -> None:
        if before.key is not None and before.key != self.state.key:
            self.former_keys.append(before.key.id)
        self.former_ids += [s.id for s in before.sessions] + [s.id for s in before.sign_ins]
        del self.former_ids[:-20], self.former_keys[:-3]

    # What may be drawn.

    def _new(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def _session(self) -> UUID:
        return self._holder([s.id for s in self.state.sessions])

    def _sign_in(self) -> UUID:
        return self._holder([s.id for s in self.state.sign_ins])

    def _holder(self, live: list[UUID]) -> UUID:
        if live and self.random.random() < 0.95:
            return self.random.choice(live[-3:])
        return self.random.choice([*self.former_ids, self._new()])

    def _step(self) -> int | None:
        if self.random.random() < self.wrongness:
            return None
        last = self.state.key.last_step if self.state.key else 0
        return self.random.choice([time_step(self.now) + n for n in (-1, 0, 0, 0, 1)] + [last, last - 1])

    @property
    def wrongness(self) -> float:
        """Some lives are careful, some clumsy and some besieged."""
        return (0.15, 0.5, 0.998)[self.seed % 3]

    @property
    def besieged(self) -> bool:
        """Wrong codes all the time and seldom help, so that the hundredth failure in a row is reached."""
        return self.seed % 3 == 2

    def _otp(self) -> tuple[wishes.OtpProof, Try]:
        if self.random.random() < 0.02:
            return wishes.OtpProof(None, None, unreadable=True), Try(UNREADABLE)
        key = self.state.key.id if self.state.key else None
        if self.random.random() < 0.05:
            key = self.random.choice([*self.former_keys, self._new()])
        step = self._step()
        return wishes.OtpProof(key, step), Try(OTP, key=key, step=step)

    def _proof(self) -> tuple[wishes.OtpProof | wishes.RecoveryProof, Try]:
        if self.random.random() < 0.7:
            return self._otp()
        code = self.random.choice([*self.state.recovery_codes[:3], None, self._new()])
        if self.random.random() < self.wrongness:
            code = None
        return wishes.RecoveryProof(code), Try(RECOVERY, code=code)

    def _any_wish(self) -> tuple[wishes.UserCommand, Told]:
        if not self.state.exists:
            return self._create()
        remedy = self._remedy() if self.random.random() < 0.4 else None
        weights = SIEGE if self.besieged and self.state.ladder.total else WEIGHTS
        return (remedy or self.random.choices(list(weights), list(weights.values()))[0])(self)

    def _remedy(self) -> "Drawn | None":
        """What leads on where a life is stuck, so that most of it is not spent before closed doors."""
        state = self.state
        if state.deactivated:
            return Walk._reactivate
        if not state.is_active(self.now):
            return Walk._change if state.expired or self.random.random() < 0.5 else Walk._expire
        if state.key is None and state.order is not None and self.now >= state.order.expires_at:
            return Walk._order
        open_until = [s.expires_at for s in state.sessions] + [s.expires_at for s in state.sign_ins]
        if not any(self.now < until for until in open_until):
            return Walk._start
        if state.key is None and state.pending is None:
            return Walk._start_enrolment
        return Walk._confirm if state.pending is not None else None

    # Wishes, and how the model is told of them.

    def _create(self) -> tuple[wishes.UserCommand, Told]:
        wish = wishes.CreateUser(
            now=self.now,
            login="udo",
            email=None,
            role="user",
            language="de",
            time_zone="UTC",
            activation_at=None,
            expiration_at=None,
            has_password=True,
        )

        def told(model: Model) -> str | None:
            if model.exists:
                return "already_exists"
            model.exists = True
            return None

        return wish, told

    def _start(self) -> tuple[wishes.UserCommand, Told]:
        sign_in, session = self._new(), self._new()
        rehashed, inside = self.random.random() < 0.1, self.random.random() < 0.7
        wish = wishes.StartSignIn(
            now=self.now,
            rules=self.rules,
            sign_in_id=sign_in,
            session_id=session,
            address="192.0.2.7" if inside else "198.51.100.7",
            rehashed=rehashed,
        )
        return wish, lambda m: m.start(sign_in, session, inside=inside)

    def _prove(self) -> tuple[wishes.UserCommand, Told]:
        sign_in, following, session = self._sign_in(), self._new(), self._new()
        proof: wishes.Proof
        proof, given = self._proof()
        if self.state.break_glass is not None and self.random.random() < 0.3:
            code = self.random.choice([self.state.break_glass.id] * 3 + [self._new()])
            proof, given = wishes.BreakGlassProof(code), Try(BREAK_GLASS, code=code)
        wish = wishes.ProveSignIn(
            now=self.now, rules=self.rules, sign_in_id=sign_in, proof=proof, next_id=following, session_id=session
        )
        return wish, lambda m: m.prove(sign_in, given, following, session)

    def _set_password(self) -> tuple[wishes.UserCommand, Told]:
        sign_in, session = self._sign_in(), self._new()
        wish = wishes.SetExpiredPassword(now=self.now, sign_in_id=sign_in, session_id=session)
        return wish, lambda m: m.new_password_at_sign_in(sign_in, session)

    def _cancel(self) -> tuple[wishes.UserCommand, Told]:
        sign_in = self._sign_in()
        return wishes.CancelSignIn(now=self.now, sign_in_id=sign_in), lambda m: m.cancel_sign_in(sign_in)

    def _start_enrolment(self) -> tuple[wishes.UserCommand, Told]:
        holder, key = self.random.choice([self._session, self._sign_in])(), self._new()
        proof, given = self._otp() if self.random.random() < 0.7 else (None, None)
        wish = wishes.StartEnrolment(now=self.now, holder_id=holder, key_id=key, proof=proof)
        return wish, lambda m: m.start_enrolment(holder, key, given)

    def _confirm(self) -> tuple[wishes.UserCommand, Told]:
        holder = self.random.choice([self._session, self._sign_in])()
        if self.state.pending is not None and self.random.random() < 0.8:
            holder = self.state.pending.holder_id
        step = time_step(self.now) if self.random.random() > self.wrongness else None
        codes, following, session = tuple(self._new() for _ in range(10)), self._new(), self._new()
        wish = wishes.ConfirmEnrolment(
            now=self.now, holder_id=holder, time_step=step, code_ids=codes, next_id=following, session_id=session
        )
        return wish, lambda m: m.confirm(holder, step, set(codes), following, session)

    def _cancel_enrolment(self) -> tuple[wishes.UserCommand, Told]:
        holder = self.state.pending.holder_id if self.state.pending else self._session()
        return wishes.CancelEnrolment(now=self.now, holder_id=holder), lambda m: m.cancel_enrolment(holder)

    def _reset_own(self) -> tuple[wishes.UserCommand, Told]:
        proof, given = self._proof()
        return wishes.ResetOwnKey(now=self.now, proof=proof), lambda m: m.reset_own(given)

    def _disable_own(self) -> tuple[wishes.UserCommand, Told]:
        session = self._session()
        proof, given = self._otp()
        wish = wishes.DisableOwnFactor(now=self.now, rules=self.rules, session_id=session, proof=proof)
        return wish, lambda m: m.disable_own(session, given)

    def _issue_codes(self) -> tuple[wishes.UserCommand, Told]:
        proof, given = self._otp()
        codes = tuple(self._new() for _ in range(10))
        wish = wishes.IssueRecoveryCodes(now=self.now, proof=proof, code_ids=codes)
        return wish, lambda m: m.issue_codes(given, set(codes))

    def _step_up(self) -> tuple[wishes.UserCommand, Told]:
        session = self._session()
        proof, given = self._otp() if self.random.random() < 0.8 else (None, None)
        return wishes.StepUp(now=self.now, session_id=session, proof=proof), lambda m: m.step_up(session, given)

    def _wrong_password(self) -> tuple[wishes.UserCommand, Told]:
        session = self._session()
        wish = wishes.RejectSessionPassword(now=self.now, session_id=session)
        return wish, lambda m: m.wrong_password(session)

    def _change_password(self) -> tuple[wishes.UserCommand, Told]:
        session = self._session()
        wish = wishes.ChangeOwnPassword(now=self.now, session_id=session)
        return wish, lambda m: m.change_password(session)

    def _end_sessions(self) -> tuple[wishes.UserCommand, Told]:
        sessions = (self._session(), self._session())
        return wishes.EndSessions(now=self.now, session_ids=sessions), lambda m: m.end_sessions(sessions)

    def _sign_out(self) -> tuple[wishes.UserCommand, Told]:
        session = self._session()
        return wishes.SignOut(now=self.now, session_id=session), lambda m: m.sign_out(session)

    def _order(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.OrderEnrolment(now=self.now, reason=None), Model.order

    def _reset(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.ResetKey(now=self.now, reason=None), Model.reset

    def _disable(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.DisableFactor(now=self.now, reason=None), Model.disable

    def _unlock(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.UnlockFactor(now=self.now, reason=None), Model.unlock

    def _except(self) -> tuple[wishes.UserCommand, Told]:
        kind: OverrideKind = self.random.choice(["inherit", "inherit", "required", "exempt"])
        until = self.random.choice([None, self.now + timedelta(hours=1)]) if kind != "inherit" else None
        wish = wishes.OverridePolicy(now=self.now, rules=self.rules, override=kind, until=until, reason=None)
        return wish, lambda m: m.except_(kind, until)

    def _issue_break_glass(self) -> tuple[wishes.UserCommand, Told]:
        code = self._new()
        wish = wishes.IssueBreakGlassCode(now=self.now, code_id=code, reason=None)
        return wish, lambda m: m.issue_break_glass(code)

    def _import_key(self) -> tuple[wishes.UserCommand, Told]:
        key, step = self._new(), time_step(self.now)
        return wishes.ImportKey(now=self.now, key_id=key, time_step=step), lambda m: m.import_key(key, step)

    def _fence(self) -> tuple[wishes.UserCommand, Told]:
        networks = self.random.choice([(), ("192.0.2.0/24",)])
        return wishes.ChangeNetworks(now=self.now, networks=networks), lambda m: m.fence(on=bool(networks))

    def _expire(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.ExpireUser(now=self.now), Model.expire

    def _reset_password(self) -> tuple[wishes.UserCommand, Told]:
        due = self.random.random() < 0.5
        wish = wishes.ResetPassword(now=self.now, reason=None, must_change=due)
        return wish, lambda m: m.reset_password(must_change=due)

    def _change(self) -> tuple[wishes.UserCommand, Told]:
        role = self.random.choice([*["user"] * 5, "auditor"])
        until = self.random.choice([*[None] * 8, self.now + timedelta(days=2), self.now - timedelta(days=1)])
        wish = wishes.ChangeUser(
            now=self.now,
            email=None,
            role=role,
            language="de",
            time_zone="UTC",
            activation_at=None,
            expiration_at=until,
        )
        return wish, lambda m: m.change(role, until)

    def _deactivate(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.DeactivateUser(now=self.now, reason=None), Model.deactivate

    def _reactivate(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.ReactivateUser(now=self.now, reason=None), Model.reactivate

    def _erase(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.EraseUser(now=self.now), Model.erase

    def _export(self) -> tuple[wishes.UserCommand, Told]:
        session = self._session()
        wish = wishes.ExportOwnData(now=self.now, session_id=session)
        return wish, lambda m: None if m.alive(session) else "session_over"

    def _void(self) -> tuple[wishes.UserCommand, Told]:
        step = time_step(self.now) + self.random.choice([-5, 0, 1])
        return wishes.VoidCredentials(now=self.now, epoch=2, time_step=step), lambda m: m.void(step)

    def _deny(self) -> tuple[wishes.UserCommand, Told]:
        return wishes.RecordDenial(now=self.now, act="users.read"), lambda m: None


WEIGHTS: Final[dict[Drawn, float]] = {
    Walk._start: 16,
    Walk._prove: 24,
    Walk._set_password: 4,
    Walk._cancel: 1,
    Walk._start_enrolment: 10,
    Walk._confirm: 14,
    Walk._cancel_enrolment: 0.5,
    Walk._reset_own: 2,
    Walk._disable_own: 2,
    Walk._issue_codes: 3,
    Walk._step_up: 6,
    Walk._wrong_password: 2,
    Walk._change_password: 1,
    Walk._end_sessions: 0.5,
    Walk._sign_out: 0.5,
    Walk._order: 1,
    Walk._reset: 0.4,
    Walk._disable: 0.4,
    Walk._unlock: 0.4,
    Walk._except: 0.5,
    Walk._issue_break_glass: 1,
    Walk._import_key: 0.2,
    Walk._fence: 0.5,
    Walk._expire: 0.5,
    Walk._reset_password: 0.6,
    Walk._change: 1.5,
    Walk._deactivate: 0.3,
    Walk._reactivate: 4,
    Walk._erase: 0.02,
    Walk._export: 0.3,
    Walk._void: 0.1,
    Walk._deny: 0.3,
    Walk._create: 0.2,
}
SIEGE: Final[dict[Drawn, float]] = {
    **WEIGHTS,
    Walk._prove: 60,
    Walk._step_up: 30,
    Walk._reset: 0.01,
    Walk._disable: 0.01,
    Walk._unlock: 0.01,
    Walk._issue_break_glass: 0.01,
    Walk._import_key: 0.01,
}
