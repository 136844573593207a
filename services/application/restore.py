"""After an older backup was restored: nothing that was ended, used or erased since may come back."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from events.company.commands import CompanyCommand, RecordRestore
from events.company.state import CompanyState
from events.envelope import Metadata
from events.store.port import EventStore, StoredUser
from events.totp import time_step
from events.user import commands
from services.application.context import SYSTEM, Request, Tenant, metadata_of
from services.application.errors import Refused
from services.application.evidence import Progress
from services.application.execute import Acting, Executor, Formed
from services.application.in_step import Installation
from services.application.journal import Journal
from services.application.new_origins import INSTALLATION, NewOrigins
from services.application.ports import Clock, Entropy
from services.application.retention import Retention
from services.application.rules import Rules
from services.application.streams import COMPANY, Streams, Wanted

_SLICE: Final = 500
_AT_ONCE: Final = 8
_NIL: Final = UUID(int=0)


class StillRunning(Exception):
    """Something of Factorlog works on this database."""


class RestoredInstallation(Installation, Protocol):
    async def others_are_connected(self) -> bool: ...

    async def raise_epoch(self, epoch: int) -> None: ...

    async def companies(self) -> list[UUID]: ...

    async def users(self, company_id: UUID, after: UUID, limit: int) -> list[UUID]:
        """Users who have something to be voided, in the order of their ids."""
        ...


@dataclass(slots=True)
class Done:
    """`left`: (company, user) of accounts that could not be treated, as their data is not sound."""

    epoch: int
    companies: int = 0
    users: int = 0
    erased: int = 0
    months: int = 0
    left: list[tuple[UUID, UUID]] = field(default_factory=list)


class Restore:
    """Each step may be done twice. The journal's epoch rises first and the database's last, so that nothing serves
    before all of it is done, whenever this is interrupted."""

    def __init__(
        self,
        store: EventStore,
        executor: Executor,
        streams: Streams,
        installation: RestoredInstallation,
        journal: Journal,
        clock: Clock,
        entropy: Entropy,
        rules: Rules,
        origins: NewOrigins,
        retention: Retention,
    ) -> None:
        self._store = store
        self._executor = executor
        self._streams = streams
        self._installation = installation
        self._journal = journal
        self._clock = clock
        self._entropy = entropy
        self._rules = rules
        self._origins = origins
        self._retention = retention

    async def run(self, progress: Progress) -> Done:
        """Raises StillRunning, JournalUnavailable, SigningRefused, Contended, Unavailable, KeyUnavailable."""
        if await self._installation.others_are_connected():
            raise StillRunning
        known = await self._journal.contents()
        done = Done(max(known.epoch, await self._installation.epoch()) + 1)
        await self._journal.epoch_begun(done.epoch, self._clock.now())
        companies = await self._installation.companies()
        for number, company_id in enumerate(companies):
            progress(number, len(companies))
            await self._end_everything(company_id, done.epoch)
            await self._destroy_again(company_id, [month for at, month in known.months if at == company_id], done)
            await self._erase_again(company_id, [user for at, user in known.erased if at == company_id], done)
            await self._void_all(company_id, done)
            await self._origins.open(company_id, done.epoch)
            done.companies += 1
        await self._origins.open(INSTALLATION, done.epoch)
        progress(len(companies), len(companies))
        await self._installation.raise_epoch(done.epoch)
        return done

    async def _end_everything(self, company_id: UUID, epoch: int) -> None:
        """In one commit, and for everybody to see in the company's own history."""
        former = await self._origins.former(company_id, epoch)

        async def form(tenant: Tenant, state: CompanyState) -> Wanted[CompanyCommand]:
            now = self._clock.now()
            wish = RecordRestore(now=now, epoch=epoch, former=former.body if former is not None else None)
            return Wanted(command=wish, now=now, acting=self._acting())

        await self._streams.run(COMPANY, company_id, company_id, form)

    async def _destroy_again(self, company_id: UUID, months: Collection[str], done: Done) -> None:
        for month in sorted(months):
            with suppress(Refused):  # it is done already
                await self._retention.destroy_again(company_id, month)
                done.months += 1

    async def _erase_again(self, company_id: UUID, user_ids: Collection[UUID], done: Done) -> None:
        for user_id in sorted(user_ids):
            user = await self._store.user(company_id, user_id)
            if user is not None and user.state.exists and not user.state.erased:
                await self._run(user, lambda: commands.EraseUser(now=self._clock.now()), forget=True)
                done.erased += 1

    async def _void_all(self, company_id: UUID, done: Done) -> None:
        free, after = asyncio.Semaphore(_AT_ONCE), _NIL

        async def one(user_id: UUID) -> None:
            async with free:
                await self._void(company_id, user_id, done)

        while ids := await self._installation.users(company_id, after, _SLICE):
            await asyncio.gather(*(one(user_id) for user_id in ids))
            after = ids[-1]

    async def _void(self, company_id: UUID, user_id: UUID, done: Done) -> None:
        def wish() -> commands.UserCommand:
            now = self._clock.now()
            last = time_step(now) + self._rules.limits.window  # whatever was used since was at most this one
            return commands.VoidCredentials(now=now, epoch=done.epoch, time_step=last)

        user = await self._store.user(company_id, user_id)
        if user is None or not user.state.exists or user.state.erased:
            return
        try:
            done.users += bool(await self._run(user, wish))
        except Refused:
            done.left.append((company_id, user_id))

    async def _run(self, user: StoredUser, wish: Callable[[], commands.UserCommand], *, forget: bool = False) -> int:
        """How many facts it made."""

        async def form(now: StoredUser) -> Formed:
            return Formed(command=wish(), acting=self._acting(), forget=forget)

        async def load() -> StoredUser:
            again = await self._store.user(user.company_id, user.user_id)
            return again if again is not None else user

        return len((await self._executor.run(user, load, form)).events)

    def _acting(self) -> Acting:
        return Acting(metadata=self._metadata())

    def _metadata(self) -> Metadata:
        return metadata_of(Request(id=str(self._entropy.uuid()), arrived_at=self._clock.now()), SYSTEM)
