"""A deed -> the append that its requests would have made, with everything beside the facts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid5

from events.codec import SealingKeys
from events.company.events import PasswordRejected
from events.envelope import Actor, ActorKind, Metadata, StreamKind, Traces, month_of
from events.store.port import Alone, Append, StateDoc
from events.store.states import company_doc, user_doc
from events.user.events import SignedIn, UserCreated, UserErased
from services.application.context import ANONYMOUS, SYSTEM
from services.application.logins import keyed, limited_address, login_key
from services.application.ports import Entropy
from services.application.seeding.rows import Rows
from services.application.seeding.stage import CompanyDeed, Deed, Person, Told, WrongPassword
from services.application.vault import Vault

_NO_STATE: Final = StateDoc(doc="{}", schema=1)


@dataclass(slots=True)
class _Account:
    """What is kept of a person while the company is seeded."""

    actor: Actor
    data_key: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    version: int = 0
    addresses: set[str] = field(default_factory=set)


class Composer:
    """Of one company. Holds the data keys of its people in clear while it is seeded."""

    def __init__(self, company_id: UUID, vault: Vault, entropy: Entropy, rows: Rows) -> None:
        self._company_id = company_id
        self._vault = vault
        self._entropy = entropy
        self._rows = rows
        self._pepper = b""
        self._month = ""
        self._month_key: bytes | None = None
        self._accounts: dict[UUID, _Account] = {}
        self._company_version = 0
        self._wrong_passwords = 0

    async def open(self, people: Sequence[Person]) -> None:
        """Draw everybody's data key."""
        self._pepper = await self._vault.pepper()
        for person in people:
            data_key, wrapped = await self._vault.new_person_key()
            actor = Actor(kind=ActorKind.USER, id=person.user_id, company_id=self._company_id)
            self._accounts[person.user_id] = _Account(actor, data_key, wrapped)

    async def turn_to(self, told: Told) -> None:
        """The trace key of that month."""
        if month_of(told.at) != self._month:
            self._month, self._month_key = month_of(told.at), await self._vault.month_key(self._company_id, told.at)

    def append_of(self, told: Told) -> Append:
        match told:
            case Deed():
                return self._deed(told)
            case WrongPassword():
                return self._wrong_password(told)
            case CompanyDeed():
                return self._company(told)

    def _deed(self, deed: Deed) -> Append:
        user_id = deed.person.user_id
        account = self._accounts[user_id]
        helper = None if deed.actor is None or deed.actor is deed.person else self._accounts[deed.actor.user_id]
        version, account.version = account.version, account.version + len(deed.events)
        return Append(
            company_id=self._company_id,
            stream_id=user_id,
            stream_kind=StreamKind.USER,
            expected=version,
            decided_at=deed.at,
            events=deed.events,
            metadata=self._metadata(deed.actor, deed.place, labelled=helper is not None),
            keys=SealingKeys(
                subject=account.data_key,
                subject_id=user_id,
                actor=helper.data_key if helper is not None else None,
                month=self._month_key,
            ),
            state=user_doc(deed.after),
            credentials=self._rows.of(deed, account.data_key),
            endings=self._rows.endings(deed),
            known_address=self._new_address(deed, account),
            alone=_alone(deed, account),
        )

    def _wrong_password(self, told: WrongPassword) -> Append:
        """On the company's own stream, by whoever it was."""
        user_id = told.person.user_id
        self._wrong_passwords += 1
        return Append(
            company_id=self._company_id,
            stream_id=uuid5(self._company_id, "sign_ins"),
            stream_kind=StreamKind.SIGN_INS,
            expected=self._wrong_passwords - 1,
            decided_at=told.at,
            events=(PasswordRejected(user_id=user_id, rejected_at=told.at),),
            metadata=Metadata(actor=ANONYMOUS, request_id=str(self._entropy.uuid()), traces=told.place),
            keys=SealingKeys(subject=self._accounts[user_id].data_key, subject_id=user_id, month=self._month_key),
            state=_NO_STATE,
        )

    def _company(self, deed: CompanyDeed) -> Append:
        """On the company's own stream."""
        actor, version = deed.actor, self._company_version
        self._company_version += len(deed.events)
        return Append(
            company_id=self._company_id,
            stream_id=self._company_id,
            stream_kind=StreamKind.COMPANY,
            expected=version,
            decided_at=deed.at,
            events=deed.events,
            metadata=self._metadata(actor, actor.place if actor is not None else None, labelled=True),
            keys=SealingKeys(
                actor=self._accounts[actor.user_id].data_key if actor is not None else None, month=self._month_key
            ),
            state=company_doc(deed.after),
        )

    def _metadata(self, actor: Person | None, place: Traces | None, *, labelled: bool) -> Metadata:
        request_id = str(self._entropy.uuid())
        if actor is None:
            return Metadata(actor=SYSTEM, request_id=request_id)
        return Metadata(
            actor=self._accounts[actor.user_id].actor,
            request_id=request_id,
            traces=place or Traces(),
            actor_label=actor.state.login if labelled else None,
        )

    def _new_address(self, deed: Deed, account: _Account) -> bytes | None:
        """Of a first session from there."""
        ip = deed.place.ip if deed.place is not None else None
        if ip is None or ip in account.addresses or not isinstance(deed.events[-1], SignedIn):
            return None
        account.addresses.add(ip)
        return keyed(self._pepper, "address", limited_address(ip))


def _alone(deed: Deed, account: _Account) -> Alone | None:
    user_id = deed.person.user_id
    match deed.events[0]:
        case UserCreated():
            return Alone(user_id=user_id, claim_login=login_key(deed.person.member.login), person_key=account.wrapped)
        case UserErased():
            return Alone(user_id=user_id, forget=True)
        case _:
            return None
