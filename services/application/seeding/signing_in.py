"""How a person of a story signs in: password, code, recovery code, enrolment, a new password. Pure."""

from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Final
from uuid import UUID

from events.envelope import Traces
from events.totp import time_step
from events.user import commands
from events.user.commands import BreakGlassProof, OtpProof, RecoveryProof
from events.user.events import SignedIn, SignInAdvanced, SignInRefused, SignInStarted
from events.user.events import Stage as SignInStage
from events.user.limits import CODES_IN_A_SET
from services.application.seeding.stage import WRONG, Doing, Person, Stage, WrongPassword

_TYPED: Final = 20.0  # seconds at most between password and code


class Ended(Enum):
    """How a try to sign in ended."""

    IN = auto()
    LATER = auto()  # it goes on by itself, or was given up
    NEEDS_HELP = auto()  # only an administrator can do something
    PHONE_IS_GONE = auto()


class SigningIn:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._draw = stage.draw

    def sign_in(self, person: Person, place: Traces, at: datetime) -> Ended:
        """Password, and a code where one is asked for, within some seconds that end at `at`."""
        stage = self._stage
        doing, token = Doing(stage, person, place, person), stage.new_id()
        doing.wish(
            commands.StartSignIn(
                **doing.in_force(at - timedelta(seconds=self._draw.uniform(6, _TYPED))),
                sign_in_id=token,
                session_id=token,
                address=place.ip,
                rehashed=self._has_old_hash(person, at),
            )
        )
        ended = self._go_on(doing, at)
        doing.end(at)
        return ended

    def wrong_password(self, person: Person, place: Traces, at: datetime) -> None:
        if person.state.exists and not person.state.erased:
            self._stage.tell(WrongPassword(at=at, person=person, place=place))

    def be_fresh(self, person: Person, at: datetime) -> bool:
        """A session in which a code was given within the last minutes; False when it cannot be had."""
        if not person.state.is_active(at) or person.state.key is None or not person.has_phone:
            return False
        if person.fresh_until is not None and at < person.fresh_until and self.has_session(person, at):
            return True
        if self.has_session(person, at):
            self.step_up(person, at)
        else:
            self.sign_in(person, person.member.places[0], at)
        return person.fresh_until is not None and at < person.fresh_until

    def step_up(self, person: Person, at: datetime) -> None:
        assert person.session is not None  # noqa: S101 - asked by has_session
        doing = Doing(self._stage, person, person.place, person)
        proof = self.code(person, at) if person.state.key is not None else None
        wish = commands.StepUp(**doing.in_force(at), session_id=person.session, proof=proof)
        if doing.wish(wish).refusal is None:
            person.fresh_until = at + self._stage.limits.step_up
        doing.end(at)

    def has_session(self, person: Person, at: datetime) -> bool:
        session = person.state.session(person.session) if person.session is not None else None
        return session is not None and at < session.expires_at

    def code(self, person: Person, at: datetime) -> OtpProof:
        """What the person's phone shows."""
        key = person.state.key
        return OtpProof(key.id if key is not None else None, time_step(at))

    def enrol(self, person: Person, place: Traces, holder: UUID, at: datetime, doing: Doing | None = None) -> None:
        """The key is shown now, and confirmed a little later or never."""
        stage = self._stage
        own = doing or Doing(stage, person, place, person)
        proof = self.code(person, at) if doing is None and person.state.key is not None else None
        key_id = stage.new_id()
        wish = commands.StartEnrolment(**own.in_force(at), holder_id=holder, key_id=key_id, proof=proof)
        begun = own.wish(wish).refusal is None
        if doing is None:
            own.end(at)
        if not begun:
            return
        person.has_phone = True
        if not person.member.careful and stage.chance(0.06):
            return
        act = self._cancel_enrolment if not person.member.careful and stage.chance(0.05) else self._confirm
        stage.plan(stage.after(at, 25, 150), partial(act, person, place, holder))

    def _go_on(self, doing: Doing, at: datetime) -> Ended:
        """Whatever the last fact asks for next."""
        match doing.events[-1] if doing.events else None:
            case SignedIn():
                return self._is_in(doing, at)
            case SignInStarted(stage=SignInStage.CODE, sign_in_id=token):
                return self._prove(doing, token, at)
            case (SignInStarted() | SignInAdvanced()) as begun if begun.stage is SignInStage.ENROLMENT:
                assert doing.place is not None  # noqa: S101 - a person comes from somewhere
                self.enrol(doing.person, doing.place, begun.sign_in_id, at, doing)
                return Ended.LATER
            case (SignInStarted() | SignInAdvanced()) as begun if begun.stage is SignInStage.PASSWORD:
                act = partial(self._set_password, doing.person, doing.place, begun.sign_in_id)
                self._stage.plan(self._stage.after(at, 20, 90), act)
                return Ended.LATER
            case SignInRefused(cause="order_expired" | "factor_disabled"):
                return Ended.NEEDS_HELP
            case _:
                return Ended.LATER

    def _prove(self, doing: Doing, token: UUID, at: datetime) -> Ended:
        person = doing.person
        if not person.has_phone:
            return self._prove_without_phone(doing, token, at)
        if not person.member.careful and self._draw.random() < 0.06 and self._mistakes(doing, token, at):
            return Ended.LATER
        return self._give(doing, token, at, self.code(person, at))

    def _mistakes(self, doing: Doing, token: UUID, at: datetime) -> bool:
        """Mistyped, an old code, or thought better of it; True when it ends there."""
        before = at - timedelta(seconds=3)
        match self._draw.choices(("mistyped", "old", "cancels", "leaves"), (70, 12, 9, 9))[0]:
            case "mistyped":
                for _ in range(self._draw.choice((1, 1, 1, 2))):
                    doing.wish(self._proving(doing, token, before, WRONG))
                return False
            case "old":
                key = doing.person.state.key
                doing.wish(self._proving(doing, token, before, OtpProof(key.id, key.last_step) if key else WRONG))
                return False
            case "cancels":
                doing.wish(commands.CancelSignIn(**doing.in_force(at), sign_in_id=token))
                return True
            case _:
                return True

    def _prove_without_phone(self, doing: Doing, token: UUID, at: datetime) -> Ended:
        given, codes = doing.person.state.break_glass, doing.person.state.recovery_codes
        if given is not None and at < given.expires_at:
            return self._give(doing, token, at, BreakGlassProof(given.id))
        if len(codes) <= CODES_IN_A_SET // 2:
            return Ended.PHONE_IS_GONE
        if self._stage.chance(0.2):
            doing.wish(self._proving(doing, token, at - timedelta(seconds=4), RecoveryProof(None)))
        return self._give(doing, token, at, RecoveryProof(self._draw.choice(codes)))

    def _give(self, doing: Doing, token: UUID, at: datetime, proof: commands.Proof) -> Ended:
        if doing.wish(self._proving(doing, token, at, proof)).refusal is not None:
            return Ended.LATER
        return self._go_on(doing, at)

    def _proving(self, doing: Doing, token: UUID, at: datetime, proof: commands.Proof) -> commands.ProveSignIn:
        next_id = self._stage.new_id()
        return commands.ProveSignIn(
            **doing.in_force(at), sign_in_id=token, proof=proof, next_id=next_id, session_id=next_id
        )

    def _confirm(self, person: Person, place: Traces, holder: UUID, at: datetime) -> None:
        stage, doing = self._stage, Doing(self._stage, person, place, person)
        if not person.member.careful and stage.chance(0.1):
            doing.wish(self._confirming(doing, holder, at - timedelta(seconds=5), None))
        if doing.wish(self._confirming(doing, holder, at, time_step(at))).refusal is None:
            self._go_on(doing, at)
        doing.end(at)

    def _confirming(self, doing: Doing, holder: UUID, at: datetime, step: int | None) -> commands.ConfirmEnrolment:
        stage, next_id = self._stage, self._stage.new_id()
        return commands.ConfirmEnrolment(
            **doing.in_force(at),
            holder_id=holder,
            time_step=step,
            code_ids=tuple(stage.new_id() for _ in range(CODES_IN_A_SET)),
            next_id=next_id,
            session_id=next_id,
        )

    def _cancel_enrolment(self, person: Person, place: Traces, holder: UUID, at: datetime) -> None:
        doing = Doing(self._stage, person, place, person)
        doing.wish(commands.CancelEnrolment(**doing.in_force(at), holder_id=holder))
        doing.end(at)

    def _set_password(self, person: Person, place: Traces | None, token: UUID, at: datetime) -> None:
        doing, session = Doing(self._stage, person, place, person), self._stage.new_id()
        wish = commands.SetExpiredPassword(
            **doing.in_force(at), sign_in_id=token, session_id=session, address=doing.address
        )
        if doing.wish(wish).refusal is None:
            self._is_in(doing, at)
        doing.end(at)

    def _is_in(self, doing: Doing, at: datetime) -> Ended:
        person = doing.person
        person.session, person.place = person.state.sessions[-1].id, doing.place
        by_code = isinstance(last := doing.events[-1], SignedIn) and "otp" in last.factors
        person.fresh_until = at + self._stage.limits.step_up if by_code else None
        return Ended.IN

    def _has_old_hash(self, person: Person, at: datetime) -> bool:
        """Was the password last stored before the parameters of hashes were raised?"""
        raised_at, changed_at = self._stage.hashes_raised_at, person.state.password_changed_at
        if person.hash_is_new or at < raised_at or changed_at is None or changed_at >= raised_at:
            return False
        person.hash_is_new = True
        return True
