"""What befalls people of a story once: lost phones, leavers, orders, attacks. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from events.envelope import Traces
from events.user import commands
from services.application.seeding import helpdesk as acts
from services.application.seeding.helpdesk import Helpdesk, Make
from services.application.seeding.people import Fate, stranger
from services.application.seeding.signing_in import SigningIn
from services.application.seeding.stage import WRONG, Doing, InForce, Person, Stage
from services.application.seeding.visits import Visits

_DAY: Final = timedelta(days=1)
_TRIES: Final = 6
# Only somebody with a factor can lose it.
_NEED_A_KEY: Final = frozenset(
    {
        Fate.LOSES_PHONE,
        Fate.NEEDS_RECOVERY_CODE,
        Fate.NEEDS_BREAK_GLASS,
        Fate.IS_BESIEGED,
        Fate.IS_LOCKED,
        Fate.IS_DISABLED,
    }
)
# They stand at the end of the story as they came.
_LATE: Final = frozenset({Fate.AWAITS_ENROLMENT, Fate.HAS_NEW_PASSWORD})
# Already true when the account is made.
_AT_ONCE: Final = frozenset({Fate.BEGINS_LATER, Fate.BRINGS_A_KEY})


class Troubles:
    def __init__(self, stage: Stage, signing_in: SigningIn, helpdesk: Helpdesk, visits: Visits) -> None:
        self._stage = stage
        self._signing_in = signing_in
        self._helpdesk = helpdesk
        self._visits = visits
        self._acts: Mapping[Fate, Callable[[Person, datetime], None]] = {
            Fate.LOSES_PHONE: self._lose_phone,
            Fate.NEEDS_RECOVERY_CODE: self._leave_phone_at_home,
            Fate.LEAVES: self._helped(acts.deactivate),
            Fate.IS_ERASED: self._helped(acts.deactivate, (3 * _DAY, acts.erase)),
            Fate.RETURNS: self._helped(acts.deactivate, (5 * _DAY, acts.reactivate)),
            Fate.CONTRACT_ENDS: self._helped(acts.end_contract),
            Fate.FORGETS_PASSWORD: self._forget_password,
            Fate.HAS_NEW_PASSWORD: self._helped(acts.reset_password),
            Fate.IS_ORDERED: self._helped(acts.order),
            Fate.LETS_ORDER_LAPSE: self._let_order_lapse,
            Fate.ORDER_IS_WITHDRAWN: self._have_order_withdrawn,
            Fate.AWAITS_ENROLMENT: self._renew_order,
            Fate.IS_BESIEGED: self._be_besieged,
            Fate.IS_LOCKED: self._lock_oneself_out,
            Fate.IS_PROMOTED: self._helped(acts.promote),
            Fate.IS_DISABLED: self._helped(acts.switch_off),
            Fate.IS_SIGNED_OUT: self._be_signed_out,
            Fate.IS_EXEMPT: self._helped(acts.exempt, (8 * _DAY, acts.inherit)),
            Fate.IS_TIED_TO_THE_OFFICE: self._helped(acts.tie_to_the_office),
            Fate.NEEDS_BREAK_GLASS: self._ask_for_break_glass,
        }

    def plan(self, person: Person, begins: datetime) -> None:
        """Some time after the person has come; what is to stand at the end comes shortly before it."""
        fate, stage = person.member.fate, self._stage
        if fate is None or fate in _AT_ONCE:
            return
        left = stage.until - begins
        when = begins + left * stage.draw.uniform(*_share(fate))
        if fate in _LATE:
            when = stage.until - min(left / 2, _DAY * stage.draw.uniform(0.8, 1.6))
            person.away_from = when
        stage.plan(when, partial(self._happen, person, fate))

    def _happen(self, person: Person, fate: Fate, at: datetime, tries: int = _TRIES) -> None:
        if fate in _NEED_A_KEY and person.state.key is None:
            if tries:
                self._helpdesk.act(person, acts.order, at)
                again = partial(self._happen, person, fate, tries=tries - 1)
                self._stage.plan(at + min(3 * _DAY, (self._stage.until - at) / 4), again)
            return
        self._acts[fate](person, at)

    def _helped(self, make: Make, then: tuple[timedelta, Make] | None = None) -> Callable[[Person, datetime], None]:
        def happen(person: Person, at: datetime) -> None:
            self._helpdesk.act(person, make, at)
            if then is not None:
                later = min(then[0], (self._stage.until - at) / 2)
                self._stage.plan(at + later, partial(self._helpdesk.act, person, then[1]))

        return happen

    def _lose_phone(self, person: Person, at: datetime) -> None:
        person.has_phone = False
        self._helpdesk.soon(person, acts.reset_key, at)

    def _leave_phone_at_home(self, person: Person, at: datetime) -> None:
        """Recovery codes have to do."""
        person.has_phone = False
        self._visits.come(person, at)

    def _ask_for_break_glass(self, person: Person, at: datetime) -> None:
        """No phone, no recovery codes at hand: a code by phone, which is good for a quarter of an hour."""
        person.has_phone = False
        code_id = self._stage.new_id()

        def issue(person: Person, in_force: InForce, reason: str) -> commands.UserCommand:
            return commands.IssueBreakGlassCode(**in_force, code_id=code_id, reason=reason)

        self._helpdesk.act(person, issue, at)
        self._stage.plan(self._stage.after(at, 30, 600), partial(self._visits.come, person))

    def _forget_password(self, person: Person, at: datetime) -> None:
        stage, place = self._stage, person.member.places[0]
        for number in range(stage.draw.randrange(2, 6)):
            tried = partial(self._signing_in.wrong_password, person, place)
            stage.plan(at + timedelta(seconds=25 * number), tried)
        asked = at + timedelta(minutes=10)
        stage.plan(asked, partial(self._helpdesk.act, person, acts.reset_password))
        stage.plan(stage.after(asked, 600, 3600), partial(self._visits.come, person))

    def _let_order_lapse(self, person: Person, at: datetime) -> None:
        """Ordered, and on holiday until the door is closed."""
        window = self._stage.rules.policy.order_window
        person.away_from, person.away_until = at, at + window + _DAY / 24
        self._renew_order(person, at)
        self._stage.plan(person.away_until, partial(self._visits.come, person))

    def _have_order_withdrawn(self, person: Person, at: datetime) -> None:
        person.away_from, person.away_until = at, at + _DAY
        self._renew_order(person, at)
        self._stage.plan(at + _DAY / 4, partial(self._helpdesk.act, person, acts.switch_off))

    def _renew_order(self, person: Person, at: datetime) -> None:
        """A demand to enrol, whether there is a factor or not."""
        make = acts.order if person.state.key is None else acts.reset_key
        self._helpdesk.act(person, make, at)

    def _be_besieged(self, person: Person, at: datetime) -> None:
        """Somebody knows the password and tries codes, for as long as the owner is on holiday."""
        person.away_from = at
        self._try_codes(person, stranger(self._stage.draw), at)

    def _try_codes(self, person: Person, place: Traces, at: datetime) -> None:
        self._wrong_codes(person, place, at)
        ladder = person.state.ladder
        if person.state.is_active(at) and not ladder.disabled:
            again = max(at, ladder.until or at)
            self._stage.plan(self._stage.after(again, 60, 900), partial(self._try_codes, person, place))

    def _lock_oneself_out(self, person: Person, at: datetime) -> None:
        """The phone's clock is off: every code is wrong until there is a lock."""
        self._wrong_codes(person, person.member.places[0], at)
        ladder = person.state.ladder
        if ladder.locks:
            self._helpdesk.soon(person, acts.unlock, at)
        elif ladder.until is not None:
            again = partial(self._lock_oneself_out, person)
            self._stage.plan(self._stage.after(max(at, ladder.until), 5, 60), again)
            if self._stage.chance(0.5):
                self._stage.plan(self._stage.after(at, 5, 40), partial(self._wrong_codes, person, None))

    def _wrong_codes(self, person: Person, place: Traces | None, at: datetime) -> None:
        """One sign-in's worth, or until the codes are not looked at any more."""
        stage, token = self._stage, self._stage.new_id()
        doing = Doing(stage, person, place or person.member.places[0], person)
        doing.wish(
            commands.StartSignIn(**doing.in_force(at), sign_in_id=token, session_id=token, address=doing.address)
        )
        for _ in range(stage.limits.sign_in_tries):
            wish = commands.ProveSignIn(
                **doing.in_force(at), sign_in_id=token, proof=WRONG, next_id=token, session_id=token
            )
            doing.wish(wish)
            if person.state.ladder.until is not None or person.state.ladder.disabled:
                break
        doing.end(at)

    def _be_signed_out(self, person: Person, at: datetime) -> None:
        self._visits.come(person, at)
        self._helpdesk.soon(person, acts.end_sessions, at)


def _share(fate: Fate) -> tuple[float, float]:
    """Between which parts of the person's time: orders come before the policy demands the same."""
    if fate in (Fate.IS_ORDERED, Fate.LETS_ORDER_LAPSE, Fate.ORDER_IS_WITHDRAWN):
        return 0.05, 0.25
    return (0.15, 0.3) if fate is Fate.IS_BESIEGED else (0.15, 0.75)
