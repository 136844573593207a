"""Who presents this token? The answer holds for this moment only; the append asks again."""

from dataclasses import replace

from events.credentials import CredentialKind
from events.decision import Refusal
from events.networks import contains
from events.policy import effective, is_inside
from events.store.port import EventStore, HeldCredential, StoredUser
from services.application.context import Caller, Request
from services.application.errors import Refused
from services.application.ports import Clock
from services.application.rules import Rules
from services.application.sessions import is_over
from services.application.tokens import matches, parse_token


class Authentication:
    def __init__(self, store: EventStore, clock: Clock, rules: Rules) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules

    async def caller(self, token: str, request: Request) -> Caller | None:
        """The caller of a live token; None for everything else, without a reason."""
        held = await self.held(token)
        request = _as_vouched(held, request)
        if held is None or not self._lives(held, request.ip):
            return None
        if held.credential.kind is not CredentialKind.SIGN_IN:
            await self._touch(held)
        return Caller(held=held, request=request)

    async def held(self, token: str) -> HeldCredential | None:
        """What stands behind a token that is the right one, living or not."""
        presented = parse_token(token)
        if presented is None:
            return None
        held = await self._store.caller(presented.company_id, presented.credential_id)
        if held is None or not matches(presented, held.credential.kind, held.credential.secret):
            return None
        return held

    async def current(self, caller: Caller, company_version: int) -> Caller:
        """The caller as of a version of the company in which he acts: his rights stand in it, when it is his own."""
        if caller.is_elsewhere or caller.held.company_version == company_version:
            return caller
        return await self.again(caller)

    async def again(self, caller: Caller) -> Caller:
        """The same caller as of now, for a retry. Raises Refused(SESSION_OVER)."""
        held = await self._store.caller(caller.company_id, caller.credential.id)
        if held is None or held.credential.secret != caller.credential.secret:
            raise Refused(Refusal.SESSION_OVER)
        if not self._lives(held, caller.request.ip):
            raise Refused(Refusal.SESSION_OVER)
        return Caller(held=held, request=caller.request, elsewhere=caller.elsewhere)

    def is_live_session(self, held: HeldCredential) -> bool:
        """Would this session serve its owner now? From where is not asked."""
        return (
            held.credential.kind is CredentialKind.SESSION and held.user is not None and self._stands(held, held.user)
        )

    def _lives(self, held: HeldCredential, address: str | None) -> bool:
        if held.client is not None:
            return self._client_lives(held, address)
        user = held.user
        return user is not None and self._stands(held, user) and self._may_come_from(held, user, address)

    def _stands(self, held: HeldCredential, user: StoredUser) -> bool:
        now, credential = self._clock.now(), held.credential
        if held.company.suspended or is_over(credential, now, self._rules) or not user.state.is_active(now):
            return False
        # The log names every live credential: a planted row opens nothing.
        if credential.kind is CredentialKind.SESSION:
            return user.state.session(credential.id) is not None
        return credential.kind is CredentialKind.SIGN_IN and user.state.sign_in(credential.id) is not None

    def _may_come_from(self, held: HeldCredential, user: StoredUser, address: str | None) -> bool:
        """The user's networks; and a session without a second factor stays inside where one is demanded outside."""
        if user.state.networks and not contains(user.state.networks, address):
            return False
        if user.state.key is not None or held.credential.kind is not CredentialKind.SESSION:
            return True
        rules = held.company.rules
        if rules.policy.requirement != "required_outside_trusted_networks" or is_inside(rules, address):
            return True
        return effective(user.state, rules, self._clock.now()).state == "off"

    def _client_lives(self, held: HeldCredential, address: str | None) -> bool:
        client, credential = held.client, held.credential
        if client is None or not client.is_live or credential.kind is not CredentialKind.API_CLIENT:
            return False
        if held.company.suspended or (credential.expires_at is not None and self._clock.now() >= credential.expires_at):
            return False
        return not client.networks or contains(client.networks, address)

    async def _touch(self, held: HeldCredential) -> None:
        now, seen_at = self._clock.now(), held.credential.seen_at
        if seen_at is None or now - seen_at >= self._rules.seen_every:
            await self._store.touch(held.company_id, held.credential.id, now)


def _as_vouched(held: HeldCredential | None, request: Request) -> Request:
    """A sign-in that came through a program goes on from where the program said that its user is."""
    if held is None or held.credential.kind is not CredentialKind.SIGN_IN or "ip" not in held.credential.attributes:
        return request
    said = held.credential.attributes
    return replace(request, ip=said["ip"], user_agent=said["user_agent"], vouched=True)
