"""Seeds in this process: a share of `factorlog seed`, and the demo's company with a past."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from events.totp import key_text
from services.adapters.bulk_append import PostgresBulkAppend
from services.adapters.passwords import Argon2Passwords
from services.adapters.system import SystemClock
from services.application.passwords import generate_password
from services.application.seeding.clock import StoryClock
from services.application.seeding.draws import Draw
from services.application.seeding.people import Draft, draft_of, draw_companies
from services.application.seeding.seeder import Plan, Progress, Seeded, Seeder
from services.application.seeding.stage import Person
from services.bootstrap import Runtime, passwords_of, rules_of, runtime
from services.settings import Settings

# Before now, so that nobody's next code is a spent one.
_ENDS: Final = timedelta(minutes=2)
_TAG_BYTES: Final = 3
_STRICT: Final = 0.6  # so many of the companies


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `factorlog seed` was asked for."""

    users: int
    days: int
    companies: int
    random_seed: str
    credentials: bool  # of one administrator each


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Everything that seeding needs, on a clock of its own."""

    parts: Runtime
    passwords: Argon2Passwords
    seeder: Seeder
    hash_of_nobody: bytes = field(repr=False)

    async def seed(
        self,
        draft: Draft,
        users: int,
        days: int,
        draw: Draw,
        passwords: Mapping[int, str],
        progress: Progress,
        stop: asyncio.Event,
    ) -> Seeded:
        """A company whose past ends now. `passwords`: by a person's number; nobody knows those of the others."""
        until = SystemClock().now() - _ENDS
        hashes = await asyncio.gather(*(self.passwords.hash(password) for password in passwords.values()))
        plan = Plan(
            draft=draft,
            users=users,
            begins=until - timedelta(days=days),
            until=until,
            draw=draw,
            hash_of_nobody=self.hash_of_nobody,
            hashes=dict(zip(passwords, hashes, strict=True)),
        )
        return await self.seeder.seed(plan, progress, stop)


@asynccontextmanager
async def ground(settings: Settings) -> AsyncIterator[Ground]:
    clock, passwords = StoryClock(), passwords_of(settings)
    async with runtime(settings, clock, passwords) as parts:
        bulk = PostgresBulkAppend(parts.pool, parts.entropy.bytes)
        limits = rules_of(settings).limits
        yield Ground(
            parts=parts,
            passwords=passwords,
            seeder=Seeder(parts.vault, clock, parts.entropy, limits, bulk),
            # A real hash of a password that is forgotten here: to be refused takes as long as elsewhere.
            hash_of_nobody=await passwords.hash(generate_password(parts.entropy)),
        )


async def seed_share(settings: Settings, wanted: Wanted, share: int, shares: int, stop: asyncio.Event) -> None:
    """Every `shares`-th company; what becomes of it goes to standard output in JSON lines, for `factorlog seed`."""
    companies = draw_companies(wanted.companies, Draw(wanted.random_seed))
    async with ground(settings) as here:
        for number in range(share, wanted.companies, shares):
            if stop.is_set():
                return
            await _seed_one(here, wanted, number, *companies[number], stop)


async def _seed_one(here: Ground, wanted: Wanted, number: int, name: str, language: str, stop: asyncio.Event) -> None:
    def progress(facts: int, told: float) -> None:
        _say({"number": number, "told": told}, stop)

    draw, tag = Draw(f"{wanted.random_seed}/{number}"), here.parts.entropy.bytes(_TAG_BYTES).hex()
    draft = draft_of(name, language, tag, strict=draw.random() < _STRICT)
    passwords = {0: generate_password(here.parts.entropy)} if wanted.credentials else {}
    seeded = await here.seed(draft, wanted.users, wanted.days, draw, passwords, progress, stop)
    user = account(name, seeded, seeded.people[0], passwords[0]) if passwords else None
    _say({"number": number, "company": _shown(draft, seeded), "user": user}, stop)


def _shown(draft: Draft, seeded: Seeded) -> dict[str, Any]:
    return {
        "id": str(seeded.company_id),
        "name": draft.name,
        "users": sum(person.state.exists for person in seeded.people),
        "facts": seeded.facts,
        "finished": seeded.finished,
    }


def account(company: str, seeded: Seeded, person: Person, password: str) -> dict[str, Any]:
    """As `demo.json` shows people."""
    key = seeded.keys.get(person.user_id) if person.state.key is not None else None
    return {
        "login": person.state.login,
        "password": password,
        "company": company,
        "company_id": str(seeded.company_id),
        "user_id": str(person.user_id),
        "role": person.state.role,
        "totp_key": key_text(key) if key is not None else None,
    }


def _say(line: dict[str, Any], stop: asyncio.Event) -> None:
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever wanted this is gone.
        stop.set()
