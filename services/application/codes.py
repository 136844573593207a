"""Holding given codes against what is stored, and making new keys and codes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import segno

from events import recovery_codes, totp
from events.credentials import Credential, CredentialKind
from events.store.port import EventStore, StoredUser, Unavailable
from events.user.commands import BreakGlassProof, OtpProof, RecoveryProof
from events.user.limits import CODES_IN_A_SET
from services.application.ports import Clock, Entropy
from services.application.rules import Rules
from services.application.vault import Vault, recovery_key


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySet:
    """A new set: the codes, shown once, and the rows that are kept."""

    codes: tuple[str, ...] = field(repr=False)
    rows: tuple[Credential, ...]

    @property
    def ids(self) -> tuple[UUID, ...]:
        return tuple(row.id for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeForOnce:
    """A break-glass code, shown once, and the row that is kept."""

    code: str = field(repr=False)
    row: Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey:
    """A fresh key as it is shown, once."""

    key: str = field(repr=False)
    otpauth_uri: str = field(repr=False)
    qr_svg: str = field(repr=False)


class Codes:
    def __init__(
        self,
        store: EventStore,
        vault: Vault,
        clock: Clock,
        entropy: Entropy,
        rules: Rules,
        clock_is_trusted: Callable[[], bool],
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._rules = rules
        self._clock_is_trusted = clock_is_trusted

    async def otp_proof(self, user: StoredUser, code: str) -> OtpProof:
        """Which time step of the user's key this code is; the key is in clear only within this call."""
        self.demand_clock()
        key_state = user.state.key
        if key_state is None:
            return OtpProof(None, None)
        data_key = await self._vault.person_key(user.person_key)
        if user.key_id != key_state.id:
            return OtpProof(key_state.id, None, unreadable=True)
        key = self._vault.open_key(
            user.key_secret, data_key, user.company_id, user.user_id, "key", key_state.generation
        )
        if key is None:
            return OtpProof(key_state.id, None, unreadable=True)
        step = totp.match_time_step(key, code, self._clock.now(), self._rules.limits.window)
        return OtpProof(key_state.id, step)

    def demand_clock(self) -> None:
        """No code is judged by a clock that is off. Raises Unavailable."""
        if not self._clock_is_trusted():
            raise Unavailable("the clock differs from the database's")

    async def recovery_proof(self, user: StoredUser, given: str) -> RecoveryProof:
        """Which live recovery code this is."""
        return RecoveryProof(await self._find(user, given, CredentialKind.RECOVERY_CODE))

    async def recovery_or_break_glass_proof(self, user: StoredUser, given: str) -> RecoveryProof | BreakGlassProof:
        """The same, or the code that an administrator gave for once: at the sign-in they share a door."""
        proof = await self.recovery_proof(user, given)
        code_id = await self._find(user, given, CredentialKind.BREAK_GLASS)
        return BreakGlassProof(code_id) if proof.code_id is None and code_id is not None else proof

    async def break_glass_code(self, user: StoredUser) -> CodeForOnce:
        code = recovery_codes.format_code(self._entropy.bytes(recovery_codes.CODE_BYTES))
        return CodeForOnce(code=code, row=await self._code_row(user, code, CredentialKind.BREAK_GLASS))

    async def _find(self, user: StoredUser, given: str, kind: CredentialKind) -> UUID | None:
        stored = await self._store.credentials(user.company_id, user.user_id, [kind])
        key = recovery_key(await self._vault.person_key(user.person_key))
        return recovery_codes.find(given, key, ((row.id, row.secret) for row in stored))

    async def _code_row(self, user: StoredUser, code: str, kind: CredentialKind) -> Credential:
        key = recovery_key(await self._vault.person_key(user.person_key))
        secret = recovery_codes.hash_code(code, key)
        return Credential(id=self._entropy.uuid(), user_id=user.user_id, kind=kind, secret=secret)

    async def recovery_set(self, user: StoredUser) -> RecoverySet:
        codes = tuple(
            recovery_codes.format_code(self._entropy.bytes(recovery_codes.CODE_BYTES)) for _ in range(CODES_IN_A_SET)
        )
        rows = [await self._code_row(user, code, CredentialKind.RECOVERY_CODE) for code in codes]
        return RecoverySet(codes=codes, rows=tuple(rows))

    async def pending_key(self, user: StoredUser, key_id: UUID, key: bytes) -> Credential:
        """The row of a key that is shown and not confirmed yet."""
        return await self._key_row(user, key_id, key, CredentialKind.PENDING_KEY, user.state.generation + 1, None)

    async def confirmed_key(self, user: StoredUser, key_id: UUID, key: bytes, generation: int, step: int) -> Credential:
        """The row of a key that is on: sealed anew for that purpose, with the step that its confirmation spent."""
        return await self._key_row(user, key_id, key, CredentialKind.KEY, generation, step)

    async def _key_row(
        self,
        user: StoredUser,
        key_id: UUID,
        key: bytes,
        kind: CredentialKind,
        generation: int,
        step: int | None,
    ) -> Credential:
        data_key = await self._vault.person_key(user.person_key)
        sealed = self._vault.seal_key(key, data_key, user.company_id, user.user_id, kind, generation)
        return Credential(id=key_id, user_id=user.user_id, kind=kind, secret=sealed, last_step=step)

    async def open_pending(self, user: StoredUser) -> bytes | None:
        """The key that waits for its confirmation."""
        pending = user.state.pending
        if pending is None:
            return None
        rows = await self._store.credentials(user.company_id, user.user_id, [CredentialKind.PENDING_KEY])
        row = next((row for row in rows if row.id == pending.id), None)
        if row is None:
            return None
        data_key = await self._vault.person_key(user.person_key)
        return self._vault.open_key(
            row.secret, data_key, user.company_id, user.user_id, "pending_key", pending.generation
        )

    def show(self, user: StoredUser, key: bytes) -> ShownKey:
        """Text, key URI and QR of a key: made here, sent once, never in a URL of ours."""
        account = f"{user.company.name}:{user.state.login}"
        uri = totp.otpauth_uri(key, self._rules.issuer, account)
        return ShownKey(key=totp.key_text(key), otpauth_uri=uri, qr_svg=qr_svg(uri))


def qr_svg(uri: str, *, sized: bool = True) -> str:
    """The QR as SVG without script or style; not `sized`, it fills what it stands in.

    The mask is fixed: choosing the best one costs most of the time.
    """
    made = segno.make(uri, error="m", mask=4, micro=False)
    return made.svg_inline(scale=4 if sized else 1, border=4, dark="#000", light="#fff", omitsize=not sized)
