"""Kept answers of idempotent calls: sealed under the data key of whom they are about, and gone when that goes.

An answer about nobody, such as a policy, is kept as it is.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from events.sealing import Random, SealBroken, open_secret, seal_secret
from events.sql import statement
from events.store.port import IdempotencyClaim
from events.store.postgres import available
from services.application.ports import KeptAnswer, KeyWrapper

_CLAIM: Final = statement(__file__, "kept_answer_claim")
_FIND: Final = statement(__file__, "kept_answer_find")
_KEEP: Final = statement(__file__, "kept_answer_keep")


class PostgresKeptAnswers:
    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", wrapper: KeyWrapper, random: Random) -> None:
        self._pool = pool
        self._wrapper = wrapper
        self._random = random

    async def claim(self, company_id: UUID, claim: IdempotencyClaim, now: datetime) -> bool:
        async with available():
            taken = await self._pool.fetchval(_CLAIM, company_id, claim.caller, claim.key, claim.digest, now)
        return taken is not None

    async def find(self, company_id: UUID, caller: str, key: str) -> KeptAnswer | None:
        async with available():
            row = await self._pool.fetchrow(_FIND, company_id, caller, key)
        if row is None:
            return None
        answer = await self._open(row, company_id, caller, key)
        return KeptAnswer(digest=row["digest"], status=row["status"], answer=answer)

    async def _open(self, row: asyncpg.Record, company_id: UUID, caller: str, key: str) -> bytes | None:
        sealed: bytes | None = row["answer"]
        if not sealed or row["subject_id"] is None:
            return sealed  # none was kept, an empty one, or one about nobody
        if row["wrapped"] is None:
            return None
        data_key = await self._wrapper.unwrap(row["wrapped"])
        try:
            return open_secret(sealed, data_key, _context(company_id, caller, key))
        except SealBroken:
            return None

    async def keep(self, company_id: UUID, caller: str, key: str, status: int, answer: bytes | None) -> None:
        sealed = answer
        if answer:
            async with available():
                row = await self._pool.fetchrow(_FIND, company_id, caller, key)
            if row is None:
                return
            if row["subject_id"] is not None:
                sealed = await self._seal(row, answer, _context(company_id, caller, key))
        async with available():
            await self._pool.execute(_KEEP, company_id, caller, key, status, sealed)

    async def _seal(self, row: asyncpg.Record, answer: bytes, context: bytes) -> bytes | None:
        if row["wrapped"] is None:
            return None
        return seal_secret(answer, await self._wrapper.unwrap(row["wrapped"]), context, self._random)


def _context(company_id: UUID, caller: str, key: str) -> bytes:
    return f"{company_id}|{caller}|{key}".encode()
