"""The own account: second factor, recovery codes, step-up, sessions, password, settings."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from events.credentials import Credential, CredentialKind
from events.decision import Refusal
from events.policy import EffectiveFactor, effective
from events.store.port import EventStore, StoredUser
from events.user import commands
from events.user.events import Factor, SteppedUp, TwoFactorEnabled
from services.application.access import demand_fresh, demand_own_security
from services.application.authentication import Authentication
from services.application.codes import Codes, ShownKey
from services.application.context import Caller
from services.application.enrolment import Enrolment
from services.application.errors import Refused
from services.application.execute import Acting, Done, Executor, Formed, Load
from services.application.logins import check_password
from services.application.ports import Clock, Entropy, Passwords
from services.application.rules import Rules
from services.application.sessions import Tokens, is_over
from services.application.sign_in import password_row


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshToken:
    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a user may change of the own account."""

    language: str
    time_zone: str
    email: str | None


Make = Callable[[StoredUser], Awaitable[commands.UserCommand]]
Rows = tuple[Credential, ...]


class OwnSecurity:
    def __init__(
        self,
        store: EventStore,
        executor: Executor,
        authentication: Authentication,
        enrolment: Enrolment,
        codes: Codes,
        passwords: Passwords,
        tokens: Tokens,
        clock: Clock,
        entropy: Entropy,
        rules: Rules,
    ) -> None:
        self._store = store
        self._executor = executor
        self._authentication = authentication
        self._enrolment = enrolment
        self._codes = codes
        self._passwords = passwords
        self._tokens = tokens
        self._clock = clock
        self._entropy = entropy
        self._rules = rules

    def two_factor(self, caller: Caller) -> EffectiveFactor:
        """The effective state, as everybody else sees it."""
        return effective(caller.user.state, caller.user.company.rules, self._clock.now())

    async def start_enrolment(
        self, caller: Caller, *, password: str | None, code: str | None
    ) -> tuple[ShownKey, datetime]:
        """A fresh key, by the password; or by a code of the factor that it shall replace."""
        demand_own_security(caller.user)
        if caller.user.state.key is not None and code is None:
            raise Refused(Refusal.STEP_UP_REQUIRED)
        if caller.user.state.key is None:
            if password is None:
                raise Refused(Refusal.NO_KEY)
            await self._prove_password(caller, password)
        return await self._enrolment.start(caller, self._load(caller), code)

    async def shown_enrolment(self, caller: Caller) -> tuple[ShownKey, datetime]:
        """The same key again, after a wrong code. Raises Refused(NO_PENDING_ENROLMENT)."""
        return await self._enrolment.shown(caller)

    async def confirm(self, caller: Caller, code: str) -> tuple[EffectiveFactor, tuple[str, ...]]:
        """On, with the recovery codes this once; all other sessions end."""
        nobody = self._entropy.uuid()
        confirmed = await self._enrolment.confirm(
            caller,
            self._load(caller),
            code,
            next_id=nobody,
            session_id=nobody,
            rows=lambda user, events: (self._confirmed_row(caller.credential, events[0]),),
        )
        return self._effective(confirmed.done), confirmed.recovery_codes

    def _confirmed_row(self, old: Credential, fact: object) -> Credential:
        """The session in which the code was accepted: fresh now, under the same token."""
        assert isinstance(fact, TwoFactorEnabled)  # noqa: S101 - rows are made for a granted decision only
        fresh_until = fact.enabled_at + self._rules.limits.step_up
        return replace(old, attributes=_with_factor(old.attributes, "otp", fresh_until))

    async def cancel_enrolment(self, caller: Caller) -> None:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.CancelEnrolment(now=self._clock.now(), holder_id=caller.credential.id)

        await self._run(caller, make)

    async def reset(self, caller: Caller, *, code: str | None, recovery_code: str | None) -> None:
        """Key and codes void, every session over, this one too."""

        async def make(user: StoredUser) -> commands.UserCommand:
            demand_own_security(user)
            proof: commands.Proof
            if code is not None:
                proof = await self._codes.otp_proof(user, code)
            else:
                proof = await self._codes.recovery_proof(user, recovery_code or "")
            return commands.ResetOwnKey(
                now=self._clock.now(), limits=self._rules.limits, rules=user.company.rules, proof=proof
            )

        await self._run(caller, make)

    async def disable(self, caller: Caller, code: str) -> None:

        async def make(user: StoredUser) -> commands.UserCommand:
            demand_own_security(user)
            return commands.DisableOwnFactor(
                now=self._clock.now(),
                limits=self._rules.limits,
                rules=user.company.rules,
                session_id=caller.credential.id,
                proof=await self._codes.otp_proof(user, code),
            )

        await self._run(caller, make)

    async def new_recovery_codes(self, caller: Caller, code: str) -> tuple[str, ...]:
        demand_own_security(caller.user)
        fresh = await self._codes.recovery_set(caller.user)

        async def make(user: StoredUser) -> commands.UserCommand:
            demand_own_security(user)
            return commands.IssueRecoveryCodes(
                now=self._clock.now(),
                limits=self._rules.limits,
                proof=await self._codes.otp_proof(user, code),
                code_ids=fresh.ids,
            )

        await self._run(caller, make, fresh.rows)
        return fresh.codes

    async def step_up(self, caller: Caller, *, code: str | None, password: str | None) -> FreshToken:
        """A new token for this session, fresh for some minutes; the old token is dead."""
        if code is None:
            if caller.user.state.key is not None:
                raise Refused(Refusal.STEP_UP_REQUIRED)
            await self._prove_password(caller, password or "")
        issued = self._tokens.issue(CredentialKind.SESSION, caller.company_id, caller.credential.id)

        async def form(user: StoredUser) -> Formed:
            wish = commands.StepUp(
                now=self._clock.now(),
                limits=self._rules.limits,
                session_id=caller.credential.id,
                proof=await self._codes.otp_proof(user, code) if code is not None else None,
            )
            return Formed(
                command=wish,
                acting=self._as_self(caller),
                credentials=lambda events: (_stepped_up_row(caller.credential, issued.digest, events[0]),),
            )

        done = await self._executor.run(caller.user, self._load(caller), form, caller.request.idempotency)
        stepped = done.event(SteppedUp)
        assert isinstance(stepped, SteppedUp)  # noqa: S101 - the decision was granted
        return FreshToken(token=issued.token, expires_at=stepped.fresh_until)

    async def sessions(self, caller: Caller) -> list[Credential]:
        return await live_sessions(self._store, caller.user, self._clock.now(), self._rules)

    async def end_session(self, caller: Caller, session_id: UUID) -> None:
        """One of the own sessions. Raises Refused(NOT_FOUND)."""
        if caller.user.state.session(session_id) is None:
            raise Refused(Refusal.NOT_FOUND)
        await self._end(caller, lambda user: (session_id,))

    async def end_other_sessions(self, caller: Caller) -> None:
        await self._end(caller, lambda user: tuple(s.id for s in user.state.sessions if s.id != caller.credential.id))

    async def _end(self, caller: Caller, which: Callable[[StoredUser], tuple[UUID, ...]]) -> None:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.EndSessions(now=self._clock.now(), session_ids=which(user))

        await self._run(caller, make)

    async def sign_out(self, caller: Caller) -> None:
        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.SignOut(now=self._clock.now(), session_id=caller.credential.id)

        await self._run(caller, make)

    async def change_password(self, caller: Caller, old: str, new: str) -> None:
        """Other sessions end; the second factor stays as it is."""
        await self._prove_password(caller, old)
        check_password(new, caller.user.state.login, caller.user.company.name)
        hashed = await self._passwords.hash(new)

        async def make(user: StoredUser) -> commands.UserCommand:
            if user.state.password_changed_at != caller.user.state.password_changed_at:
                # A change at the same time was first: the old password that was proven is none any more.
                raise Refused(Refusal.INVALID_CREDENTIALS)
            return commands.ChangeOwnPassword(now=self._clock.now(), session_id=caller.credential.id)

        await self._run(caller, make, (password_row(self._entropy, caller.user, hashed),))

    async def change_settings(self, caller: Caller, change: Callable[[StoredUser], Settings]) -> StoredUser:
        """Language, time zone, e-mail; a new e-mail needs a fresh session, and the old address is told."""

        async def make(user: StoredUser) -> commands.UserCommand:
            wanted = change(user)
            if wanted.email != user.state.email:
                demand_fresh(caller, self._clock.now())
            return commands.ChangeUser(
                now=self._clock.now(),
                email=wanted.email,
                role=user.state.role,
                language=wanted.language,
                time_zone=wanted.time_zone,
                activation_at=user.state.activation_at,
                expiration_at=user.state.expiration_at,
            )

        return (await self._run(caller, make)).user

    async def record_export(self, caller: Caller) -> StoredUser:
        """That a copy of the personal data is handed out now, in a fresh session; the account as it is then."""

        async def make(user: StoredUser) -> commands.UserCommand:
            demand_fresh(caller, self._clock.now())
            return commands.ExportOwnData(now=self._clock.now(), session_id=caller.credential.id)

        return (await self._run(caller, make)).user

    async def _prove_password(self, caller: Caller, password: str) -> None:
        """A wrong password is on record; the fifth in a session ends it."""
        rows = await self._store.credentials(caller.company_id, caller.user_id, [CredentialKind.PASSWORD])
        stored = rows[0].secret if rows else None
        if await self._passwords.verify(str(caller.user_id), stored, password):
            return

        async def make(user: StoredUser) -> commands.UserCommand:
            return commands.RejectSessionPassword(
                now=self._clock.now(), limits=self._rules.limits, session_id=caller.credential.id
            )

        await self._run(caller, make)

    async def _run(self, caller: Caller, make: Make, rows: Rows = ()) -> Done:
        async def form(user: StoredUser) -> Formed:
            return Formed(command=await make(user), acting=self._as_self(caller), credentials=lambda events: rows)

        return await self._executor.run(caller.user, self._load(caller), form, caller.request.idempotency)

    def _load(self, caller: Caller) -> Load:
        async def load() -> StoredUser:
            # May the caller still do it, and from there?
            return (await self._authentication.again(caller)).user

        return load

    def _as_self(self, caller: Caller) -> Acting:
        return Acting(metadata=caller.metadata(), caller=caller.check_as_self())

    def _effective(self, done: Done) -> EffectiveFactor:
        return effective(done.user.state, done.user.company.rules, self._clock.now())


async def live_sessions(store: EventStore, user: StoredUser, now: datetime, rules: Rules) -> list[Credential]:
    """Sessions that a request could still use, newest first."""
    rows = await store.credentials(user.company_id, user.user_id, [CredentialKind.SESSION])
    live = [row for row in rows if not is_over(row, now, rules)]
    return sorted(live, key=lambda row: str(row.attributes.get("created_at")), reverse=True)


def _stepped_up_row(old: Credential, digest: bytes, fact: object) -> Credential:
    assert isinstance(fact, SteppedUp)  # noqa: S101 - rows are made for a granted decision only
    attributes = _with_factor(old.attributes, fact.factor, fact.fresh_until)
    return Credential(
        id=old.id,
        user_id=old.user_id,
        kind=CredentialKind.SESSION,
        secret=digest,
        expires_at=old.expires_at,
        seen_at=fact.stepped_up_at,
        attributes=attributes,
    )


def _with_factor(attributes: dict[str, Any], factor: Factor, fresh_until: datetime) -> dict[str, Any]:
    factors = attributes["factors"]
    if factor not in factors:
        factors = [*factors, factor]
    return {**attributes, "factors": factors, "fresh_until": fresh_until.isoformat()}
