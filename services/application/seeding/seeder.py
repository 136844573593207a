"""Seeds one new company after another."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from events.company.policy import CompanyRules
from events.user.limits import Limits
from services.application.ports import Entropy
from services.application.seeding.clock import StoryClock
from services.application.seeding.composer import Composer
from services.application.seeding.draws import Draw
from services.application.seeding.outcomes import Outcomes
from services.application.seeding.people import Draft, draw_members
from services.application.seeding.rows import Rows
from services.application.seeding.stage import Person
from services.application.seeding.story import Story
from services.application.seeding.writer import BulkAppend, Writer
from services.application.vault import Vault

# (facts written, share of the time told): called now and then.
Progress = Callable[[int, float], None]

_TELL_EVERY: Final = 500  # deeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be made of one company. `hashes`: by a person's number; nobody knows the password of the others."""

    draft: Draft
    users: int
    begins: datetime
    until: datetime
    draw: Draw
    hash_of_nobody: bytes = field(repr=False)
    hashes: Mapping[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """A company with a past. `rules`: in force now; `keys`: what the authenticators of its people hold."""

    company_id: UUID
    facts: int
    finished: bool
    rules: CompanyRules
    people: Sequence[Person]
    keys: Mapping[UUID, bytes] = field(repr=False)


class Seeder:
    """All parts look at the same `clock`, which walks through each story."""

    def __init__(
        self,
        vault: Vault,
        clock: StoryClock,
        entropy: Entropy,
        limits: Limits,
        bulk: BulkAppend,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._entropy = entropy
        self._limits = limits
        self._bulk = bulk

    async def seed(self, plan: Plan, progress: Progress, stop: asyncio.Event) -> Seeded:
        """A new company. When `stop` is set it ends early, and what there is of it is sound."""
        self._clock.stand_at(plan.begins)
        company_id, story = self._entropy.uuid(), self._story(plan)
        hashes = {person.user_id: plan.hashes.get(n, plan.hash_of_nobody) for n, person in enumerate(story.people)}
        rows = Rows(company_id, self._vault, self._entropy, plan.until, self._limits.session, hashes.__getitem__)
        writer = await self._writer(company_id, story, rows, plan)
        finished = await _write(story, writer, plan, progress, stop)
        return Seeded(
            company_id=company_id,
            facts=writer.facts,
            finished=finished,
            rules=story.rules,
            people=story.people,
            keys=rows.keys,
        )

    def _story(self, plan: Plan) -> Story:
        days = (plan.until - plan.begins) / timedelta(days=1)
        members = draw_members(plan.draft, plan.users, days, plan.draw)
        return Story(
            members,
            name=plan.draft.name,
            strict=plan.draft.strict,
            begins=plan.begins,
            until=plan.until,
            draw=plan.draw,
            new_id=self._entropy.uuid,
            limits=self._limits,
        )

    async def _writer(self, company_id: UUID, story: Story, rows: Rows, plan: Plan) -> Writer:
        composer = Composer(company_id, self._vault, self._entropy, rows)
        await composer.open(story.people)
        outcomes = Outcomes(company_id, story.people, Draw(plan.draw.random()))
        return Writer(self._bulk, composer, outcomes, self._clock, self._entropy)


async def _write(story: Story, writer: Writer, plan: Plan, progress: Progress, stop: asyncio.Event) -> bool:
    """Was it told to its end?"""
    for number, told in enumerate(story.told()):
        await writer.write(told)
        if number % _TELL_EVERY == 0:
            progress(writer.facts, (told.at - plan.begins) / (plan.until - plan.begins))
            if stop.is_set():
                break
    else:
        await writer.finish()
        progress(writer.facts, 1.0)
        return True
    await writer.finish()
    return False
