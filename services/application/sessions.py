"""Tokens and the credential rows behind them."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.credentials import Credential, CredentialKind
from events.user.events import SignedIn
from services.application.context import Request
from services.application.ports import Entropy
from services.application.rules import Rules
from services.application.tokens import SECRET_BYTES, make_token, token_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token for one caller, and what is stored of it."""

    id: UUID
    token: str = field(repr=False)
    digest: bytes = field(repr=False)


class Tokens:
    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def issue(self, kind: CredentialKind, company_id: UUID, credential_id: UUID | None = None) -> IssuedToken:
        token_id = credential_id or self._entropy.uuid()
        token = make_token(kind, company_id, token_id, self._entropy.bytes(SECRET_BYTES))
        return IssuedToken(id=token_id, token=token, digest=token_digest(token))

    @staticmethod
    def issue_from(kind: CredentialKind, company_id: UUID, seed: bytes) -> IssuedToken:
        """The same token each time. `seed`: a keyed hash, which nobody else can make."""
        made = hmac.digest(seed, kind.value.encode(), "sha512")
        token_id = UUID(bytes=made[:16], version=4)
        token = make_token(kind, company_id, token_id, made[16 : 16 + SECRET_BYTES])
        return IssuedToken(id=token_id, token=token, digest=token_digest(token))


def sign_in_row(issued: IssuedToken, user_id: UUID, expires_at: datetime, request: Request | None = None) -> Credential:
    """A sign-in in progress. What a program said of where its user comes from counts until the session begins."""
    said = {"ip": request.ip, "user_agent": request.user_agent} if request is not None and request.vouched else {}
    return Credential(
        id=issued.id,
        user_id=user_id,
        kind=CredentialKind.SIGN_IN,
        secret=issued.digest,
        expires_at=expires_at,
        attributes=said,
    )


def session_row(
    issued: IssuedToken, user_id: UUID, fact: SignedIn, request: Request, fresh_until: datetime | None
) -> Credential:
    """A new session. Where it came from stands here for its owner to see, and goes with the session."""
    return Credential(
        id=issued.id,
        user_id=user_id,
        kind=CredentialKind.SESSION,
        secret=issued.digest,
        expires_at=fact.expires_at,
        seen_at=fact.signed_in_at,
        attributes={
            "created_at": fact.signed_in_at.isoformat(),
            "fresh_until": fresh_until.isoformat() if fresh_until else None,
            "factors": list(fact.factors),
            "ip": request.ip,
            "user_agent": request.user_agent,
        },
    )


def client_row(client_id: UUID, issued: IssuedToken, expires_at: datetime | None) -> Credential:
    return Credential(
        id=issued.id,
        user_id=client_id,
        kind=CredentialKind.API_CLIENT,
        secret=issued.digest,
        expires_at=expires_at,
    )


def is_over(row: Credential, now: datetime, rules: Rules) -> bool:
    """Expired, or idle for too long."""
    if row.expires_at is not None and now >= row.expires_at:
        return True
    return row.seen_at is not None and now - row.seen_at > rules.limits.session_idle
