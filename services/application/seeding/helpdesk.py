"""What administrators of a story do for, and about, other people: fresh by a code of their own, with a reason. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_network
from typing import Final

from events.totp import time_step
from events.user import commands
from services.application.seeding.people import Fate
from services.application.seeding.signing_in import SigningIn
from services.application.seeding.stage import Doing, InForce, Person, Stage

Make = Callable[[Person, InForce, str], commands.UserCommand]

_PATIENCE: Final = timedelta(minutes=10)  # until somebody is asked again
_TRIES: Final = 50
_NOTICE: Final = timedelta(hours=30)  # of a contract that ends
_REASONS: Final = {
    "de": ("Telefon verloren", "Neues Gerät", "Auf Wunsch am Telefon, Rückruf erfolgt", "Ticket vom Helpdesk"),
    "en": ("lost phone", "new device", "asked by phone, called back", "helpdesk ticket"),
    "pt-BR": ("celular perdido", "aparelho novo", "pedido por telefone, confirmado", "chamado do suporte"),
}


class Helpdesk:
    def __init__(self, stage: Stage, signing_in: SigningIn) -> None:
        self._stage = stage
        self._signing_in = signing_in

    def soon(self, person: Person, make: Make, at: datetime) -> None:
        """Somebody is asked, and does it within minutes or an hour."""
        self._stage.plan(self._stage.after(at, 120, 3600), partial(self.act, person, make))

    def act(self, person: Person, make: Make, at: datetime, tries: int = _TRIES) -> None:
        """An administrator's act on a person; later, when nobody can just now."""
        administrator = self._somebody_for(person, at)
        if administrator is None:
            if tries:
                self._stage.plan(at + _PATIENCE, partial(self.act, person, make, tries=tries - 1))
            return
        reason = self._stage.draw.choice(_REASONS[administrator.member.language])
        doing = Doing(self._stage, person, administrator.place, administrator)
        doing.wish(make(person, doing.in_force(at), reason))
        doing.end(at)
        if person.state.expiration_at is not None:
            self._stage.plan(person.state.expiration_at, partial(self._expire, person))

    def create(self, person: Person, at: datetime) -> None:
        """The first account, and those that come along from another system, are made by the installation itself."""
        brings_a_key = person.member.fate is Fate.BRINGS_A_KEY
        if person is not self._stage.people[0] and not brings_a_key:
            self.act(person, _creation, at)
            return
        doing = Doing(self._stage, person, None, None)
        doing.wish(_creation(person, doing.in_force(at), ""))
        if brings_a_key:
            step, key_id = time_step(at), self._stage.new_id()
            doing.wish(commands.ImportKey(**doing.in_force(at), key_id=key_id, time_step=step))
        doing.end(at)

    def _expire(self, person: Person, at: datetime) -> None:
        """What the worker records when an account's last day is over; the rules do it once."""
        doing = Doing(self._stage, person, None, None)
        doing.wish(commands.ExpireUser(**doing.in_force(at)))
        doing.end(at)

    def _somebody_for(self, person: Person, at: datetime) -> Person | None:
        """An administrator with a factor, who is fresh; never the person concerned."""
        for administrator in self._stage.draw.sample(self._stage.administrators, len(self._stage.administrators)):
            if administrator is not person and self._signing_in.be_fresh(administrator, at):
                return administrator
        return None


def _creation(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    member = person.member
    return commands.CreateUser(
        **in_force,
        login=member.login,
        email=member.email,
        role=member.role,
        language=member.language,
        time_zone=member.time_zone,
        activation_at=person.activation_at,
        expiration_at=None,
        has_password=True,
    )


def order(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return commands.OrderEnrolment(**in_force, reason=reason)


def reset_key(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return commands.ResetKey(**in_force, reason=reason)


def switch_off(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    """The factor, or the order where there is no factor yet."""
    return commands.DisableFactor(**in_force, reason=reason)


def unlock(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return commands.UnlockFactor(**in_force, reason=reason)


def reset_password(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return commands.ResetPassword(**in_force, reason=reason, must_change=True)


def deactivate(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return commands.DeactivateUser(**in_force, reason=reason)


def reactivate(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return commands.ReactivateUser(**in_force, reason=reason)


def erase(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return commands.EraseUser(**in_force)


def promote(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return _changed(person, in_force, role="security_officer" if person.state.role == "user" else "administrator")


def end_contract(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return _changed(person, in_force, expiration_at=in_force["now"] + _NOTICE)


def exempt(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    until = in_force["now"] + timedelta(days=14)
    return commands.OverridePolicy(**in_force, override="exempt", until=until, reason=reason)


def inherit(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    return commands.OverridePolicy(**in_force, override="inherit", until=None, reason=reason)


def tie_to_the_office(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    office = ip_network(f"{person.member.places[0].ip}/24", strict=False)
    return commands.ChangeNetworks(**in_force, networks=(str(office),), reason=reason)


def end_sessions(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
    sessions = tuple(session.id for session in person.state.sessions)
    return commands.EndSessions(**in_force, session_ids=sessions, by_administrator=True, reason=reason)


def _changed(
    person: Person, in_force: InForce, *, role: str | None = None, expiration_at: datetime | None = None
) -> commands.ChangeUser:
    state = person.state
    return commands.ChangeUser(
        **in_force,
        email=state.email,
        role=role or state.role,
        language=state.language,
        time_zone=state.time_zone,
        activation_at=state.activation_at,
        expiration_at=expiration_at or state.expiration_at,
    )
