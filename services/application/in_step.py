"""Is the database as new as the journal beside it? If not, an older backup was restored, and nobody may be served."""

from collections.abc import Collection, Mapping
from typing import Final, Protocol
from uuid import UUID

from services.application.journal import Erased, Journal, Month
from services.application.ports import Clock

RUN: Final = "run `factorlog restored`, see docs/operations.md"


class DatabaseBehind(Exception):
    """The database is older than what was recorded outside of it; the text says what to do."""


class Installation(Protocol):
    """What the database says about itself. Raises Unavailable."""

    async def epoch(self) -> int: ...

    async def knows_as_erased(self, people: Collection[Erased]) -> bool: ...

    async def knows_as_destroyed(self, months: Collection[Month]) -> bool: ...

    async def erased(self) -> list[Erased]: ...

    async def destroyed_months(self) -> list[Month]: ...

    async def heads(self) -> list[tuple[UUID, int, str | None]]:
        """(company, last position, origin of its tree where it has one) of every log."""
        ...


class SignedSizes(Protocol):
    """What was signed, kept outside the database."""

    async def sizes(self) -> Mapping[str, int]:
        """Of every origin the last signed size. Raises JournalUnavailable."""
        ...


async def demand_as_long_as_signed(installation: Installation, signed: SignedSizes, name: str) -> None:
    """No log may be shorter than what was signed of it. `name`: of the installation. Raises DatabaseBehind."""
    sizes = await signed.sizes()
    for company_id, position, origin in await installation.heads() if sizes else ():
        size = sizes.get(origin or f"{name}/{company_id}", 0)
        if size > position:
            raise DatabaseBehind(
                f"the log of company {company_id} ends at position {position}, and {size} were signed: an older backup "
                f"was restored; {RUN}"
            )


async def demand_in_step(installation: Installation, journal: Journal, clock: Clock) -> int:
    """The epoch in which this process serves. Raises DatabaseBehind, JournalUnavailable.

    A journal that is behind is brought up: it is new, or a process died between a commit and the journal.
    """
    epoch, known = await installation.epoch(), await journal.contents()
    if known.epoch > epoch:
        raise DatabaseBehind(
            f"the database is of epoch {epoch}, the journal of {known.epoch}: an older backup was restored, or "
            f"`factorlog restored` did not come to its end; {RUN}"
        )
    if known.epoch < epoch:
        await journal.epoch_begun(epoch, clock.now())
    elif not await installation.knows_as_erased(known.erased_since):
        raise DatabaseBehind(f"somebody who was erased is back: an older backup was restored; {RUN}")
    elif not await installation.knows_as_destroyed(known.months_since):
        raise DatabaseBehind(f"a month's key that was destroyed is back: an older backup was restored; {RUN}")
    await journal.erased(await installation.erased())
    await journal.months_destroyed(await installation.destroyed_months())
    return epoch
