"""Very many small companies beside one of a hundred users: what each request costs, in turns."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from events.credentials import CredentialKind
from services.adapters.system import available_cores
from tests.benchmarks import machine
from tests.benchmarks.accounts import Made, Wanted, populate, write_people
from tests.benchmarks.figures import Figure, Sample, Target, joined
from tests.benchmarks.over_http import People, run
from tests.benchmarks.place import Place

_SMALL, _LARGE = 10, 100  # users of a company
_TARGET: Final = Target(value=0.83, share=True)  # at most 1.2 times the cost
_AT_ONCE: Final = 64
_WARM_UP, _PATIENCE = 0.5, 600.0  # seconds
_CODE: Final = "/v1/sign-ins/current/code"


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of request: by whom of a company, by how many callers at once, for what share of the seconds."""

    name: str
    conversation: str
    path: str
    by: str
    callers: int
    share: float


_LOADS: Final = (
    Load("OTP checks", "give_code", _CODE, "code", 1, 0.5),
    Load("OTP checks", "give_code", _CODE, "code", 8, 0.25),
    Load("full sign-ins", "sign_in", "/v1/sign-ins", "password", 4 * available_cores(), 1.5),
    Load("session look-ups", "look_up", "/v1/me/two-factor", "session", 8, 0.5),
    Load(f"user list, {_SMALL} a page", "look_up", f"/v1/users?limit={_SMALL}", "administrator", 8, 0.5),
)


async def companies(place: Place) -> AsyncIterator[Figure]:
    """Every company was there once before, so that this is not about what a process has not read yet.

    Sign-ins take the hundreds one after the other: all callers are in one of them.
    """
    count = 500 if place.quick else 10_000
    many = _people(place, "many", _spread(await _made(place, "many", count, _SMALL)))
    made = await _made(place, "one", max(20, count // 125), _LARGE)
    one = _people(place, "one", made)
    # Who may be asked again and again is of one company only.
    first = _people(place, "first", [account for account in made if account.company_id == made[0].company_id])
    one |= {by: people for by, people in first.items() if people.again}
    await place.settle()
    for people in (many, one):
        await run(place, "api", people["first code"], "give_code", _CODE, 32, _PATIENCE)
    for load in _LOADS:
        ours, theirs = await _in_turns(place, load, many[load.by], one[load.by])
        callers = f"{load.callers} caller{'s' if load.callers > 1 else ''}"
        yield Figure(
            group=f"{count:,} companies",
            name=f"{load.name}, {callers}",
            product=ours,
            floor_name=f"1 company of {_LARGE} users",
            floor=theirs,
            target=_TARGET,
        )
    _, peak = machine.memory_mebibytes((await place.server("api")).pid)
    yield Figure(group=f"{count:,} companies", name="memory of the API process, peak", value=peak, unit="MiB")


async def _made(place: Place, name: str, count: int, size: int) -> list[Made]:
    """So many companies of that size; their people who hold something."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def company(number: int) -> UUID:
        async with free:
            return await place.parts.console.create_company(f"{name} {number}")

    ids = await asyncio.gather(*(company(n) for n in range(count)))
    return await populate(
        place, ((company_id, member) for n, company_id in enumerate(ids) for member in _members(f"{name}.{n}", size))
    )


def _members(company: str, size: int) -> Iterator[Wanted]:
    """The last part of a login says what it is for."""
    yield Wanted(login=f"{company}.administrator", role="administrator", holds=CredentialKind.SESSION)
    for n in range(1, size):
        if n <= size // 2:
            yield Wanted(login=f"{company}.{n}.{'code' if n > 1 else 'first code'}", holds=CredentialKind.SIGN_IN)
        elif n <= size * 4 // 5:
            yield Wanted(login=f"{company}.{n}.password", holds=CredentialKind.SESSION)
        else:
            yield Wanted(login=f"{company}.{n}.nothing", enrolled=False)


def _spread(made: list[Made]) -> list[Made]:
    """Neighbours are of different companies."""
    return sorted(made, key=lambda account: account.login.split(".")[2])


def _people(place: Place, name: str, made: list[Made]) -> dict[str, People]:
    """By what they are asked for."""

    def people(by: str, part: str, *, again: bool) -> People:
        chosen = [account.person for account in made if account.login.endswith(f".{part}")]
        return People(write_people(place, f"{name} {by}", chosen), again=again)

    return {
        "first code": people("first code", "first code", again=False),
        "code": people("code", "code", again=False),
        "password": people("password", "password", again=False),
        "session": people("session", "password", again=True),
        "administrator": people("administrator", "administrator", again=True),
    }


async def _in_turns(place: Place, load: Load, many: People, one: People) -> tuple[Sample, Sample]:
    ours, theirs = [], []
    seconds = place.seconds * load.share / place.rounds
    for people in (many, one):
        await run(place, "api", people, load.conversation, load.path, load.callers, _WARM_UP)
    for _ in range(place.rounds):
        ours.append(await run(place, "api", many, load.conversation, load.path, load.callers, seconds))
        theirs.append(await run(place, "api", one, load.conversation, load.path, load.callers, seconds))
    return joined(ours), joined(theirs)
