"""Who calls, from where, and what a use case gets of a request."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.company.clients import ClientState
from events.company.roles import Level, Right, Rights
from events.company.state import CompanyState
from events.credentials import Credential, CredentialKind
from events.envelope import Actor, ActorKind, Metadata, Traces
from events.store.port import CallerCheck, HeldCredential, IdempotencyClaim, StoredUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, whatever surface it came through. `vouched`: a program says from where its user comes."""

    id: str
    arrived_at: datetime
    ip: str | None = None
    user_agent: str | None = None
    vouched: bool = False
    idempotency: IdempotencyClaim | None = None

    def traces(self) -> Traces:
        return Traces(ip=self.ip, user_agent=self.user_agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A company as it was read: version 0 where it does not exist yet."""

    id: UUID
    state: CompanyState
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who presented a live token: a session, a sign-in in progress, or an API client.

    `elsewhere` is the company that the provider's people and programs act in, when it is not their own.
    """

    held: HeldCredential = field(repr=False)
    request: Request
    elsewhere: Tenant | None = None

    @property
    def credential(self) -> Credential:
        return self.held.credential

    @property
    def company_id(self) -> UUID:
        """The caller's own company."""
        return self.held.company_id

    @property
    def home(self) -> Tenant:
        return Tenant(id=self.held.company_id, state=self.held.company, version=self.held.company_version)

    @property
    def at(self) -> Tenant:
        """The company in which the caller acts."""
        return self.elsewhere or self.home

    @property
    def is_elsewhere(self) -> bool:
        return self.elsewhere is not None and self.elsewhere.id != self.company_id

    @property
    def user(self) -> StoredUser:
        """The person; programs have none, and the routes that ask for one are closed to them."""
        assert self.held.user is not None  # noqa: S101 - see above
        return self.held.user

    @property
    def client(self) -> ClientState | None:
        """The program, when the caller is one."""
        return self.held.client

    @property
    def user_id(self) -> UUID:
        """The id of the person or of the program."""
        return self.credential.user_id

    @property
    def is_session(self) -> bool:
        return self.credential.kind is CredentialKind.SESSION

    def rights(self) -> Rights:
        if self.client is not None:
            return self.client.rights()
        return self.held.company.rights_of(self.user.state.role)

    def may(self, right: Right, level: Level) -> bool:
        if right is Right.COMPANIES and not self.held.company.provider:
            return False  # whatever a role or a program of another company says
        return self.rights()[right] >= level

    def is_fresh(self, now: datetime) -> bool:
        """Was a factor proven in this session within the last minutes? Programs prove nothing: their scope decides."""
        if self.client is not None:
            return True
        until = self.credential.attributes.get("fresh_until")
        return until is not None and now < datetime.fromisoformat(until)

    def has_own_factor(self) -> bool:
        return self.client is not None or self.user.state.key is not None

    def check_as_self(self) -> CallerCheck:
        """The append's check when the caller acts on the own account."""
        return CallerCheck(company_id=self.company_id, credential_id=self.credential.id, secret=self.credential.secret)

    def check_as_actor(self) -> CallerCheck:
        """The append's check when the caller acts on somebody or something else: the authority counts too."""
        person = self.held.user
        return CallerCheck(
            company_id=self.company_id,
            credential_id=self.credential.id,
            secret=self.credential.secret,
            actor_id=person.user_id if person is not None else None,
            authority=person.state.authority if person is not None else None,
            company_version=self.held.company_version if self.is_elsewhere else None,
        )

    def actor(self) -> Actor:
        kind = ActorKind.PROVIDER if self.is_elsewhere else ActorKind.USER
        if self.client is not None:
            kind = ActorKind.CLIENT
        return Actor(kind=kind, id=self.user_id, company_id=self.company_id)

    def metadata(self, *, label: str | None = None, reason: str | None = None) -> Metadata:
        return Metadata(
            actor=self.actor(),
            request_id=self.request.id,
            traces=self.request.traces(),
            actor_label=label,
            reason=reason,
        )


def metadata_of(request: Request, actor: Actor) -> Metadata:
    """Metadata of facts that no signed-in person caused."""
    return Metadata(actor=actor, request_id=request.id, traces=request.traces())


ANONYMOUS = Actor(kind=ActorKind.ANONYMOUS)
SYSTEM = Actor(kind=ActorKind.SYSTEM)
