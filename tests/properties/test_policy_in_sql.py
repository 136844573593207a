"""Defect 5: the list of users, which filters in SQL, and every other answer say the same of everybody."""

import random
from collections import Counter
from typing import Final
from uuid import UUID, uuid4

import pytest

from events.policy import effective
from events.store.states import user_doc
from services.adapters.users import PostgresUsers
from services.application.ports import UserFilter
from tests.properties.under_policy import DAYS, ROLES, Member, populated
from tests.support.database import Pool
from tests.support.given import later
from tests.support.sizes import sized

MEMBERS: Final = 300
STATES: Final = ("off", "enrolment_required", "on")
_INSERT: Final = """
    INSERT INTO user_state (company_id, stream_id, version, schema, authority, doc)
    VALUES ($1, $2, 1, 1, 1, $3::jsonb)
"""


async def stored(pool: Pool, members: list[Member]) -> tuple[UUID, dict[UUID, Member]]:
    """Their states as an append leaves them."""
    company_id, known = uuid4(), {uuid4(): member for member in members}
    rows = [(company_id, user_id, user_doc(member.state).doc) for user_id, member in known.items()]
    await pool.executemany(_INSERT, rows)
    return company_id, known


@pytest.mark.parametrize("seed", range(sized(12, 300)))
async def test_the_list_of_users_and_the_rules_say_the_same(owner_pool: Pool, app_pool: Pool, seed: int) -> None:
    draw = random.Random(seed)
    days = draw.randint(4, DAYS)
    company, members = populated(draw, MEMBERS, days)
    company_id, known = await stored(owner_pool, members)
    users, state = PostgresUsers(app_pool), company.state
    for now in (later(days=days + offset) for offset in (-1, -0.5, 0, 1, 2.5, 4, 9)):
        said: dict[UUID, str] = {}
        for role in (None, *ROLES):
            for two_factor in STATES:
                wanted = UserFilter(role=role, two_factor=two_factor, q=None)
                found = await users.page(company_id, state, wanted, now, MEMBERS + 1, None)
                assert role is None or all(known[row[0]].state.role == role for row in found)
                assert len(said) <= MEMBERS
                if role is None:
                    said |= {row[0]: two_factor for row in found}
                else:
                    assert all(said[row[0]] == two_factor for row in found)
        wanted_of_all = {user_id: effective(m.state, state.rules, now).state for user_id, m in known.items()}
        differing = {user_id for user_id, answer in wanted_of_all.items() if said.get(user_id) != answer}
        assert not differing, (now, Counter(wanted_of_all.values()), known[differing.pop()])


async def test_the_filter_over_http_is_the_same_as_the_users_own_answers(owner_pool: Pool, app_pool: Pool) -> None:
    """Every state occurs in what is compared, or nothing was."""
    draw = random.Random(7)
    counted: Counter[str] = Counter()
    for _ in range(5):
        company, members = populated(draw, MEMBERS, DAYS)
        counted.update(effective(m.state, company.rules, later(days=DAYS)).state for m in members)
    assert min(counted[state] for state in STATES) > MEMBERS / 20
