"""A made-up past is plausible: in order, by the rules, with all that can happen, and the same for the same seed."""

import ipaddress
from collections import Counter, defaultdict
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args
from uuid import UUID

import pytest

from events.company.policy import CompanyRules
from events.policy import effective
from events.user.events import UserEvent
from events.user.evolve import fold
from events.user.limits import Limits
from events.user.state import UserState, account_state
from services.application.logins import check_login
from services.application.seeding.draws import Draw
from services.application.seeding.people import EVERY_FATE_FROM, draft_of, draw_companies, draw_members
from services.application.seeding.stage import CompanyDeed, Deed, Told, WrongPassword
from services.application.seeding.story import Story

# A Wednesday afternoon.
UNTIL: Final = datetime(2026, 7, 15, 13, 0, tzinfo=UTC)
# Facts that no story tells; a new kind of fact has to be told or to stand here.
# Nobody of a demo restores a backup.
NOT_TOLD: Final = frozenset({"CredentialsVoided", "PersonalDataExported"})
# Documentation (RFC 5737, RFC 3849), private (RFC 1918) and shared (RFC 6598).
NOBODYS: Final = [
    ipaddress.ip_network(text)
    for text in (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::/32",
        "10.0.0.0/8",
        "100.64.0.0/10",
    )
]


def ids(seed: str) -> Any:
    draw = Draw(f"ids of {seed}")
    return lambda: UUID(int=draw.getrandbits(128), version=4)


def story_of(seed: str, *, users: int = 60, days: int = 60, until: datetime = UNTIL, strict: bool = True) -> Story:
    draw = Draw(seed)
    members = draw_members(draft_of("Nordlicht Logistik GmbH", "de", "abc123"), users, days, draw)
    return Story(
        members,
        name="Nordlicht Logistik GmbH",
        strict=strict,
        begins=until - timedelta(days=days),
        until=until,
        draw=draw,
        new_id=ids(seed),
        limits=Limits(),
    )


@pytest.fixture(scope="module")
def large() -> tuple[Story, list[Told]]:
    """A company in which everything happens."""
    story = story_of("large", users=400, days=90)
    return story, list(story.told())


def deeds(told: list[Told]) -> list[Deed]:
    return [one for one in told if isinstance(one, Deed)]


def times(fact: object) -> list[datetime]:
    """When a fact says that it happened, not until when it holds."""
    values = [(f.name, getattr(fact, f.name)) for f in fields(fact)]  # type: ignore[arg-type]
    others = ("expires_at", "order_expires_at", "until", "fresh_until", "activation_at", "expiration_at", "counts_from")
    return [value for name, value in values if isinstance(value, datetime) and name not in (*others, "met_at")]


def test_the_same_seed_tells_the_same_story() -> None:
    assert list(map(repr, story_of("one").told())) == list(map(repr, story_of("one").told()))


def test_another_seed_tells_another_one() -> None:
    first, second = ([p.member.login for p in story_of(seed).people] for seed in ("one", "two"))
    assert first != second


def test_a_past_may_be_short_and_a_company_small() -> None:
    for users, days in ((1, 1), (2, 1), (7, 2), (EVERY_FATE_FROM, 1)):
        # Also on a Sunday night.
        story = story_of("small", users=users, days=days, until=datetime(2026, 7, 19, 23, 0, tzinfo=UTC))
        told = list(story.told())
        assert told
        assert all(person.state.exists for person in story.people), (users, days)


def test_times_rise_and_nothing_is_before_the_beginning_or_after_the_end(large: tuple[Story, list[Told]]) -> None:
    _, told = large
    begins = UNTIL - timedelta(days=90)
    assert [one.at for one in told] == sorted(one.at for one in told)
    assert begins <= told[0].at
    assert told[-1].at < UNTIL
    last: dict[UUID, datetime] = defaultdict(lambda: begins)
    for deed in deeds(told):
        for at in [at for event in deed.events for at in times(event)]:
            assert last[deed.person.user_id] <= at <= deed.at
            assert deed.at - at < timedelta(minutes=1)
            last[deed.person.user_id] = at


def test_every_kind_of_fact_that_a_users_history_knows_is_told(large: tuple[Story, list[Told]]) -> None:
    kinds = Counter(type(event).__name__ for deed in deeds(large[1]) for event in deed.events)
    assert {kind.__name__ for kind in get_args(UserEvent)} - kinds.keys() == NOT_TOLD
    assert {type(one) for one in large[1]} == {Deed, WrongPassword, CompanyDeed}


def test_codes_are_refused_for_every_reason_that_people_give(large: tuple[Story, list[Told]]) -> None:
    results = {getattr(event, "result", None) for deed in deeds(large[1]) for event in deed.events}
    assert {"wrong", "used", "not_evaluated"} <= results


def test_most_facts_are_of_people_who_sign_in_and_out(large: tuple[Story, list[Told]]) -> None:
    kinds = Counter(type(event).__name__ for deed in deeds(large[1]) for event in deed.events)
    ordinary = sum(kinds[name] for name in ("SignInStarted", "SignedIn", "SignedOut"))
    assert ordinary / kinds.total() > 0.7
    assert kinds["CodeRejected"] / kinds["SignedIn"] < 0.15


def test_people_come_on_working_days(large: tuple[Story, list[Told]]) -> None:
    on_weekends = sum(deed.at.weekday() >= 5 for deed in deeds(large[1]))
    assert 0 < on_weekends / len(deeds(large[1])) < 0.1
    at_night = sum(not 4 <= deed.at.hour < 22 for deed in deeds(large[1]))
    assert at_night / len(deeds(large[1])) < 0.05


def test_a_state_is_what_its_facts_make(large: tuple[Story, list[Told]]) -> None:
    story, told = large
    facts: dict[UUID, list[UserEvent]] = defaultdict(list)
    for deed in deeds(told):
        assert fold(deed.events, deed.before) == deed.after
        facts[deed.person.user_id] += deed.events
    assert {person.user_id: person.state for person in story.people} == {who: fold(e) for who, e in facts.items()}


def test_who_acts_on_others_is_an_administrator_with_a_factor_and_fresh(large: tuple[Story, list[Told]]) -> None:
    proven: dict[UUID, datetime] = {}
    helped = 0
    for deed in deeds(large[1]):
        actor = deed.actor
        if actor is not None and actor is not deed.person:
            helped += 1
            assert actor.member.role == "administrator"
            assert deed.at - proven[actor.user_id] < Limits().step_up
        for event in deed.events:
            if getattr(event, "time_step", None) is not None:
                proven[deed.person.user_id] = deed.at
    assert helped > 400


def test_at_the_end_there_is_somebody_in_every_state(large: tuple[Story, list[Told]]) -> None:
    story, _ = large
    users = [person.state for person in story.people]
    assert {account_state(user, UNTIL) for user in users} == {"active", "deactivated", "expired", "not_yet_active"}
    answers = {answer(user, story.rules) for user in users if user.is_active(UNTIL)}
    assert {("on", "code"), ("on", "contact_administrator"), ("enrolment_required", "enrolment")} <= answers
    assert any(user.erased for user in users)
    assert any(user.must_change_password for user in users)


def test_where_a_company_leaves_it_to_its_people_some_have_no_factor() -> None:
    story = story_of("lenient", strict=False)
    list(story.told())
    assert {answer(p.state, story.rules)[0] for p in story.people} == {"on", "off", "enrolment_required"}


def answer(user: UserState, rules: CompanyRules) -> tuple[str, str]:
    found = effective(user, rules, UNTIL)
    return found.state, found.next_sign_in


def test_nothing_befalls_the_first_administrator() -> None:
    for seed in range(20):
        story = story_of(str(seed), users=EVERY_FATE_FROM, days=30)
        list(story.told())
        first = story.people[0].state
        assert (first.role, first.key is not None, first.is_active(UNTIL)) == ("administrator", True, True)
        assert (first.must_change_password, first.ladder.until, first.key and first.key.generation) == (False, None, 1)


def test_everybody_comes_from_an_address_that_is_nobodys(large: tuple[Story, list[Told]]) -> None:
    places = [one.place for one in large[1] if not isinstance(one, CompanyDeed) and one.place is not None]
    addresses = {ipaddress.ip_address(place.ip or "") for place in places}
    assert len(addresses) > 300
    assert not [a for a in addresses if not any(a in network for network in NOBODYS)]
    assert len({place.user_agent for place in places}) > 5


def test_logins_may_be_logins_and_are_told_apart() -> None:
    for name, language in draw_companies(200, Draw("logins")):
        members = draw_members(draft_of(name, language, "0a1b2c"), 60, 30, Draw(name))
        logins = [check_login(member.login) for member in members]
        assert len(set(logins)) == len(logins)
        assert all(login.isascii() and login.endswith("-0a1b2c.example") for login in logins)


def test_companies_have_names_of_their_own() -> None:
    names = [name for name, _ in draw_companies(1000, Draw("names"))]
    assert len(set(names)) == 1000
