"""Who calls, from where, and what a use case gets of a request."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.company.roles import Level, Right, Rights, rights_of
from events.credentials import Credential, CredentialKind
from events.envelope import Actor, ActorKind, Metadata, Traces
from events.store.port import CallerCheck, HeldCredential, IdempotencyClaim, StoredUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, whatever surface it came through."""

    id: str
    arrived_at: datetime
    ip: str | None = None
    user_agent: str | None = None
    idempotency: IdempotencyClaim | None = None

    def traces(self) -> Traces:
        return Traces(ip=self.ip, user_agent=self.user_agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who presented a live token: a session, or a sign-in in progress."""

    held: HeldCredential = field(repr=False)
    request: Request

    @property
    def user(self) -> StoredUser:
        return self.held.user

    @property
    def credential(self) -> Credential:
        return self.held.credential

    @property
    def company_id(self) -> UUID:
        return self.held.user.company_id

    @property
    def user_id(self) -> UUID:
        return self.held.user.user_id

    @property
    def is_session(self) -> bool:
        return self.credential.kind is CredentialKind.SESSION

    def rights(self) -> Rights:
        return rights_of(self.user.state.role)

    def may(self, right: Right, level: Level) -> bool:
        return self.rights()[right] >= level

    def is_fresh(self, now: datetime) -> bool:
        """Was a factor proven in this session within the last minutes?"""
        until = self.credential.attributes.get("fresh_until")
        return until is not None and now < datetime.fromisoformat(until)

    def check_as_self(self) -> CallerCheck:
        """The append's check when the caller acts on the own account."""
        return CallerCheck(company_id=self.company_id, credential_id=self.credential.id, secret=self.credential.secret)

    def check_as_actor(self) -> CallerCheck:
        """The append's check when the caller acts on somebody else: the authority counts too."""
        return CallerCheck(
            company_id=self.company_id,
            credential_id=self.credential.id,
            secret=self.credential.secret,
            actor_id=self.user_id,
            authority=self.user.state.authority,
        )

    def actor(self) -> Actor:
        return Actor(kind=ActorKind.USER, id=self.user_id, company_id=self.company_id)

    def metadata(self, *, label: str | None = None) -> Metadata:
        return Metadata(actor=self.actor(), request_id=self.request.id, traces=self.request.traces(), actor_label=label)


def metadata_of(request: Request, actor: Actor) -> Metadata:
    """Metadata of facts that no signed-in person caused."""
    return Metadata(actor=actor, request_id=request.id, traces=request.traces())


ANONYMOUS = Actor(kind=ActorKind.ANONYMOUS)
SYSTEM = Actor(kind=ActorKind.SYSTEM)
