"""People who come from another system: their lines, their authenticators, their password hashes."""

import io
import json
from typing import Any, Final
from uuid import UUID

from argon2 import PasswordHasher

from events.totp import key_text
from services.application.moving import Verdict
from services.bootstrap import Runtime
from services.cli.user_files import Format, read_users
from services.cli.users_import import verdicts
from tests.support.service import PASSWORD, Person

# As the other system made it: of PASSWORD, with parameters of its own.
HASH: Final = PasswordHasher(memory_cost=16, time_cost=2, parallelism=2).hash(PASSWORD, salt=bytes(range(16)))


def key_uri(key: bytes, rest: str = "") -> str:
    return f"otpauth://totp/Elsewhere:somebody?secret={key_text(key)}&issuer=Elsewhere{rest}"


def as_lines(*users: dict[str, Any]) -> bytes:
    return "".join(json.dumps(user) + "\n" for user in users).encode()


async def moved(
    parts: Runtime,
    company_id: UUID,
    content: bytes,
    *,
    file_format: Format = Format.JSONL,
    dry_run: bool = False,
    reason: str = "import",
) -> list[Verdict]:
    """What became of each line of a file, in their order."""
    arrival = await parts.moving_in.begin(company_id, reason, dry_run=dry_run)
    lines = read_users(io.BytesIO(content), file_format)
    return [verdict async for _, verdict in verdicts(parts.moving_in, arrival, lines)]


async def person(parts: Runtime, login: str, key: bytes | None = None) -> Person:
    """Somebody who was taken over, with the authenticator of before."""
    user = await parts.console.find_user(login)
    return Person(login, user.user_id, user.company_id, key=key_text(key) if key else None)
