"""OTP checks, look-ups and full sign-ins over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.adapters.system import available_cores
from tests.benchmarks.accounts import PASSWORD, hasher, prepare, prepare_floor
from tests.benchmarks.figures import Figure, Sample, Target, joined
from tests.benchmarks.meter import repeated
from tests.benchmarks.place import Place

CALLERS: Final = (1, 8, 32)
_SIGN_INS: Final = "/v1/sign-ins"
_WARM_UP: Final = 0.5  # seconds


@dataclass(slots=True)
class People:
    """A file of people and how far they are used up."""

    path: Path
    again: bool
    skip: int = 0

    def job(self) -> dict[str, Any]:
        return {"people": str(self.path), "skip": self.skip, "again": self.again}


async def otp_checks(place: Place) -> AsyncIterator[Figure]:
    """Each account is asked once, so that every code is fresh and every check does all of its duties."""
    count = 2_000 if place.quick else 20_000
    floor = People(await prepare_floor(place, count), again=True)
    for companies in (1, 50):
        path, _ = await prepare(place, f"otp{companies}", companies=companies, count=count, session=False)
        product = People(path, again=False)
        await place.settle()
        await run(place, "api", product, "give_code", f"{_SIGN_INS}/current/code", 4, _WARM_UP)
        await run(place, "bare", floor, "give_code", "/code", 4, _WARM_UP)
        for callers in CALLERS:
            ours, theirs = [], []
            for _ in range(place.rounds):
                seconds = place.seconds / place.rounds
                ours.append(
                    await run(place, "api", product, "give_code", f"{_SIGN_INS}/current/code", callers, seconds)
                )
                theirs.append(await run(place, "bare", floor, "give_code", "/code", callers, seconds))
            yield Figure(
                group="OTP checks",
                name=_named(companies, callers),
                product=joined(ours),
                floor_name="bare transaction",
                floor=joined(theirs),
                target=Target(value=1.0, share=True) if callers > 1 else None,
            )


async def look_ups(place: Place) -> AsyncIterator[Figure]:
    path, _ = await prepare(place, "session", companies=1, count=500 if place.quick else 2_000, session=True)
    sessions = People(path, again=True)
    selected = People(await prepare_floor(place, 2_000), again=True)
    await place.settle()
    contestants = {
        "product": ("api", sessions, "look_up", "/v1/me/two-factor"),
        "bare select": ("bare", selected, "look_up_by_path", "/select"),
        "dispatched select": ("dispatched", selected, "look_up_by_path", "/floor/select"),
        "authenticated no-op": ("dispatched", sessions, "look_up", "/floor/nothing"),
    }
    shares = {"bare select": 0.4, "authenticated no-op": 0.8}
    for callers in CALLERS:
        samples: dict[str, list[Sample]] = {name: [] for name in contestants}
        for _ in range(place.rounds):
            for name, contestant in contestants.items():
                samples[name].append(await run(place, *contestant, callers, place.seconds / place.rounds / 2))
        product = joined(samples.pop("product"))
        for name, theirs in samples.items():
            share = shares.get(name)
            yield Figure(
                group="Session look-ups",
                name=_named(None, callers),
                product=product,
                floor_name=name,
                floor=joined(theirs),
                target=Target(value=share, share=True) if share is not None and callers > 1 else None,
            )


async def sign_ins(place: Place) -> AsyncIterator[Figure]:
    """Password and code, from addresses that are known to their accounts, beside Argon2id alone."""
    seconds = max(5.0, place.seconds * 2)  # a sign-in takes long, and what was begun last is waited for
    path, _ = await prepare(place, "full", companies=1, count=int(150 * seconds) + 200, session=True)
    people = People(path, again=False)
    callers, ours, theirs = 4 * available_cores(), [], []
    await place.settle()
    await run(place, "api", people, "sign_in", _SIGN_INS, callers, _WARM_UP)
    for _ in range(2):
        theirs.append(await _argon2(place, callers, seconds / 2))
        ours.append(await run(place, "api", people, "sign_in", _SIGN_INS, callers, seconds / 2))
    yield Figure(
        group="Full sign-ins",
        name=_named(1, callers),
        product=joined(ours),
        floor_name="Argon2id alone",
        floor=joined(theirs),
        target=Target(value=0.95, share=True),
    )


async def _argon2(place: Place, callers: int, seconds: float) -> Sample:
    """The service's hasher in its bounded pool, and nothing else."""
    passwords = hasher(place.parts.settings)
    stored = await passwords.hash(PASSWORD)

    async def verify(caller: int, turn: int) -> None:
        assert await passwords.verify(str(caller), stored, PASSWORD)

    try:
        return await repeated(place, verify, callers, seconds)
    finally:
        passwords.close()


async def run(
    place: Place, server: str, people: People, conversation: str, path: str, callers: int, seconds: float
) -> Sample:
    sample, used = await place.measured(
        server, conversation=conversation, path=path, callers=callers, seconds=seconds, **people.job()
    )
    if not people.again:
        people.skip += used
    return sample


def _named(companies: int | None, callers: int) -> str:
    of = "" if companies is None else "1 company, " if companies == 1 else f"{companies} companies, "
    return f"{of}{callers} caller{'s' if callers > 1 else ''}"
