"""Signing in: password, then a code, a recovery code, an enrolment or a new password, then a session."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeAlias

from events.credentials import Credential, CredentialKind
from events.decision import Refusal
from events.envelope import Actor, ActorKind
from events.store.port import EventStore, IdempotencyClaim, LoginAccount, StoredUser
from events.user import commands
from events.user.commands import Proof
from events.user.events import SignedIn, SignInAdvanced, SignInStarted, Stage, UserEvent
from services.application.authentication import Authentication
from services.application.codes import Codes, ShownKey
from services.application.context import Caller, Request, metadata_of
from services.application.enrolment import Enrolment
from services.application.errors import Refused, Replayed, Throttled
from services.application.execute import Acting, Done, Executor, Formed, Load
from services.application.first_step import FirstStep
from services.application.logins import check_password
from services.application.meters import Meters
from services.application.ports import Clock, Entropy, Overloaded, Passwords
from services.application.rules import Rules
from services.application.sessions import IssuedToken, Tokens, session_row, sign_in_row

SignInStatus: TypeAlias = Literal["signed_in", "code_required", "enrolment_required", "password_expired"]

P = ParamSpec("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAnswer:
    """Where a sign-in stands now, with the one token that is valid for it."""

    status: SignInStatus
    token: str = field(repr=False)
    expires_at: datetime
    user: StoredUser | None
    recovery_codes: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Next:
    """Tokens for whatever the facts turn out to be: a further step, or a session."""

    step: IssuedToken
    session: IssuedToken


def _counted(
    step: Callable[Concatenate["SignIn", P], Coroutine[Any, Any, SignInAnswer]],
) -> Callable[Concatenate["SignIn", P], Coroutine[Any, Any, SignInAnswer]]:
    """A step of a sign-in, with its end counted."""

    @wraps(step)
    async def counted(self: "SignIn", /, *args: P.args, **kwargs: P.kwargs) -> SignInAnswer:
        try:
            answer = await step(self, *args, **kwargs)
        except Refused as refused:
            self._meters.sign_in(refused.refusal)
            raise
        except Throttled:
            self._meters.sign_in("throttled")
            raise
        except Overloaded:
            self._meters.sign_in("overloaded")
            raise
        self._meters.sign_in(answer.status)
        return answer

    return counted


class SignIn:
    def __init__(
        self,
        store: EventStore,
        executor: Executor,
        authentication: Authentication,
        first_step: FirstStep,
        enrolment: Enrolment,
        codes: Codes,
        passwords: Passwords,
        tokens: Tokens,
        clock: Clock,
        entropy: Entropy,
        rules: Rules,
        meters: Meters,
    ) -> None:
        self._store = store
        self._executor = executor
        self._authentication = authentication
        self._first_step = first_step
        self._enrolment = enrolment
        self._codes = codes
        self._passwords = passwords
        self._tokens = tokens
        self._clock = clock
        self._entropy = entropy
        self._rules = rules
        self._meters = meters

    @_counted
    async def start(self, login: str, password: str, request: Request, via: Caller | None = None) -> SignInAnswer:
        """Login and password. Every refusal looks the same and is answered at a fixed time after its arrival.

        `via`: the program through which they came, and which says from where.
        """
        try:
            proven = await self._first_step.prove_password(login, password, request, via)
            answer = await self._begin(proven.account, password, request)
        except Refused as refused:
            if refused.refusal is Refusal.INVALID_CREDENTIALS:
                await self._first_step.wait_for_refusal(request)
            raise
        await self._first_step.succeeded(proven)
        return answer

    async def _begin(self, account: LoginAccount, password: str, request: Request) -> SignInAnswer:
        """A form that was sent twice gets the same tokens twice: whichever answer arrives, it goes on from there."""
        if request.idempotency is None:
            return await self._begin_with(self._nexts(account.user), account, password, request)
        nexts = await self._claimed_nexts(account.user, request.idempotency)
        try:
            return await self._begin_with(nexts, account, password, request)
        except Replayed:
            answer = self._begun_before(await self._reload(account.user), nexts)
        if answer is not None:
            return answer
        # That one was refused, or is over: this is one of its own, and answered as every other.
        return await self._begin_with(self._nexts(account.user), account, password, replace(request, idempotency=None))

    async def _begin_with(self, nexts: _Next, account: LoginAccount, password: str, request: Request) -> SignInAnswer:
        user = account.user
        stored = account.password or b""
        rehashed = await self._passwords.hash(password) if self._passwords.is_outdated(stored) else None
        known = None if account.address_is_known else await self._first_step.address_hash(request)

        async def form(now: StoredUser) -> Formed:
            acting = Acting(metadata=metadata_of(request, _as_user(now)))
            wish = commands.StartSignIn(
                now=self._clock.now(),
                limits=self._rules.limits,
                rules=now.company.rules,
                sign_in_id=nexts.step.id,
                session_id=nexts.session.id,
                address=request.ip,
                rehashed=rehashed is not None,
            )
            return Formed(
                command=wish,
                acting=acting,
                credentials=lambda events: self._rows(now, events, nexts, request, rehashed),
                known_address=known,
            )

        async def load() -> StoredUser:
            return await self._reload(user)

        done = await self._executor.run(user, load, form, request.idempotency)
        return self._answer(done, nexts)

    @_counted
    async def code(self, caller: Caller, code: str) -> SignInAnswer:
        """A one-time password for a sign-in in progress."""

        async def prove(user: StoredUser) -> Proof:
            return await self._codes.otp_proof(user, code)

        return await self._prove(caller, prove)

    @_counted
    async def recovery_code(self, caller: Caller, given: str) -> SignInAnswer:
        """A recovery code instead; the session that comes of it is not fresh."""

        async def prove(user: StoredUser) -> Proof:
            return await self._codes.recovery_or_break_glass_proof(user, given)

        return await self._prove(caller, prove)

    async def _prove(self, caller: Caller, prove: Callable[[StoredUser], Awaitable[Proof]]) -> SignInAnswer:
        nexts = self._nexts(caller.user)
        known = await self._first_step.address_hash(caller.request)

        async def form(user: StoredUser) -> Formed:
            wish = commands.ProveSignIn(
                now=self._clock.now(),
                limits=self._rules.limits,
                rules=user.company.rules,
                sign_in_id=caller.credential.id,
                proof=await prove(user),
                next_id=nexts.step.id,
                session_id=nexts.session.id,
            )
            return self._formed(caller, user, wish, nexts, known_address=known)

        done = await self._executor.run(caller.user, self._load(caller), form, caller.request.idempotency)
        return self._answer(done, nexts)

    async def start_enrolment(self, caller: Caller) -> tuple[ShownKey, datetime]:
        """The key for a sign-in that must enrol; a second start voids the first key."""
        return await self._enrolment.start(caller, self._load(caller), None)

    async def shown_enrolment(self, caller: Caller) -> tuple[ShownKey, datetime]:
        """The same key again, after a wrong code. Raises Refused(NO_PENDING_ENROLMENT)."""
        return await self._enrolment.shown(caller)

    @_counted
    async def confirm_enrolment(self, caller: Caller, code: str) -> SignInAnswer:
        """A right code of the shown key: the factor is on and the sign-in goes on."""
        nexts = self._nexts(caller.user)
        known = await self._first_step.address_hash(caller.request)
        confirmed = await self._enrolment.confirm(
            caller,
            self._load(caller),
            code,
            next_id=nexts.step.id,
            session_id=nexts.session.id,
            rows=lambda user, events: self._rows(user, events, nexts, caller.request, None),
            known_address=known,
        )
        return self._answer(confirmed.done, nexts, confirmed.recovery_codes)

    @_counted
    async def set_password(self, caller: Caller, new_password: str) -> SignInAnswer:
        """The new password that an expired one asks for."""
        progress = caller.user.state.sign_in(caller.credential.id)
        if progress is None or progress.stage is not Stage.PASSWORD:
            raise Refused(Refusal.NOT_AT_THIS_STAGE)
        check_password(new_password, caller.user.state.login, caller.user.company.name)
        hashed = await self._passwords.hash(new_password)
        nexts = self._nexts(caller.user)

        async def form(user: StoredUser) -> Formed:
            wish = commands.SetExpiredPassword(
                now=self._clock.now(),
                limits=self._rules.limits,
                rules=user.company.rules,
                sign_in_id=caller.credential.id,
                session_id=nexts.session.id,
                address=caller.request.ip,
            )
            return self._formed(caller, user, wish, nexts, password=hashed)

        done = await self._executor.run(caller.user, self._load(caller), form, caller.request.idempotency)
        return self._answer(done, nexts)

    async def cancel(self, caller: Caller) -> None:
        nexts = self._nexts(caller.user)

        async def form(user: StoredUser) -> Formed:
            wish = commands.CancelSignIn(now=self._clock.now(), sign_in_id=caller.credential.id)
            return self._formed(caller, user, wish, nexts)

        await self._executor.run(caller.user, self._load(caller), form, caller.request.idempotency)

    def _formed(
        self,
        caller: Caller,
        user: StoredUser,
        wish: commands.UserCommand,
        nexts: _Next,
        *,
        password: bytes | None = None,
        known_address: bytes | None = None,
    ) -> Formed:
        return Formed(
            command=wish,
            acting=Acting(metadata=caller.metadata(), caller=caller.check_as_self()),
            credentials=lambda events: self._rows(user, events, nexts, caller.request, password),
            known_address=known_address,
        )

    def _load(self, caller: Caller) -> Load:
        async def load() -> StoredUser:
            # May the caller still go on, and from there?
            return (await self._authentication.again(caller)).user

        return load

    async def _reload(self, user: StoredUser) -> StoredUser:
        again = await self._store.user(user.company_id, user.user_id)
        if again is None:
            raise Refused(Refusal.SIGN_IN_OVER)
        return again

    async def _claimed_nexts(self, user: StoredUser, claim: IdempotencyClaim) -> _Next:
        seed = await self._first_step.seed_of(claim)
        return _Next(
            step=self._tokens.issue_from(CredentialKind.SIGN_IN, user.company_id, seed),
            session=self._tokens.issue_from(CredentialKind.SESSION, user.company_id, seed),
        )

    def _begun_before(self, user: StoredUser, nexts: _Next) -> SignInAnswer | None:
        """Where the sign-in stands that the same form began, as long as it does."""
        session, progress = user.state.session(nexts.session.id), user.state.sign_in(nexts.step.id)
        if session is not None:
            return SignInAnswer(status="signed_in", token=nexts.session.token, expires_at=session.expires_at, user=user)
        if progress is None:
            return None
        return SignInAnswer(
            status=_status(progress.stage), token=nexts.step.token, expires_at=progress.expires_at, user=None
        )

    def _nexts(self, user: StoredUser) -> _Next:
        return _Next(
            step=self._tokens.issue(CredentialKind.SIGN_IN, user.company_id),
            session=self._tokens.issue(CredentialKind.SESSION, user.company_id),
        )

    def _rows(
        self,
        user: StoredUser,
        events: tuple[UserEvent, ...],
        nexts: _Next,
        request: Request,
        password: bytes | None,
    ) -> tuple[Credential, ...]:
        rows: list[Credential] = []
        for event in events:
            match event:
                case SignedIn():
                    fresh = None if "recovery_code" in event.factors else self._fresh_until(user, event)
                    rows.append(session_row(nexts.session, user.user_id, event, request, fresh))
                case SignInStarted() | SignInAdvanced():
                    rows.append(sign_in_row(nexts.step, user.user_id, event.expires_at, request))
                case _:
                    pass
        if password is not None:
            rows.append(password_row(self._entropy, user, password))
        return tuple(rows)

    def _fresh_until(self, user: StoredUser, event: SignedIn) -> datetime | None:
        """A code makes a session fresh; the password alone only where no factor is on."""
        if "otp" not in event.factors and user.state.key is not None:
            return None
        return event.signed_in_at + self._rules.limits.step_up

    def _answer(self, done: Done, nexts: _Next, recovery_codes: tuple[str, ...] = ()) -> SignInAnswer:
        for event in reversed(done.events):
            match event:
                case SignedIn():
                    return SignInAnswer(
                        status="signed_in",
                        token=nexts.session.token,
                        expires_at=event.expires_at,
                        user=done.user,
                        recovery_codes=recovery_codes,
                    )
                case SignInStarted() | SignInAdvanced():
                    return SignInAnswer(
                        status=_status(event.stage),
                        token=nexts.step.token,
                        expires_at=event.expires_at,
                        user=None,
                        recovery_codes=recovery_codes,
                    )
                case _:
                    pass
        raise Refused(Refusal.SIGN_IN_OVER)


def password_row(entropy: Entropy, user: StoredUser, hashed: bytes) -> Credential:
    return Credential(id=entropy.uuid(), user_id=user.user_id, kind=CredentialKind.PASSWORD, secret=hashed)


def _status(stage: Stage) -> SignInStatus:
    match stage:
        case Stage.CODE:
            return "code_required"
        case Stage.ENROLMENT:
            return "enrolment_required"
        case Stage.PASSWORD:
            return "password_expired"


def _as_user(user: StoredUser) -> Actor:
    return Actor(kind=ActorKind.USER, id=user.user_id, company_id=user.company_id)
