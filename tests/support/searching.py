"""Looking for a secret in everything that is stored, and in everything that can be read."""

import base64
from collections.abc import Iterable, Iterator
from uuid import UUID

import asyncpg

from services.api.routes import ROUTES
from tests.support.service import Reply, Service
from workers.projector import Projector


async def stored_text(service: Service) -> str:
    """Every row of every table as text; bytes are hex there."""
    connection = await asyncpg.connect(service.database.owner_url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            row["line"]
            for table in tables
            for row in await connection.fetch(f'SELECT t::text AS line FROM "{table["tablename"]}" AS t')
        ]
    finally:
        await connection.close()
    return "\n".join(rows)


def forms(secret: str, raw: bytes) -> Iterator[str]:
    """How a secret could stand in a dump: as text, in hex, in base64, and each of these as bytes in hex."""
    texts = {secret, secret.lower(), secret.replace("-", ""), secret.replace("-", "").lower()}
    for value in (raw, *(text.encode() for text in tuple(texts))):
        texts |= {value.hex(), base64.b64encode(value).decode().rstrip("="), base64.b32encode(value).decode()}
    yield from texts
    yield from (text.encode().hex() for text in texts)


def found_in(text: str, secrets: Iterable[str]) -> set[str]:
    """Those of the secrets that stand in the text."""
    return {secret for secret in secrets if secret in text}


async def every_get(service: Service, token: str, user_id: UUID) -> dict[str, Reply]:
    """All that this token can read, about that user too, after the audit trail caught up."""
    await Projector(service.parts.pool, service.parts.wrapper).project()
    replies = {}
    for route in ROUTES:
        if route.method == "GET":
            path = route.path.replace("{user_id}", str(user_id))
            replies[route.path] = await service.call("GET", path, token)
    return replies
