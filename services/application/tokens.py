"""Opaque tokens: prefix + base64url(company id, credential id, 32 random bytes); only the SHA-256 is stored."""

import base64
import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from events.credentials import CredentialKind

PREFIX: Final = {
    CredentialKind.SIGN_IN: "fl_signin_",
    CredentialKind.SESSION: "fl_session_",
    CredentialKind.API_CLIENT: "fl_api_",
}
SECRET_BYTES: Final = 32
_KINDS: Final = {prefix: kind for kind, prefix in PREFIX.items()}
# base64url of 64 bytes without padding; the last character holds two bits only.
_FORM: Final = re.compile(rf"({'|'.join(_KINDS)})([A-Za-z0-9_-]{{85}}[AQgw])", re.ASCII)


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """Where a token points to. Whether it is the right one, `matches` says."""

    kind: CredentialKind
    company_id: UUID
    credential_id: UUID
    digest: bytes


def make_token(kind: CredentialKind, company_id: UUID, credential_id: UUID, secret: bytes) -> str:
    raw = company_id.bytes + credential_id.bytes + secret
    return PREFIX[kind] + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token_digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def parse_token(token: str) -> PresentedToken | None:
    """None for anything that is not exactly a token of ours."""
    found = _FORM.fullmatch(token)
    if found is None:
        return None
    raw = base64.urlsafe_b64decode(found[2] + "==")
    kind = _KINDS[found[1]]
    return PresentedToken(kind, UUID(bytes=raw[:16]), UUID(bytes=raw[16:32]), token_digest(token))


def matches(presented: PresentedToken, kind: CredentialKind, stored: bytes) -> bool:
    """Constant-time: the whole token string is what was handed out."""
    return presented.kind is kind and hmac.compare_digest(presented.digest, stored)
