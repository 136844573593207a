"""Whether a session lives, for programs that stand behind the same sign-in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.application.authentication import Authentication
from services.application.context import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    user_id: UUID
    company_id: UUID
    authenticated_at: datetime
    factors: tuple[str, ...]
    expires_at: datetime


class Introspection:
    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    async def look(self, caller: Caller, token: str) -> LiveSession | None:
        """The session of a token, of the caller's company (the provider's: of any); None for everything else.

        Looking keeps no session alive.
        """
        held = await self._authentication.held(token)
        if held is None or held.user is None or not self._authentication.is_live_session(held):
            return None
        if held.company_id != caller.company_id and not caller.home.state.provider:
            return None
        credential = held.credential
        assert credential.expires_at is not None  # noqa: S101 - every session ends
        return LiveSession(
            user_id=held.user.user_id,
            company_id=held.company_id,
            authenticated_at=datetime.fromisoformat(credential.attributes["created_at"]),
            factors=tuple(credential.attributes["factors"]),
            expires_at=credential.expires_at,
        )
