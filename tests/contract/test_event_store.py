"""What every event store promises: one append, all or nothing, in one order, and who may make it."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from events.catalogue import Event
from events.codec import decode
from events.company.events import CompanyCreated
from events.company.state import CompanyState
from events.credentials import Credential, CredentialKind, Endings
from events.envelope import StreamKind
from events.store.batch import EntryTooLarge
from events.store.port import Append, CallerCheck, EventStore, RawEvent, Status
from events.store.states import company_doc, user_doc
from events.user.events import SignedOut, UserDeactivated
from events.user.state import UserState
from tests.contract.stores import (
    COMPANY,
    FACT,
    OTHER_COMPANY,
    World,
    all_of,
    append,
    credential,
    outcome,
    whole_log,
)
from tests.support.given import NOON, SESSION, USER, ident, idents, later
from tests.support.samples import KEYS

OTHER_USER = ident("other-user")
EVERY = tuple(CredentialKind)


def at_of(raw: RawEvent) -> datetime:
    return datetime.fromisoformat(json.loads(raw.entry)["at"])


async def everything(world: World, company: UUID = COMPANY) -> tuple[object, ...]:
    """All that an append could have changed, as the port shows it."""
    store = world.process()
    return (
        await whole_log(store, company),
        await store.user(company, USER),
        await store.company(company),
        await store.credentials(company, USER, EVERY),
        await store.person_keys(company, [USER, OTHER_USER]),
        await world.open_effects(company),
        await store.login("udo", b"address"),
    )


class TestOrder:
    async def test_positions_are_dense_over_streams_and_versions_within_one(self, store: EventStore) -> None:
        """A-06: position is the leaf index; a gap is corruption."""
        first = await store.append(append(FACT, FACT))
        second = await store.append(append(FACT, stream_id=OTHER_USER))
        third = await store.append(append(FACT, FACT, FACT, expected=2))
        assert [r.first_position for r in (first, second, third)] == [1, 3, 4]
        log = [decode(raw.type, raw.entry) for raw in await whole_log(store)]
        assert [e.position for e in log] == [1, 2, 3, 4, 5, 6]
        assert [(e.stream_id, e.version) for e in log] == [
            (USER, 1),
            (USER, 2),
            (OTHER_USER, 1),
            (USER, 3),
            (USER, 4),
            (USER, 5),
        ]

    async def test_each_company_has_its_own_positions(self, store: EventStore) -> None:
        await store.append(append())
        assert (await store.append(append(company_id=OTHER_COMPANY))).first_position == 1
        assert len(await whole_log(store)) == 1

    async def test_the_log_is_read_in_order_and_in_pieces(self, store: EventStore) -> None:
        await store.append(append(*[FACT] * 7))
        assert [raw.position for raw in await store.events(COMPANY, 0, 3)] == [1, 2, 3]
        assert [raw.position for raw in await store.events(COMPANY, 3, 3)] == [4, 5, 6]
        assert [raw.position for raw in await store.events(COMPANY, 6, 3)] == [7]
        assert await store.events(COMPANY, 7, 3) == []

    async def test_the_time_of_a_fact_is_that_of_its_decision(self, store: EventStore) -> None:
        moment = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
        await store.append(append(decided_at=moment))
        assert [at_of(raw) for raw in await whole_log(store)] == [moment]

    async def test_time_only_moves_forward_whatever_the_clock_says(self, store: EventStore) -> None:
        """A-06: an hour back in between."""
        await store.append(append(FACT, FACT))
        await store.append(append(expected=2, decided_at=later(hours=-1)))
        await store.append(append(expected=3, decided_at=NOON))
        await store.append(append(expected=4, decided_at=later(seconds=1)))
        micro = timedelta(microseconds=1)
        assert [at_of(raw) - NOON for raw in await whole_log(store)] == [
            timedelta(0),
            micro,
            2 * micro,
            3 * micro,
            timedelta(seconds=1),
        ]

    async def test_a_time_of_another_zone_is_kept_in_utc(self, store: EventStore) -> None:
        berlin = NOON.astimezone(datetime.fromisoformat("2026-03-02T12:00:00+01:00").tzinfo)
        await store.append(append(decided_at=berlin))
        (raw,) = await whole_log(store)
        assert json.loads(raw.entry)["at"] == "2026-03-02T12:00:00.000000Z"

    async def test_an_entry_is_complete_in_itself(self, store: EventStore) -> None:
        await store.append(append(SignedOut(session_id=SESSION)))
        (raw,) = await whole_log(store)
        recorded = decode(raw.type, raw.entry)
        assert (recorded.position, recorded.company_id, recorded.stream_id) == (1, COMPANY, USER)
        assert (recorded.stream_kind, recorded.version, recorded.type) == (StreamKind.USER, 1, "SignedOut")
        assert recorded.data == SignedOut(session_id=SESSION)

    async def test_a_fact_that_does_not_fit_an_entry_is_refused_before_anything_is_written(self, world: World) -> None:
        before = await everything(world)
        huge = UserDeactivated(reason="x" * 65_535)
        with pytest.raises(EntryTooLarge):
            await world.process().append(append(FACT, huge, keys=KEYS))
        assert await everything(world) == before


class TestState:
    async def test_the_state_is_stored_with_its_version(self, store: EventStore) -> None:
        state = UserState(exists=True, login="udo", authority=3)
        await store.append(append(FACT, FACT, state=user_doc(state)))
        user = await store.user(COMPANY, USER)
        assert user is not None
        assert (user.version, user.state, user.company) == (2, state, CompanyState())

    async def test_an_unknown_user_is_none(self, store: EventStore) -> None:
        """T-04: foreign and missing look alike."""
        await store.append(append())
        assert await store.user(COMPANY, OTHER_USER) is None
        assert await store.user(OTHER_COMPANY, USER) is None

    async def test_a_companys_stream_has_its_own_state(self, store: EventStore) -> None:
        state = CompanyState(exists=True, name="Acme GmbH")
        await store.append(
            append(
                CompanyCreated(name="Acme GmbH"),
                stream_id=COMPANY,
                stream_kind=StreamKind.COMPANY,
                state=company_doc(state),
            )
        )
        await store.append(append())
        assert await store.company(COMPANY) == (1, state)
        assert await store.company(OTHER_COMPANY) == (0, CompanyState())
        assert (await store.stream(COMPANY, COMPANY)).version == 1
        assert (await store.stream(COMPANY, ident("sign-ins"))).version == 0
        user = await store.user(COMPANY, USER)
        assert user is not None
        assert user.company == state
        assert await store.user(COMPANY, COMPANY) is None

    @pytest.mark.parametrize("expected", [0, 1, 3])
    async def test_a_version_that_is_not_the_newest_is_a_conflict_and_writes_nothing(
        self, world: World, expected: int
    ) -> None:
        store = world.process()
        key = credential(CredentialKind.KEY, name="key", last_step=1)
        await store.append(append(FACT, FACT, credentials=(key,)))
        before = await everything(world)
        again = append(
            FACT,
            expected=expected,
            state=user_doc(UserState(exists=True, login="lost")),
            credentials=(credential(),),
            endings=Endings(all_of=(all_of(*EVERY),), spent_key=key.id, spent_step=2),
            known_address=b"address",
        )
        assert await store.append(again) == (await store.append(again))
        assert (await store.append(again)).status is Status.CONFLICT
        assert await everything(world) == before

    async def test_a_first_version_of_nothing_is_a_conflict(self, store: EventStore) -> None:
        assert (await store.append(append(expected=1))).status is Status.CONFLICT
        assert await whole_log(store) == []

    async def test_a_companys_stream_conflicts_alike(self, store: EventStore) -> None:
        settings = append(
            CompanyCreated(name="Acme GmbH"),
            stream_id=COMPANY,
            stream_kind=StreamKind.COMPANY,
            state=company_doc(CompanyState(exists=True)),
        )
        assert (await store.append(settings)).status is Status.APPENDED
        assert (await store.append(settings)).status is Status.CONFLICT


class TestCaller:
    """The caller is still who he was: checked in the same commit, so a revocation holds from its own."""

    SESSION = credential(name="callers-session", secret=b"presented", expires_at=later(hours=1))

    async def prepared(self, store: EventStore) -> None:
        await store.append(append(state=user_doc(UserState(exists=True, authority=4)), credentials=(self.SESSION,)))

    def act(self, caller: CallerCheck, **changed: object) -> Append:
        return append(stream_id=OTHER_USER, caller=caller, **changed)

    def check(self, **changed: object) -> CallerCheck:
        values: dict[str, object] = {
            "company_id": COMPANY,
            "credential_id": self.SESSION.id,
            "secret": b"presented",
            "actor_id": USER,
            "authority": 4,
            **changed,
        }
        return CallerCheck(**values)  # type: ignore[arg-type]

    async def test_a_live_credential_of_unchanged_authority_may_act(self, store: EventStore) -> None:
        await self.prepared(store)
        assert (await store.append(self.act(self.check()))).status is Status.APPENDED

    async def test_who_acts_alone_needs_no_authority(self, store: EventStore) -> None:
        await self.prepared(store)
        check = self.check(actor_id=None, authority=None)
        assert (await store.append(self.act(check))).status is Status.APPENDED

    @pytest.mark.parametrize(
        "changed",
        [
            {"credential_id": ident("unknown")},
            {"secret": b"stolen-hash"},
            {"company_id": OTHER_COMPANY},
            {"authority": 3},
            {"authority": 5},
            {"actor_id": ident("unknown")},
        ],
    )
    async def test_whoever_else_it_is_writes_nothing(self, world: World, changed: dict[str, object]) -> None:
        """S-06, Z-04, defect 10."""
        store = world.process()
        await self.prepared(store)
        before = await everything(world)
        result = await store.append(self.act(self.check(**changed), credentials=(credential(),)))
        assert (result.status, result.first_position) == (Status.CALLER_GONE, None)
        assert await everything(world) == before

    async def test_an_expired_credential_is_gone_to_the_second(self, store: EventStore) -> None:
        """Z-03."""
        await self.prepared(store)
        at_its_end = self.act(self.check(), decided_at=later(hours=1))
        assert (await store.append(at_its_end)).status is Status.CALLER_GONE
        just_before = self.act(self.check(), decided_at=later(hours=1, seconds=-1))
        assert (await store.append(just_before)).status is Status.APPENDED

    async def test_a_revoked_credential_is_gone_from_the_commit_on(self, world: World) -> None:
        """Z-04: on every process, without any grace."""
        await self.prepared(world.process())
        ended = append(expected=1, endings=Endings(ids=(self.SESSION.id,)))
        assert (await world.process().append(ended)).status is Status.APPENDED
        assert (await world.process().append(self.act(self.check()))).status is Status.CALLER_GONE

    async def test_a_changed_authority_stops_an_act_that_relied_on_the_old_one(self, store: EventStore) -> None:
        """S-06: role, rights and state; not every fact of the actor."""
        await self.prepared(store)
        same = append(expected=1, state=user_doc(UserState(exists=True, authority=4)))
        await store.append(same)
        assert (await store.append(self.act(self.check()))).status is Status.APPENDED
        raised = append(expected=2, state=user_doc(UserState(exists=True, authority=5)))
        await store.append(raised)
        assert (await store.append(self.act(self.check(), expected=1))).status is Status.CALLER_GONE

    async def test_the_provider_acts_with_a_credential_of_its_own_company(self, store: EventStore) -> None:
        await self.prepared(store)
        act = self.act(self.check(), company_id=OTHER_COMPANY)
        assert (await store.append(act)).status is Status.APPENDED
        assert len(await whole_log(store, OTHER_COMPANY)) == 1

    async def test_a_caller_who_is_gone_learns_of_no_conflict(self, store: EventStore) -> None:
        await self.prepared(store)
        act = append(expected=9, caller=self.check(secret=b"wrong"))
        assert (await store.append(act)).status is Status.CALLER_GONE


class TestStep:
    """The replay guard of the database, whatever the code above it believes."""

    KEY = credential(CredentialKind.KEY, name="key", last_step=100)

    async def prepared(self, store: EventStore) -> None:
        await store.append(append(credentials=(self.KEY,)))

    def spend(self, step: int, expected: int, key: UUID | None = None) -> Append:
        return append(expected=expected, endings=Endings(spent_key=key or self.KEY.id, spent_step=step))

    async def test_a_higher_step_is_spent_once(self, store: EventStore) -> None:
        """O-01, defect 11."""
        await self.prepared(store)
        assert (await store.append(self.spend(101, 1))).status is Status.APPENDED
        assert (await store.append(self.spend(101, 2))).status is Status.STEP_SPENT
        (key,) = await store.credentials(COMPANY, USER, [CredentialKind.KEY])
        assert key.last_step == 101

    @pytest.mark.parametrize("step", [0, 99, 100])
    async def test_no_step_at_or_below_is_accepted(self, world: World, step: int) -> None:
        """O-02."""
        store = world.process()
        await self.prepared(store)
        before = await everything(world)
        assert (await store.append(self.spend(step, 1))).status is Status.STEP_SPENT
        assert await everything(world) == before

    async def test_a_key_that_is_gone_spends_nothing(self, store: EventStore) -> None:
        await self.prepared(store)
        assert (await store.append(self.spend(101, 1, ident("gone")))).status is Status.STEP_SPENT
        await store.append(append(expected=1, endings=Endings(ids=(self.KEY.id,))))
        assert (await store.append(self.spend(101, 2))).status is Status.STEP_SPENT

    async def test_a_key_of_another_company_is_not_touched(self, store: EventStore) -> None:
        """T-02."""
        await self.prepared(store)
        foreign = append(company_id=OTHER_COMPANY, endings=Endings(spent_key=self.KEY.id, spent_step=200))
        assert (await store.append(foreign)).status is Status.STEP_SPENT
        (key,) = await store.credentials(COMPANY, USER, [CredentialKind.KEY])
        assert key.last_step == 100


class TestCredentials:
    HELD = (
        credential(CredentialKind.PASSWORD, name="password"),
        credential(CredentialKind.KEY, name="key", last_step=1),
        credential(CredentialKind.SESSION, name="session-1", expires_at=later(hours=1), seen_at=NOON),
        credential(CredentialKind.SESSION, name="session-2"),
        credential(CredentialKind.SIGN_IN, name="sign-in"),
    )
    OTHERS = credential(CredentialKind.SESSION, name="session-of-another", user=OTHER_USER)

    async def prepared(self, store: EventStore) -> None:
        await store.append(append(credentials=(*self.HELD, self.OTHERS)))
        await store.append(append(company_id=OTHER_COMPANY, credentials=self.HELD))

    async def held(self, store: EventStore, company: UUID = COMPANY) -> set[UUID]:
        return {c.id for c in await store.credentials(company, USER, EVERY)}

    async def test_new_ones_are_held_as_they_came(self, store: EventStore) -> None:
        await self.prepared(store)
        held = {c.id: c for c in await store.credentials(COMPANY, USER, EVERY)}
        assert held == {c.id: c for c in self.HELD}
        assert [c.id for c in await store.credentials(COMPANY, USER, [CredentialKind.KEY])] == [self.HELD[1].id]
        assert await store.credentials(COMPANY, USER, []) == []

    async def test_ended_ids_are_gone_and_no_others(self, store: EventStore) -> None:
        """T-02: the same id in another company stays."""
        await self.prepared(store)
        ended = (self.HELD[2].id, self.HELD[4].id, ident("never-there"))
        await store.append(append(expected=1, endings=Endings(ids=ended)))
        assert await self.held(store) == {c.id for c in self.HELD} - set(ended)
        assert await self.held(store, OTHER_COMPANY) == {c.id for c in self.HELD}

    async def test_ended_kinds_are_gone_but_for_the_one_to_keep(self, store: EventStore) -> None:
        """S-04: planted ones too, of this user only."""
        await self.prepared(store)
        every = all_of(CredentialKind.SESSION, CredentialKind.SIGN_IN, keep=self.HELD[3].id)
        await store.append(append(expected=1, endings=Endings(all_of=(every,))))
        assert await self.held(store) == {self.HELD[0].id, self.HELD[1].id, self.HELD[3].id}
        assert len(await store.credentials(COMPANY, OTHER_USER, EVERY)) == 1
        assert await self.held(store, OTHER_COMPANY) == {c.id for c in self.HELD}

    async def test_several_endings_of_one_command_all_hold(self, store: EventStore) -> None:
        await self.prepared(store)
        both = (all_of(CredentialKind.KEY), all_of(CredentialKind.SESSION, keep=self.HELD[2].id))
        await store.append(append(expected=1, endings=Endings(ids=(self.HELD[4].id,), all_of=both)))
        assert await self.held(store) == {self.HELD[0].id, self.HELD[2].id}

    async def test_what_ends_may_come_back_new_in_the_same_append(self, store: EventStore) -> None:
        """Z-02: a step-up keeps the session's id and changes its secret."""
        await self.prepared(store)
        fresh = credential(CredentialKind.SESSION, name="session-1", secret=b"new")
        await store.append(append(expected=1, endings=Endings(ids=(fresh.id,)), credentials=(fresh,)))
        held = await store.caller(COMPANY, fresh.id)
        assert held is not None
        assert held.credential.secret == b"new"

    async def test_a_presented_credential_is_found_with_its_user_inside_one_company(self, store: EventStore) -> None:
        await self.prepared(store)
        held = await store.caller(COMPANY, self.HELD[2].id)
        assert held is not None
        assert held.credential == self.HELD[2]
        assert held.user is not None
        assert (held.user.user_id, held.user.key_id, held.user.key_secret) == (USER, self.HELD[1].id, b"secret")
        assert await store.caller(OTHER_COMPANY, self.OTHERS.id) is None
        assert await store.caller(COMPANY, ident("never-there")) is None

    async def test_a_session_remembers_when_it_was_used_and_nothing_else_does(self, store: EventStore) -> None:
        await self.prepared(store)
        for name in ("session-1", "session-2"):
            await store.touch(COMPANY, ident(name), later(minutes=2))
        await store.touch(COMPANY, ident("session-1"), later(minutes=1))
        held = {c.id: c.seen_at for c in await store.credentials(COMPANY, USER, [CredentialKind.SESSION])}
        assert held == {ident("session-1"): later(minutes=2), ident("session-2"): None}
        assert len(await whole_log(store)) == 1


class TestManyAtOnce:
    async def test_a_command_may_carry_everything_at_once(self, world: World) -> None:
        store = world.process()
        key = credential(CredentialKind.KEY, name="key", last_step=1)
        session = credential(name="session")
        await store.append(append(credentials=(key, session)))
        check = CallerCheck(company_id=COMPANY, credential_id=session.id, secret=b"secret", actor_id=None)
        full = append(
            FACT,
            FACT,
            expected=1,
            caller=check,
            endings=Endings(ids=(session.id,), spent_key=key.id, spent_step=2),
            credentials=(credential(name="next"),),
            known_address=b"address",
        )
        assert (await store.append(full)).status is Status.APPENDED
        held: list[Credential] = await store.credentials(COMPANY, USER, EVERY)
        assert {(c.id, c.last_step) for c in held} == {(key.id, 2), (ident("next"), None)}

    async def test_a_stream_without_a_state_takes_facts_too(self, store: EventStore) -> None:
        for number, stream in enumerate(idents("effect", 3), 1):
            assert (await store.append(outcome(stream))).first_position == number

    async def test_one_command_may_bring_many_facts(self, store: EventStore) -> None:
        facts: tuple[Event, ...] = tuple(SignedOut(session_id=one) for one in idents("session", 300))
        await store.append(append(*facts))
        assert [decode(raw.type, raw.entry).data for raw in await whole_log(store)] == list(facts)
