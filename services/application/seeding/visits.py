"""A person's ordinary days in a story: comes, signs in, does something now and then, goes. Pure."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from events.envelope import Traces
from events.user import commands
from events.user.commands import RecoveryProof
from events.user.limits import CODES_IN_A_SET
from services.application.seeding import helpdesk as acts
from services.application.seeding.days import next_visit
from services.application.seeding.helpdesk import Helpdesk
from services.application.seeding.signing_in import Ended, SigningIn
from services.application.seeding.stage import Doing, Person, Stage

_SIGNS_OUT: Final = 0.28  # the others close the window, and the session expires
_DOES_MORE: Final = 0.09
_MISTYPES_PASSWORD: Final = 0.015
_TRIES_AFTER_THE_END: Final = 0.15
_USUAL: Final = 0.75  # comes from the usual place


class Visits:
    def __init__(self, stage: Stage, signing_in: SigningIn, helpdesk: Helpdesk) -> None:
        self._stage = stage
        self._signing_in = signing_in
        self._helpdesk = helpdesk
        self._more = {
            self._step_up: 30,
            self._change_settings: 14,
            self._change_password: 16,
            self._new_recovery_codes: 7,
            self._replace_key: 5,
            self._end_other_sessions: 10,
            self._look_where_it_is_not_allowed: 3,
            self._reset_key: 2,
            self._switch_off: 2,
        }

    def visit(self, person: Person, at: datetime) -> None:
        """Comes, and plans the next time."""
        if person.state.erased:
            return
        self._stage.plan(next_visit(person.member, at, self._stage.draw), partial(self.visit, person))
        if at >= person.away_from and at < person.away_until:
            return
        if not person.state.deactivated or self._stage.chance(_TRIES_AFTER_THE_END):
            self.come(person, at)

    def come(self, person: Person, at: datetime) -> None:
        place = self._place(person)
        if not person.member.careful and self._stage.chance(_MISTYPES_PASSWORD):
            self._signing_in.wrong_password(person, place, at)
            self._stage.plan(self._stage.after(at, 20, 60), partial(self._sign_in, person, place))
        else:
            self._sign_in(person, place, at)

    def _sign_in(self, person: Person, place: Traces, at: datetime) -> None:
        match self._signing_in.sign_in(person, place, at):
            case Ended.IN:
                self._be_there(person, place, at)
            case Ended.NEEDS_HELP:
                self._helpdesk.soon(person, acts.order, at)
            case Ended.PHONE_IS_GONE:
                self._helpdesk.soon(person, acts.reset_key, at)
            case Ended.LATER:
                pass

    def _be_there(self, person: Person, place: Traces, at: datetime) -> None:
        stage = self._stage
        session = person.session
        assert session is not None  # noqa: S101 - the person is in
        if not person.has_phone and stage.chance(0.5):
            stage.plan(stage.after(at, 60, 300), partial(self._reset_key_by_recovery_code, person, session))
        elif person.state.key is None and person.member.keen and (person.member.careful or stage.chance(0.3)):
            stage.plan(stage.after(at, 30, 200), partial(self._signing_in.enrol, person, place, session))
        elif stage.chance(_DOES_MORE) and not person.member.careful:
            act = stage.draw.choices(list(self._more), list(self._more.values()))[0]
            stage.plan(stage.after(at, 20, 900), partial(act, person, session))
        if stage.chance(_SIGNS_OUT):
            stage.plan(stage.after(at, 300, 28_000), partial(self._sign_out, person, session))

    def _place(self, person: Person) -> Traces:
        places = person.member.places
        if len(places) == 1 or self._stage.chance(_USUAL):
            return places[0]
        return self._stage.draw.choice(places[1:])

    def _sign_out(self, person: Person, session: UUID, at: datetime) -> None:
        doing = self._doing(person)
        doing.wish(commands.SignOut(**doing.in_force(at), session_id=session))
        doing.end(at)

    def _step_up(self, person: Person, session: UUID, at: datetime) -> None:
        if self._signing_in.has_session(person, at):
            self._signing_in.step_up(person, at)

    def _change_settings(self, person: Person, session: UUID, at: datetime) -> None:
        """Language or time zone; the address for mails only by somebody who is fresh."""
        state, doing = person.state, self._doing(person)
        now = commands.ChangeUser(
            **doing.in_force(at),
            email=state.email,
            role=state.role,
            language=state.language,
            time_zone=state.time_zone,
            activation_at=state.activation_at,
            expiration_at=state.expiration_at,
        )
        if not self._signing_in.has_session(person, at):
            return
        if person.fresh_until is not None and at < person.fresh_until:
            name, _, domain = (state.email or person.member.login).partition("@")
            wish = replace(now, email=f"{name}.{self._stage.draw.randrange(10, 99)}@{domain or 'mail.example'}")
        elif self._stage.chance(0.7):
            wish = replace(now, language="en" if state.language != "en" else person.member.language)
        else:
            wish = replace(now, time_zone="Europe/Lisbon" if state.time_zone != "Europe/Lisbon" else "Europe/Berlin")
        doing.wish(wish)
        doing.end(at)

    def _change_password(self, person: Person, session: UUID, at: datetime) -> None:
        """With the old one, which is not always at hand."""
        doing, draw = self._doing(person), self._stage.draw
        for _ in range(draw.choices((0, 1, 2, 5), (76, 16, 5, 3))[0]):
            doing.wish(commands.RejectSessionPassword(**doing.in_force(at), session_id=session))
        doing.wish(commands.ChangeOwnPassword(**doing.in_force(at), session_id=session))
        doing.end(at)

    def _new_recovery_codes(self, person: Person, session: UUID, at: datetime) -> None:
        if not self._has_both(person, at):
            return
        doing = self._doing(person)
        codes = tuple(self._stage.new_id() for _ in range(CODES_IN_A_SET))
        proof = self._signing_in.code(person, at)
        doing.wish(commands.IssueRecoveryCodes(**doing.in_force(at), proof=proof, code_ids=codes))
        doing.end(at)

    def _replace_key(self, person: Person, session: UUID, at: datetime) -> None:
        """A new phone, while the old one still shows codes."""
        if self._has_both(person, at) and person.place is not None:
            self._signing_in.enrol(person, person.place, session, at)

    def _end_other_sessions(self, person: Person, session: UUID, at: datetime) -> None:
        doing = self._doing(person)
        others = tuple(s.id for s in person.state.sessions if s.id != session and at < s.expires_at)
        doing.wish(commands.EndSessions(**doing.in_force(at), session_ids=others))
        doing.end(at)

    def _look_where_it_is_not_allowed(self, person: Person, session: UUID, at: datetime) -> None:
        if person.state.role == "user" and self._signing_in.has_session(person, at):
            doing = self._doing(person)
            doing.wish(commands.RecordDenial(**doing.in_force(at), act="list_users"))
            doing.end(at)

    def _reset_key(self, person: Person, session: UUID, at: datetime) -> None:
        if self._has_both(person, at):
            doing = self._doing(person)
            doing.wish(commands.ResetOwnKey(**doing.in_force(at), proof=self._signing_in.code(person, at)))
            doing.end(at)

    def _reset_key_by_recovery_code(self, person: Person, session: UUID, at: datetime) -> None:
        codes = person.state.recovery_codes
        if codes and self._signing_in.has_session(person, at):
            doing = self._doing(person)
            proof = RecoveryProof(self._stage.draw.choice(codes))
            doing.wish(commands.ResetOwnKey(**doing.in_force(at), proof=proof))
            doing.end(at)

    def _switch_off(self, person: Person, session: UUID, at: datetime) -> None:
        if self._has_both(person, at):
            doing = self._doing(person)
            proof = self._signing_in.code(person, at)
            doing.wish(commands.DisableOwnFactor(**doing.in_force(at), session_id=session, proof=proof))
            doing.end(at)

    def _has_both(self, person: Person, at: datetime) -> bool:
        """A session and a phone that shows codes."""
        return person.has_phone and person.state.key is not None and self._signing_in.has_session(person, at)

    def _doing(self, person: Person) -> Doing:
        return Doing(self._stage, person, person.place, person)
