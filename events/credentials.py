"""What stands beside the log: secrets and tokens, deleted in the commit of the fact that ends them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class CredentialKind(StrEnum):
    PASSWORD = "password"  # noqa: S105 - a kind, not a secret
    KEY = "key"
    PENDING_KEY = "pending_key"
    RECOVERY_CODE = "recovery_code"
    SIGN_IN = "sign_in"
    SESSION = "session"
    BREAK_GLASS = "break_glass"
    API_CLIENT = "api_client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One row. `secret`: SHA-256 of a token, keyed hash of a code, Argon2id text, or a sealed key."""

    id: UUID
    user_id: UUID
    kind: CredentialKind
    secret: bytes = field(repr=False)
    expires_at: datetime | None = None
    seen_at: datetime | None = None
    last_step: int | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAll:
    """Delete every credential of these kinds of one user, but `keep`; planted ones too."""

    user_id: UUID
    kinds: tuple[CredentialKind, ...]
    keep: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEveryone:
    """Delete every credential of these kinds of all users of a company, or of one role, but `keep`."""

    kinds: tuple[CredentialKind, ...]
    role: str | None = None
    keep: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """What the facts of one command end, and which key's step they spend."""

    ids: tuple[UUID, ...] = ()
    all_of: tuple[EndAll, ...] = ()
    spent_key: UUID | None = None
    spent_step: int | None = None
