"""A small model of product.md, sections 2 and 3, written beside the rules and not from them.

One mutable object, told what happens; it answers with the reason of a refusal, or None. It knows no facts: what it
agrees on with the rules is what can be seen from outside.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from events.user.state import UserState

Stage = Literal["code_required", "enrolment_required", "password_expired"]
MINUTE: Final = timedelta(minutes=1)
OTP: Final = "otp"
RECOVERY: Final = "recovery"
BREAK_GLASS: Final = "break glass"
UNREADABLE: Final = "unreadable"


@dataclass
class Try:
    """What somebody gave at a door: a code of `key` that matched `step`, a recovery code, or a code for once."""

    kind: str
    key: UUID | None = None
    step: int | None = None
    code: UUID | None = None


@dataclass
class Progress:
    stage: Stage
    until: datetime
    tries: int = 0


@dataclass
class Pending:
    key: UUID
    holder: UUID
    until: datetime
    tries: int = 0


@dataclass
class Model:
    now: datetime
    required: bool = False  # by the company's policy
    exists: bool = False
    erased: bool = False
    deactivated: bool = False
    active_until: datetime | None = None
    expiry_told: bool = False
    fenced: bool = False  # to networks
    exception: tuple[str, datetime | None] | None = None
    break_glass: tuple[UUID, datetime] | None = None
    role: str = "user"
    must_change: bool = False
    key: UUID | None = None
    last_step: int = 0
    codes: set[UUID] = field(default_factory=set)
    pending: Pending | None = None
    order_until: datetime | None = None
    order_by_person: bool = False
    short: int = 0
    total: int = 0
    locks: int = 0
    stopped_until: datetime | None = None
    disabled: bool = False
    sessions: dict[UUID, datetime] = field(default_factory=dict)
    wrong_passwords: dict[UUID, int] = field(default_factory=dict)
    sign_ins: dict[UUID, Progress] = field(default_factory=dict)

    # What can be asked.

    @property
    def factor(self) -> str:
        if self.key is not None:
            return "on"
        return "enrolment_required" if self.demanded else "off"

    @property
    def demanded(self) -> bool:
        ordered = self.order_until is not None and self.order_by_person
        return ordered or self.excepted == "required" or (self.required and self.excepted != "exempt")

    @property
    def excepted(self) -> str:
        kind, until = self.exception or ("inherit", None)
        return kind if until is None or self.now < until else "inherit"

    @property
    def gone(self) -> bool:
        return not self.exists or self.erased

    @property
    def usable(self) -> bool:
        in_time = self.active_until is None or self.now < self.active_until
        return not self.gone and not self.deactivated and in_time

    @property
    def stopped(self) -> bool:
        return self.disabled or (self.stopped_until is not None and self.now < self.stopped_until)

    def alive(self, session: UUID) -> bool:
        return session in self.sessions and self.now < self.sessions[session] and self.usable

    def waits(self, sign_in: UUID) -> bool:
        return sign_in in self.sign_ins and self.now < self.sign_ins[sign_in].until and self.usable

    # Signing in.

    def start(self, sign_in: UUID, session: UUID, *, inside: bool) -> str | None:
        if not self.usable or (self.fenced and not inside):
            return "invalid_credentials"
        if self.key is not None:
            self._wait(sign_in, "code_required")
        elif self.demanded:
            if self.disabled or (self.order_until is not None and self.now >= self.order_until):
                return "contact_administrator"
            if self.order_until is None:
                self.order_until, self.order_by_person = self.now + timedelta(hours=72), False
            self._wait(sign_in, "enrolment_required")
        elif self.must_change:
            self._wait(sign_in, "password_expired")
        else:
            self._begin(session)
        return None

    def prove(self, sign_in: UUID, given: Try, following: UUID, session: UUID) -> str | None:
        if not self.waits(sign_in):
            return "sign_in_over"
        progress = self.sign_ins[sign_in]
        if progress.stage != "code_required":
            return "enrolment_required" if progress.stage == "enrolment_required" else "not_at_this_stage"
        if progress.tries >= 5:
            return "sign_in_over"
        if not self._holds(given, progress):
            return "code_rejected"
        if given.kind == BREAK_GLASS:
            self._enrol_anew()
            self.sign_ins[following] = Progress("enrolment_required", progress.until)
        else:
            self._passed(sign_in, following, session)
        return None

    def new_password_at_sign_in(self, sign_in: UUID, session: UUID) -> str | None:
        if not self.waits(sign_in):
            return "sign_in_over"
        if self.sign_ins[sign_in].stage != "password_expired":
            return "not_at_this_stage"
        self.must_change = False
        self._end(sessions=True, sign_ins=True)
        self._begin(session)
        return None

    def cancel_sign_in(self, sign_in: UUID) -> str | None:
        if not self.waits(sign_in):
            return "sign_in_over"
        self._drop(sign_in)
        return None

    # Enrolling.

    def start_enrolment(self, holder: UUID, key: UUID, given: Try | None) -> str | None:
        if self.waits(holder):
            if self.sign_ins[holder].stage != "enrolment_required" or self.key is not None:
                return "not_at_this_stage"
        elif not self.alive(holder):
            return "session_over"
        elif self.key is not None:
            if given is None:
                return "step_up_required"
            if not self._holds(given):
                return "code_rejected"
        self.pending = Pending(key, holder, self.now + 10 * MINUTE)
        return None

    def confirm(self, holder: UUID, step: int | None, codes: set[UUID], following: UUID, session: UUID) -> str | None:
        signing_in = self.waits(holder)
        if not signing_in and not self.alive(holder):
            return "session_over" if holder in self.sessions else "sign_in_over"
        pending = self.pending
        if pending is None or pending.holder != holder or self.now >= pending.until or pending.tries >= 5:
            return "no_pending_enrolment"
        if self.stopped:
            return "code_rejected"
        if step is None:
            pending.tries += 1
            self._failed()
            return "code_rejected"
        self.pending = None
        for other in [one for one in (*self.sessions, *self.sign_ins) if one != holder]:
            self._drop(other)
        self.key, self.last_step, self.codes, self.order_until = pending.key, step, codes, None
        self.break_glass = None
        self._forgive()
        if signing_in:
            self._passed(holder, following, session)
        return None

    def cancel_enrolment(self, holder: UUID) -> str | None:
        if self.pending is None or self.pending.holder != holder or self.now >= self.pending.until:
            return "no_pending_enrolment"
        self.pending = None
        return None

    # The own account. Whether the session lives is checked by the store, in the commit, where no rule asks here.

    def reset_own(self, given: Try) -> str | None:
        if self.key is None:
            return "no_key"
        if not self._holds(given):
            return "code_rejected"
        self._enrol_anew()
        return None

    def disable_own(self, session: UUID, given: Try) -> str | None:
        if not self.alive(session):
            return "session_over"
        if self.key is None:
            return "no_key"
        if self.excepted == "required" or (self.required and self.excepted != "exempt"):
            return "policy_requires_two_factor"
        if not self._holds(given):
            return "code_rejected"
        for other in [one for one in (*self.sessions, *self.sign_ins) if one != session]:
            self._drop(other)
        self._without_factor()
        return None

    def issue_codes(self, given: Try, codes: set[UUID]) -> str | None:
        if self.key is None:
            return "no_key"
        if not self._holds(given):
            return "code_rejected"
        self.codes = codes
        return None

    def step_up(self, session: UUID, given: Try | None) -> str | None:
        if not self.alive(session):
            return "session_over"
        if given is None:
            return "step_up_required" if self.key is not None else None
        if self.key is None:
            return "no_key"
        return None if self._holds(given) else "code_rejected"

    def wrong_password(self, session: UUID) -> str | None:
        if session not in self.sessions:
            return "session_over"
        self.wrong_passwords[session] = self.wrong_passwords.get(session, 0) + 1
        if self.wrong_passwords[session] >= 5:
            self._drop(session)
        return "invalid_credentials"

    def change_password(self, session: UUID) -> str | None:
        if not self.alive(session):
            return "session_over"
        for other in [one for one in (*self.sessions, *self.sign_ins) if one != session]:
            self._drop(other)
        self.must_change = False
        return None

    def end_sessions(self, sessions: tuple[UUID, ...]) -> str | None:
        for one in sessions:
            if one in self.sessions:
                self._drop(one)
        return None

    def sign_out(self, session: UUID) -> str | None:
        if session not in self.sessions:
            return "session_over"
        self._drop(session)
        return None

    # Somebody else's acts.

    def order(self) -> str | None:
        if self.key is not None:
            return "already_on"
        self.order_until, self.order_by_person = self.now + timedelta(hours=72), True
        self._end(sign_ins=True)
        return None

    def reset(self) -> str | None:
        if self.key is None:
            return "no_key"
        self._enrol_anew()
        return None

    def disable(self) -> str | None:
        if self.key is not None:
            self._end(sessions=True, sign_ins=True)
            self._without_factor()
            return None
        if self.order_until is None:
            return "no_key"
        self.order_until = None
        self._end(sign_ins=True)
        return None

    def unlock(self) -> str | None:
        self._forgive()
        return None

    def except_(self, kind: str, until: datetime | None) -> str | None:
        same_end = self.exception is not None and self.exception[1] == until
        if self.excepted != kind or not (kind == "inherit" or same_end):
            self.exception = (kind, until) if kind != "inherit" else None
            if kind == "exempt" and not self.order_by_person:
                self.order_until = None
            self._end(sign_ins=True)
        return None

    def issue_break_glass(self, code: UUID) -> str | None:
        if self.key is None:
            return "no_key"
        self.break_glass = code, self.now + 15 * MINUTE
        self._forgive()
        return None

    def import_key(self, key: UUID, step: int) -> str | None:
        if self.key is not None:
            return "already_on"
        self.key, self.last_step, self.order_until = key, step, None
        return None

    def fence(self, *, on: bool) -> str | None:
        self.fenced = on
        return None

    def expire(self) -> str | None:
        if not self.expiry_told and self.active_until is not None and self.now >= self.active_until:
            self.expiry_told = True
            self.break_glass = None
            self._end(sessions=True, sign_ins=True)
        return None

    def reset_password(self, *, must_change: bool) -> str | None:
        self.must_change = must_change
        self._end(sessions=True, sign_ins=True)
        return None

    def change(self, role: str, active_until: datetime | None) -> str | None:
        if (role, active_until) != (self.role, self.active_until):
            self.expiry_told = self.expiry_told and active_until == self.active_until
            self.role, self.active_until = role, active_until
            self._end(sessions=True, sign_ins=True)
        return None

    def deactivate(self) -> str | None:
        if self.deactivated:
            return "already_deactivated"
        self.deactivated = True
        self.break_glass = None
        self._end(sessions=True, sign_ins=True)
        return None

    def reactivate(self) -> str | None:
        if not self.deactivated:
            return "not_deactivated"
        self.deactivated = False
        return None

    def void(self, step: int) -> str | None:
        """After a restore of the database: nothing that may have been ended or used since is good any more."""
        self._end(sessions=True, sign_ins=True)
        self.pending, self.break_glass, self.codes = None, None, set()
        if self.key is not None:
            self.last_step = max(self.last_step, step)
        return None

    def erase(self) -> str | None:
        self._end(sessions=True, sign_ins=True)
        self.__init__(now=self.now, required=self.required, exists=True, erased=True, deactivated=True)  # type: ignore[misc]
        return None

    # What these come down to.

    def _holds(self, given: Try, progress: Progress | None = None) -> bool:
        if self.stopped or given.kind == UNREADABLE:
            return False
        if given.kind == BREAK_GLASS:
            if self.break_glass is None or self.break_glass[0] != given.code or self.now >= self.break_glass[1]:
                self._failed(progress)
                return False
            return True
        if given.kind == RECOVERY:
            if given.code not in self.codes:
                self._failed(progress)
                return False
            self.codes.discard(given.code)
            self._forgive()
            return True
        if given.step is None:
            self._failed(progress)
            return False
        if given.key != self.key or given.step <= self.last_step:
            if progress is not None:
                progress.tries += 1
            return False
        self.last_step = given.step
        self._forgive()
        return True

    def _failed(self, progress: Progress | None = None) -> None:
        if progress is not None:
            progress.tries += 1
        self.short, self.total, self.stopped_until = self.short + 1, self.total + 1, None
        if self.total == 100:
            self.disabled = True
        elif self.short == 10:
            self.stopped_until = self.now + 30 * MINUTE * 2**self.locks
        elif self.short >= 5:
            self.stopped_until = self.now + MINUTE * 2 ** (self.short - 5)
        if self.short == 10 or self.disabled:
            self.short, self.locks = 0, self.locks + 1
            self._end(sign_ins=True)

    def _forgive(self) -> None:
        self.short = self.total = self.locks = 0
        self.stopped_until, self.disabled = None, False

    def _without_factor(self) -> None:
        self.key, self.codes, self.pending, self.order_until = None, set(), None, None
        self.break_glass = None
        self._forgive()

    def _enrol_anew(self) -> None:
        self._end(sessions=True, sign_ins=True)
        self._without_factor()
        self.order_until, self.order_by_person = self.now + timedelta(hours=72), True

    def _passed(self, sign_in: UUID, following: UUID, session: UUID) -> None:
        progress = self.sign_ins.pop(sign_in)
        if self.must_change:
            self.sign_ins[following] = Progress("password_expired", progress.until)
        else:
            self._begin(session)

    def _begin(self, session: UUID) -> None:
        for one in [one for one, until in self.sessions.items() if self.now >= until]:
            self._drop(one)
        while len(self.sessions) >= 20:
            self._drop(next(iter(self.sessions)))
        self.sessions[session] = self.now + timedelta(hours=12)

    def _wait(self, sign_in: UUID, stage: Stage) -> None:
        for one in [one for one, progress in self.sign_ins.items() if self.now >= progress.until]:
            self._drop(one)
        while len(self.sign_ins) >= 50:
            self._drop(next(iter(self.sign_ins)))
        self.sign_ins[sign_in] = Progress(stage, self.now + 5 * MINUTE)

    def _end(self, *, sessions: bool = False, sign_ins: bool = False) -> None:
        for one in [*(self.sessions if sessions else ()), *(self.sign_ins if sign_ins else ())]:
            self._drop(one)

    def _drop(self, holder: UUID) -> None:
        self.sessions.pop(holder, None)
        self.wrong_passwords.pop(holder, None)
        self.sign_ins.pop(holder, None)
        if self.pending is not None and self.pending.holder == holder:
            self.pending = None


def seen(model: Model, factor: str) -> dict[str, object]:
    """What can be seen of the model; `factor` is what the rules call its effective state."""
    return {
        "factor": model.factor if not model.gone else factor,
        "key": (model.key, model.last_step) if model.key else None,
        "codes": frozenset(model.codes),
        "pending": (model.pending.key, model.pending.holder, model.pending.until, model.pending.tries)
        if model.pending
        else None,
        "order": model.order_until,
        "ladder": (model.short, model.total, model.locks, model.stopped_until, model.disabled),
        "sessions": list(model.sessions.items()),
        "sign-ins": [(one, p.stage, p.until, p.tries) for one, p in model.sign_ins.items()],
        "account": (model.exists, model.erased, model.deactivated, model.must_change, model.expiry_told),
        "break glass": model.break_glass,
        "exception": (model.exception, model.fenced),
    }


def seen_of(state: UserState, factor: str) -> dict[str, object]:
    """The same of the rules' state."""
    ladder = state.ladder
    return {
        "factor": factor,
        "key": (state.key.id, state.key.last_step) if state.key else None,
        "codes": frozenset(state.recovery_codes),
        "pending": (state.pending.id, state.pending.holder_id, state.pending.expires_at, state.pending.tries)
        if state.pending
        else None,
        "order": state.order.expires_at if state.order else None,
        "ladder": (ladder.short, ladder.total, ladder.locks, ladder.until, ladder.disabled),
        "sessions": [(s.id, s.expires_at) for s in state.sessions],
        "sign-ins": [(s.id, s.stage.value, s.expires_at, s.tries) for s in state.sign_ins],
        "account": (state.exists, state.erased, state.deactivated, state.must_change_password, state.expired),
        "break glass": (state.break_glass.id, state.break_glass.expires_at) if state.break_glass else None,
        "exception": ((state.override.kind, state.override.until) if state.override else None, bool(state.networks)),
    }
