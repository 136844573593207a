"""User list, filter and search in one large company, over HTTP by one caller."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from events.company.policy import Policy
from events.credentials import CredentialKind
from services.api.answers import make_cursor
from tests.benchmarks.accounts import Made, Wanted, populate, write_people
from tests.benchmarks.figures import Figure, Sample, Target, joined
from tests.benchmarks.place import Place

_USERS: Final = "/v1/users"
_ORDERED: Final = 40  # fewer than a page: whoever asks for them has the whole company looked through
_POLICY: Final = Policy(requirement="required", grace_days=30)
_WARM_UP: Final = 0.3  # seconds


async def users_list(place: Place) -> AsyncIterator[Figure]:
    """Pages, filters and searches, those that find nobody too; then a policy tried on everybody."""
    count = 5_000 if place.quick else 50_000
    people, middle = await _company(place, count)
    for name, query in _cases(count, middle).items():
        sample = await _asked(place, people, "look_up", f"{_USERS}?{urlencode(query)}")
        yield Figure(
            group=f"User list, {count:,}",
            name=f"{name}, p95",
            product=sample,
            value=sample.p95,
            unit="ms",
            target=Target(value=50.0, most=True),
        )
    sample = await _asked(place, people, "try_policy", "/v1/policy/dry-run")
    yield Figure(
        group=f"User list, {count:,}", name="dry run of a policy, p95", product=sample, value=sample.p95, unit="ms"
    )


async def _company(place: Place, count: int) -> tuple[Path, Made]:
    """One company under a policy whose grace still runs; the administrator who asks, and somebody far behind."""
    company_id = await place.parts.console.create_company("users-list")
    await place.parts.console.change_policy(company_id, _POLICY)
    admin, middle = await populate(place, ((company_id, _member(number, count)) for number in range(count)))
    await place.settle()
    return write_people(place, "users-list", [admin.person]), middle


def _member(number: int, count: int) -> Wanted:
    """Three of four have a key. Logins are as good as random beside the order in which the accounts were made."""
    login = f"{number * 7919 % count:05}.member"
    if number == 0:
        return Wanted(login=login, role="administrator", holds=CredentialKind.SESSION)
    if number == count // 2:
        return Wanted(login=login, holds=CredentialKind.SIGN_IN)
    role = "auditor" if number % 500 == 1 else "user"
    return Wanted(login=login, role=role, enrolled=number % 4 > 0, ordered=number % (count // _ORDERED) == 4)


def _cases(count: int, middle: Made) -> dict[str, dict[str, str]]:
    return {
        "first page": {},
        "first page of 200": {"limit": "200"},
        "page behind half of them": {"cursor": make_cursor(middle.login, str(middle.user_id))},
        "factor on": {"two_factor": "on"},
        "factor off": {"two_factor": "off"},
        f"factor demanded, {_ORDERED} have it so": {"two_factor": "enrolment_required"},
        "role of all": {"role": "user"},
        "role of few": {"role": "auditor"},
        "role of all, factor demanded": {"role": "user", "two_factor": "enrolment_required"},
        "part of a login, ten have it": {"q": f"{count // 2 // 10}"},
        "part of a login, nobody has it": {"q": "nobody has it"},
        "part of an address, one has it": {"q": f"{count // 3:05}.member@example.org"},
        "part of an address, all have it": {"q": "@example"},
        "part of a login and factor demanded, nobody": {"q": "nobody", "two_factor": "enrolment_required"},
    }


async def _asked(place: Place, people: Path, conversation: str, path: str) -> Sample:
    """By one caller, again and again."""
    job = {"people": str(people), "skip": 0, "again": True, "conversation": conversation, "path": path, "callers": 1}
    await place.measured("api", seconds=_WARM_UP, **job)
    samples = [await place.measured("api", seconds=place.seconds / place.rounds, **job) for _ in range(place.rounds)]
    return joined([sample for sample, _ in samples])
