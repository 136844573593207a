"""Binding an authenticator: show a fresh key, confirm it with a code. For sign-ins and for sessions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events import totp
from events.credentials import Credential
from events.decision import Refusal
from events.store.port import StoredUser
from events.user import commands
from events.user.events import EnrolmentStarted, UserEvent
from services.application.codes import Codes, RecoverySet, ShownKey
from services.application.context import Caller
from services.application.errors import Refused
from services.application.execute import Acting, Done, Executor, Formed, Load
from services.application.ports import Clock, Entropy
from services.application.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    done: Done
    recovery_codes: tuple[str, ...] = field(repr=False)


class Enrolment:
    def __init__(self, executor: Executor, codes: Codes, clock: Clock, entropy: Entropy, rules: Rules) -> None:
        self._executor = executor
        self._codes = codes
        self._clock = clock
        self._entropy = entropy
        self._rules = rules

    async def start(self, caller: Caller, load: Load, code: str | None) -> tuple[ShownKey, datetime]:
        """A fresh key for this caller. `code` proves the factor that is on, when it is to be replaced."""
        key = self._entropy.bytes(totp.KEY_BYTES)
        key_id = self._entropy.uuid()

        async def form(user: StoredUser) -> Formed:
            wish = commands.StartEnrolment(
                now=self._clock.now(),
                limits=self._rules.limits,
                rules=user.company.rules,
                holder_id=caller.credential.id,
                key_id=key_id,
                proof=await self._codes.otp_proof(user, code) if code is not None else None,
            )
            row = await self._codes.pending_key(user, key_id, key)
            return Formed(command=wish, acting=_as_self(caller), credentials=lambda events: (row,))

        done = await self._executor.run(caller.user, load, form, caller.request.idempotency)
        started = done.event(EnrolmentStarted)
        assert isinstance(started, EnrolmentStarted)  # noqa: S101 - the decision was granted
        return self._codes.show(done.user, key), started.expires_at

    async def shown(self, caller: Caller) -> tuple[ShownKey, datetime]:
        """The key that waits for this caller's code, once more. Raises Refused(NO_PENDING_ENROLMENT)."""
        pending = caller.user.state.pending
        if pending is None or pending.holder_id != caller.credential.id or self._clock.now() >= pending.expires_at:
            raise Refused(Refusal.NO_PENDING_ENROLMENT)
        key = await self._codes.open_pending(caller.user)
        if key is None or pending.tries >= self._rules.limits.pending_tries:
            raise Refused(Refusal.NO_PENDING_ENROLMENT)
        return self._codes.show(caller.user, key), pending.expires_at

    async def confirm(
        self,
        caller: Caller,
        load: Load,
        code: str,
        *,
        next_id: UUID,
        session_id: UUID,
        rows: Callable[[StoredUser, tuple[UserEvent, ...]], tuple[Credential, ...]],
        known_address: bytes | None = None,
    ) -> Confirmed:
        """A right code of the shown key switches the factor on; the recovery codes are shown this once."""
        fresh: RecoverySet = await self._codes.recovery_set(caller.user)

        async def form(user: StoredUser) -> Formed:
            self._codes.demand_clock()
            key = await self._codes.open_pending(user)
            step = totp.match_time_step(key, code, self._clock.now(), self._rules.limits.window) if key else None
            wish = commands.ConfirmEnrolment(
                now=self._clock.now(),
                limits=self._rules.limits,
                rules=user.company.rules,
                holder_id=caller.credential.id,
                time_step=step,
                code_ids=fresh.ids,
                next_id=next_id,
                session_id=session_id,
            )
            enabled = await self._enabled_row(user, key, step)
            return Formed(
                command=wish,
                acting=_as_self(caller),
                credentials=lambda events: (*enabled, *fresh.rows, *rows(user, events)),
                known_address=known_address,
            )

        done = await self._executor.run(caller.user, load, form, caller.request.idempotency)
        return Confirmed(done=done, recovery_codes=fresh.codes)

    async def _enabled_row(self, user: StoredUser, key: bytes | None, step: int | None) -> tuple[Credential, ...]:
        pending = user.state.pending
        if pending is None or key is None or step is None:
            return ()
        return (await self._codes.confirmed_key(user, pending.id, key, pending.generation, step),)


def _as_self(caller: Caller) -> Acting:
    return Acting(metadata=caller.metadata(), caller=caller.check_as_self())
