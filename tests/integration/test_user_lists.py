"""Lists of users say the same as the rules about each single one."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Final, cast
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from events.company.policy import Policy, with_policy
from events.company.state import CompanyState
from events.policy import effective
from events.store.states import user_doc
from events.user.events import OverrideKind
from events.user.state import Key, Ladder, Order, Override, UserState
from services.adapters.users import PostgresUsers
from services.application.ports import UserFilter
from services.bootstrap import open_pool
from tests.support.database import Database, Pool
from tests.support.service import settings_for

NOW: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
GRACE: Final = timedelta(days=30)
JUST, LONG, SOON = NOW - timedelta(hours=1), NOW - timedelta(days=90), NOW + timedelta(seconds=1)
KEY: Final = Key(id=uuid4(), generation=1, enrolled_at=LONG, last_used_at=JUST, last_step=1)
COMPANY: Final = UUID(int=7)

_LADDERS: Final = (
    *(Ladder() for _ in range(4)),
    Ladder(short=5, total=5, until=SOON),
    Ladder(total=5, until=NOW),
    Ladder(total=100, disabled=True),
)

Population = dict[UUID, UserState]


def _overrides() -> Iterator[Override | None]:
    yield None
    for kind, until in product(("inherit", "required", "exempt"), (None, JUST, NOW, SOON)):
        yield Override(kind=cast(OverrideKind, kind), until=until)


def _everybody() -> Iterator[UserState]:
    """Whatever a filter looks at, in every combination that matters."""
    orders = (None, Order(expires_at=JUST), Order(expires_at=SOON, by_policy=True))
    times = (
        (None, None),
        (LONG, None),
        (JUST, None),
        (None, JUST),
        (None, LONG),
        (NOW - GRACE, None),
        (None, NOW - GRACE),
    )
    for number, (role, order, override, (met, counts)) in enumerate(
        product(("user", "auditor"), orders, _overrides(), times)
    ):
        yield UserState(
            exists=True,
            login=f"Person.{number:03}",
            email=f"P{number:03}@Example.org" if number % 3 else None,
            role=role,
            created_at=JUST if number % 2 else LONG,
            key=KEY if number % 5 == 0 else None,
            order=order,
            override=override,
            policy_met_at=met,
            counts_from=counts,
            ladder=_LADDERS[number % len(_LADDERS)],
            deactivated=number % 11 == 0,
            activation_at=SOON if number % 13 == 0 else LONG,
            expiration_at=(None, JUST, NOW, SOON)[number % 4],
        )
    yield UserState(exists=True, erased=True, deactivated=True, authority=1)


def _companies() -> Iterator[CompanyState]:
    """Each kind of demand, set at different times, alone and after another one."""
    roles = ("auditor",)
    for grace, begun in product((0, GRACE.days), (LONG, NOW - GRACE, JUST)):
        everybody = Policy(requirement="required", grace_days=grace)
        some = Policy(requirement="required_for_roles", roles=roles, grace_days=grace)
        outside = Policy(requirement="required_outside_trusted_networks", grace_days=grace)
        yield _company((everybody, begun))
        yield _company((some, begun))
        yield _company((some, LONG), (everybody, begun))
        yield _company((everybody, LONG), (Policy(), begun), (some, JUST))
        yield _company((outside, begun))
    yield _company((Policy(requirement="required", from_at=SOON, grace_days=30), JUST))
    yield _company()


def _company(*history: tuple[Policy, datetime]) -> CompanyState:
    state = CompanyState(exists=True, name="Acme GmbH")
    for policy, at in history:
        state = replace(state, policy=policy, since=with_policy(state.since, policy, at))
    return state


@pytest_asyncio.fixture
async def users(database: Database, tmp_path: Path) -> AsyncIterator[PostgresUsers]:
    """As the service has them, with its plans."""
    pool = await open_pool(settings_for(database, tmp_path))
    yield PostgresUsers(pool)
    await pool.close()


@pytest_asyncio.fixture
async def population(owner_pool: Pool) -> Population:
    """Everybody, in an order that has nothing to do with their logins; and one of another company."""
    shuffled = random.sample(list(_everybody()), k=sum(1 for _ in _everybody()))
    made = {uuid4(): state for state in shuffled}
    rows = [(COMPANY, user_id, 1, 1, 0, user_doc(state).doc) for user_id, state in made.items()]
    rows.append((UUID(int=8), uuid4(), 1, 1, 0, user_doc(UserState(exists=True, login="Person.000")).doc))
    await owner_pool.copy_records_to_table(
        "user_state", records=rows, columns=["company_id", "stream_id", "version", "schema", "authority", "doc"]
    )
    return {user_id: state for user_id, state in made.items() if not state.erased}


async def _logins(users: PostgresUsers, company: CompanyState, wanted: UserFilter, population: Population) -> list[str]:
    rows = await users.page(COMPANY, company, wanted, NOW, 10_000, None)
    return [population[user_id].login for user_id, _, _ in rows]


async def test_a_filter_by_second_factor_shows_whom_the_rules_name(
    users: PostgresUsers, population: Population
) -> None:
    wrong = []
    for company, state in product(_companies(), ("on", "off", "enrolment_required")):
        named = [u.login for u in population.values() if effective(u, company.rules, NOW).state == state]
        if await _logins(users, company, UserFilter(two_factor=state), population) != sorted(named):
            wrong.append((state, company.policy, company.since))
    assert not wrong


async def test_the_filter_for_the_locked_shows_whom_the_rules_shut_out(
    users: PostgresUsers, population: Population
) -> None:
    for company in _companies():
        named = sorted(user.login for user in population.values() if _standing(user, company)[1])
        assert await _logins(users, company, UserFilter(two_factor="locked"), population) == named
        back = await users.page(COMPANY, company, UserFilter(two_factor="locked"), NOW, 10_000, None, backwards=True)
        assert [population[row[0]].login for row in back] == named[::-1]
        assert named


@pytest.mark.parametrize(
    "wanted",
    [
        UserFilter(),
        UserFilter(role="auditor"),
        UserFilter(role="nobody"),
        UserFilter(q="SON.01"),
        UserFilter(q="@eXample"),
        UserFilter(q="p00"),
        UserFilter(q="%"),
        UserFilter(role="user", two_factor="on", q="5"),
    ],
)
async def test_role_and_words_and_factor_narrow_the_list(
    wanted: UserFilter, users: PostgresUsers, population: Population
) -> None:
    company = _company()

    def is_wanted(user: UserState) -> bool:
        part = (wanted.q or "").lower()
        return (
            wanted.role in (None, user.role)
            and wanted.two_factor in (None, effective(user, company.rules, NOW).state)
            and (part in user.login.lower() or part in (user.email or "").lower())
        )

    named = sorted(user.login for user in population.values() if is_wanted(user))
    assert await _logins(users, company, wanted, population) == named


async def test_pages_show_everybody_once_in_the_order_of_logins(users: PostgresUsers, population: Population) -> None:
    seen: list[str] = []
    after = None
    while rows := await users.page(COMPANY, _company(), UserFilter(), NOW, 37, after):
        seen += [population[user_id].login for user_id, _, _ in rows]
        after = (seen[-1], rows[-1][0])
    assert seen == sorted(user.login for user in population.values())


async def test_backwards_the_pages_are_the_same_the_other_way_round(
    users: PostgresUsers, population: Population
) -> None:
    wanted = UserFilter(role="user", two_factor="enrolment_required", q="person")
    company = next(_companies())
    forwards = await users.page(COMPANY, company, wanted, NOW, 10_000, None)
    assert len(forwards) > 100
    seen: list[UUID] = []
    before = None
    while rows := await users.page(COMPANY, company, wanted, NOW, 37, before, backwards=True):
        seen += [row[0] for row in rows]
        before = (population[seen[-1]].login, seen[-1])
    assert seen == [row[0] for row in forwards][::-1]


def _standing(user: UserState, company: CompanyState) -> tuple[str, bool, bool, bool]:
    factor = effective(user, company.rules, NOW)
    shut_out = factor.locked_until is not None or factor.next_sign_in == "contact_administrator"
    exempt = factor.state == "off" and user.override_at(NOW) == "exempt"
    return factor.state, shut_out, exempt, user.is_active(NOW)


async def test_users_are_counted_as_the_rules_say_how_they_stand(users: PostgresUsers, population: Population) -> None:
    kinds: set[tuple[str, bool, bool, bool]] = set()
    for company in _companies():
        named = Counter(_standing(user, company) for user in population.values())
        found = await users.count(COMPANY, company, UserFilter(), NOW)
        assert {(s.state, s.shut_out, s.exempt, s.active): s.users for s in found} == named
        for standing in found:
            assert len(standing.some) == (min(5, standing.users) if standing.shut_out else 0)
            of_some = {_standing(population[user_id], company) for user_id in standing.some}
            assert of_some <= {(standing.state, standing.shut_out, standing.exempt, standing.active)}
        kinds |= set(named)
    assert {kind[:2] for kind in kinds} == set(product(("on", "off", "enrolment_required"), (True, False)))
    assert {kind[3] for kind in kinds} == {True, False}


async def test_role_and_words_narrow_what_is_counted(users: PostgresUsers, population: Population) -> None:
    wanted = UserFilter(role="auditor", q="5")
    listed = await users.page(COMPANY, _company(), wanted, NOW, 10_000, None)
    assert 0 < len(listed) == sum(one.users for one in await users.count(COMPANY, _company(), wanted, NOW))


async def test_what_changes_of_a_user_changes_in_the_list(
    users: PostgresUsers, population: Population, owner_pool: Pool
) -> None:
    user_id = next(iter(population))
    gone = UserState(exists=True, erased=True, deactivated=True)
    company = _company()
    for state in (UserState(exists=True, login="renamed", role="auditor", key=KEY), gone):
        await owner_pool.execute(
            "UPDATE user_state SET doc = $3 WHERE company_id = $1 AND stream_id = $2",
            COMPANY,
            user_id,
            user_doc(state).doc,
        )
        found = await users.page(
            COMPANY, company, UserFilter(q="renamed", role="auditor", two_factor="on"), NOW, 9, None
        )
        assert [row[0] for row in found] == ([] if state.erased else [user_id])
