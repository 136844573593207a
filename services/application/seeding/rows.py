"""The rows beside seeded facts: what is alive after a deed and still means something at the end of the story."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from events.credentials import Credential, CredentialKind, Endings
from events.totp import KEY_BYTES
from events.user.endings import endings
from events.user.events import (
    BreakGlassCodeIssued,
    EnrolmentStarted,
    PasswordChanged,
    PasswordRehashed,
    PasswordReset,
    RecoveryCodesIssued,
    SignedIn,
    SignInAdvanced,
    SignInStarted,
    SteppedUp,
    TwoFactorEnabled,
    TwoFactorImported,
    UserCreated,
    UserEvent,
)
from events.user.state import UserState
from services.application.context import Request
from services.application.ports import Entropy
from services.application.seeding.stage import Deed
from services.application.sessions import Tokens, session_row, sign_in_row
from services.application.vault import Vault

_HASH_BYTES: Final = 32
# Facts with rows that do not end by themselves; those of all others are over within a session's length.
_LASTING: Final = (
    EnrolmentStarted,
    TwoFactorEnabled,
    TwoFactorImported,
    RecoveryCodesIssued,
    UserCreated,
    PasswordChanged,
    PasswordReset,
    PasswordRehashed,
)


class Rows:
    """Rows of one company. What expires before `until` would have been swept away already, so it is never written."""

    def __init__(
        self,
        company_id: UUID,
        vault: Vault,
        entropy: Entropy,
        until: datetime,
        longest_session: timedelta,
        password_of: Callable[[UUID], bytes],
    ) -> None:
        self._company_id = company_id
        self._vault = vault
        self._entropy = entropy
        self._until = until
        self._recent = until - longest_session
        self._password_of = password_of
        self._tokens = Tokens(entropy)
        self._written: set[UUID] = set()
        self._sessions: dict[UUID, Credential] = {}
        self.keys: dict[UUID, bytes] = {}  # user -> the newest key

    def of(self, deed: Deed, data_key: bytes) -> tuple[Credential, ...]:
        """New rows; not those of what came and went within the deed."""
        if deed.at < self._recent and not any(isinstance(event, _LASTING) for event in deed.events):
            return ()
        rows = [row for event in deed.events for row in self._of(event, deed, data_key)]
        if not rows:
            return ()
        named = _named(deed.after)
        alive = tuple(row for row in rows if row.kind is CredentialKind.PASSWORD or row.id in named)
        self._written.update(row.id for row in alive)
        self._sessions.update((row.id, row) for row in alive if row.kind is CredentialKind.SESSION)
        return alive

    def endings(self, deed: Deed) -> Endings:
        """As always, without the ids of rows that were never written: deleting nothing costs as much."""
        ends = endings(deed.person.user_id, deed.events, deed.before, deed.after)
        return replace(ends, ids=tuple(i for i in ends.ids if i in self._written)) if ends.ids else ends

    def _of(self, event: UserEvent, deed: Deed, data_key: bytes) -> Iterator[Credential]:
        user_id = deed.person.user_id
        match event:
            case SignedIn() if event.expires_at > self._until:
                yield self._session(event, deed)
            case SignInStarted() | SignInAdvanced() if event.expires_at > self._until:
                issued = self._tokens.issue(CredentialKind.SIGN_IN, self._company_id, event.sign_in_id)
                yield sign_in_row(issued, user_id, event.expires_at)
            case EnrolmentStarted():
                key = self._entropy.bytes(KEY_BYTES)
                yield self._key(CredentialKind.PENDING_KEY, event.key_id, key, event.generation, user_id, data_key)
            case BreakGlassCodeIssued() if event.expires_at > self._until:
                yield replace(
                    self._shown_code(event.code_id, CredentialKind.BREAK_GLASS, user_id), expires_at=event.expires_at
                )
            case SteppedUp() if event.session_id in self._sessions:
                yield self._sessions[event.session_id]
            case TwoFactorEnabled() | TwoFactorImported():
                yield self._key_on(event, user_id, data_key)
                if isinstance(event, TwoFactorEnabled) and event.kept in self._sessions:
                    yield self._sessions[event.kept]
            case RecoveryCodesIssued():
                kind = CredentialKind.RECOVERY_CODE
                yield from (self._shown_code(code_id, kind, user_id) for code_id in event.code_ids)
            case UserCreated() | PasswordChanged() | PasswordReset() | PasswordRehashed():
                password = self._password_of(user_id)
                yield Credential(
                    id=self._entropy.uuid(), user_id=user_id, kind=CredentialKind.PASSWORD, secret=password
                )
            case _:
                pass

    def _session(self, event: SignedIn, deed: Deed) -> Credential:
        assert deed.place is not None  # noqa: S101 - whoever signs in comes from somewhere
        issued = self._tokens.issue(CredentialKind.SESSION, self._company_id, event.session_id)
        request = Request(id="", arrived_at=deed.at, ip=deed.place.ip, user_agent=deed.place.user_agent)
        return session_row(issued, deed.person.user_id, event, request, None)

    def _key_on(self, event: TwoFactorEnabled | TwoFactorImported, user_id: UUID, data_key: bytes) -> Credential:
        key = self.keys[user_id] = self._entropy.bytes(KEY_BYTES)
        row = self._key(CredentialKind.KEY, event.key_id, key, event.generation, user_id, data_key)
        return replace(row, last_step=event.time_step)

    def _key(
        self, kind: CredentialKind, key_id: UUID, key: bytes, generation: int, user_id: UUID, data_key: bytes
    ) -> Credential:
        sealed = self._vault.seal_key(key, data_key, self._company_id, user_id, kind, generation)
        return Credential(id=key_id, user_id=user_id, kind=kind, secret=sealed)

    def _shown_code(self, code_id: UUID, kind: CredentialKind, user_id: UUID) -> Credential:
        """Nobody was shown it in fact: random bytes are as good as the keyed hash of a code."""
        return Credential(id=code_id, user_id=user_id, kind=kind, secret=self._entropy.bytes(_HASH_BYTES))


def _named(state: UserState) -> set[UUID]:
    """Everything that this state says is alive."""
    named = {*state.recovery_codes, *(s.id for s in state.sessions), *(s.id for s in state.sign_ins)}
    return named | {holder.id for holder in (state.key, state.pending, state.break_glass) if holder is not None}
