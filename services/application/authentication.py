"""Who presents this token? The answer holds for this moment only; the append asks again."""

from events.credentials import CredentialKind
from events.store.port import EventStore, HeldCredential
from services.application.context import Caller, Request
from services.application.own_security import is_over
from services.application.ports import Clock
from services.application.rules import Rules
from services.application.tokens import matches, parse_token


class Authentication:
    def __init__(self, store: EventStore, clock: Clock, rules: Rules) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules

    async def caller(self, token: str, request: Request) -> Caller | None:
        """The caller of a live token; None for everything else, without a reason."""
        presented = parse_token(token)
        if presented is None:
            return None
        held = await self._store.caller(presented.company_id, presented.credential_id)
        if held is None or not matches(presented, held.credential.kind, held.credential.secret):
            return None
        if not self._lives(held):
            return None
        if held.credential.kind is CredentialKind.SESSION:
            await self._touch(held)
        return Caller(held=held, request=request)

    def _lives(self, held: HeldCredential) -> bool:
        now = self._clock.now()
        credential, state = held.credential, held.user.state
        if is_over(credential, now, self._rules) or not state.is_active(now):
            return False
        # The log names every live credential: a planted row opens nothing.
        if credential.kind is CredentialKind.SESSION:
            return state.session(credential.id) is not None
        return state.sign_in(credential.id) is not None

    async def _touch(self, held: HeldCredential) -> None:
        now, seen_at = self._clock.now(), held.credential.seen_at
        if seen_at is not None and now - seen_at >= self._rules.seen_every:
            await self._store.touch(held.user.company_id, held.credential.id, now)
