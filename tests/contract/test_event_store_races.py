"""Many writers at once: one winner, no gap, nobody harmed by somebody else's failure."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from events.codec import decode
from events.credentials import CredentialKind, Endings
from events.store.port import (
    Alone,
    Append,
    Appended,
    CallerCheck,
    EffectDone,
    EventStore,
    HeldCredential,
    NewEffect,
    Status,
    Unavailable,
)
from events.store.postgres import MAX_BATCH
from tests.contract.stores import (
    COMPANY,
    OTHER_COMPANY,
    PostgresWorld,
    World,
    append,
    credential,
    outcome,
    whole_log,
)
from tests.support.given import SESSION, USER, ident, idents


async def together(commands: Sequence[tuple[EventStore, Append]]) -> list[Status]:
    results = await asyncio.gather(*(store.append(command) for store, command in commands))
    return [result.status for result in results]


class TestOneWinner:
    """O-03, E-11, R-04, defect 11: within one process and over two."""

    @pytest.mark.parametrize("processes", [1, 2])
    async def test_of_many_appends_at_one_version_one_wins(self, world: World, processes: int) -> None:
        stores = [world.process() for _ in range(processes)]
        for version in range(20):
            racing = [(stores[n % processes], append(expected=version)) for n in range(20)]
            statuses = Counter(await together(racing))
            assert statuses == {Status.APPENDED: 1, Status.CONFLICT: 19}
        assert [raw.position for raw in await whole_log(stores[0])] == list(range(1, 21))

    @pytest.mark.parametrize("processes", [1, 2])
    async def test_of_many_uses_of_one_step_one_wins(self, world: World, processes: int) -> None:
        """O-03: even if no version stood between them."""
        stores = [world.process() for _ in range(processes)]
        key = credential(CredentialKind.KEY, name="key", last_step=0)
        await stores[0].append(append(credentials=(key,)))
        for step in range(1, 11):
            spend = Endings(spent_key=key.id, spent_step=step)
            streams = idents(f"door-{step}", 20)
            racing = [(stores[n % processes], outcome(stream, endings=spend)) for n, stream in enumerate(streams)]
            assert Counter(await together(racing)) == {Status.APPENDED: 1, Status.STEP_SPENT: 19}

    @pytest.mark.parametrize("processes", [1, 2])
    async def test_of_many_claims_of_one_login_one_wins(self, world: World, processes: int) -> None:
        stores = [world.process() for _ in range(processes)]
        racing = []
        for number, user in enumerate(idents("user", 20)):
            company = COMPANY if number % 4 else OTHER_COMPANY
            alone = Alone(user_id=user, claim_login="udo", person_key=b"wrapped")
            command = append(company_id=company, stream_id=user, alone=alone)
            racing.append((stores[number % processes], command))
        assert Counter(await together(racing)) == {Status.APPENDED: 1, Status.LOGIN_TAKEN: 19}

    async def test_of_many_outcomes_of_one_effect_one_is_recorded(self, world: World) -> None:
        stores = [world.process(), world.process()]
        await stores[0].append(append(effects=(NewEffect(event=0, kind="notify_user", target="udo"),)))
        token = await world.claim(COMPANY, 1, "notify_user", "udo")
        done = EffectDone(position=1, kind="notify_user", target="udo", attempts=token)
        racing = [(stores[n % 2], outcome(stream, done=done)) for n, stream in enumerate(idents("outcome", 20))]
        assert Counter(await together(racing)) == {Status.APPENDED: 1, Status.LOST_LEASE: 19}


class TestCallers:
    """Look-ups of presented credentials, which may travel together."""

    async def test_many_at_once_each_get_their_own_answer(self, store: EventStore) -> None:
        held = [credential(name=f"session-{n}", secret=str(n).encode()) for n in range(150)]
        await store.append(append(credentials=tuple(held)))
        asked = [ident(f"session-{n}") for n in range(200)]
        answers = await asyncio.gather(*(store.caller(COMPANY, one) for one in asked))
        assert [a.credential.secret if a else None for a in answers] == [
            str(n).encode() if n < 150 else None for n in range(200)
        ]
        assert await asyncio.gather(*(store.caller(OTHER_COMPANY, one) for one in asked)) == [None] * 200

    async def test_who_asks_after_the_commit_sees_the_revocation(self, store: EventStore) -> None:
        """Z-04: also while others' questions are under way."""
        for number in range(20):
            session = credential(name=f"session-{number}")
            await store.append(append(expected=2 * number, credentials=(session,)))
            early = [asyncio.create_task(store.caller(COMPANY, session.id)) for _ in range(10)]
            await store.append(append(expected=2 * number + 1, endings=Endings(ids=(session.id,))))
            late = [asyncio.create_task(store.caller(COMPANY, session.id)) for _ in range(10)]
            assert await asyncio.gather(*late) == [None] * 10
            await asyncio.gather(*early)

    async def test_who_gives_up_takes_no_answer_away(self, store: EventStore) -> None:
        session = credential(name="session")
        await store.append(append(credentials=(session,)))
        asking = [asyncio.create_task(store.caller(COMPANY, session.id)) for _ in range(20)]
        await asyncio.sleep(0)
        for task in asking[::2]:
            task.cancel()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(answer, HeldCredential) for answer in answers[1::2])


class TestManyStreams:
    @pytest.mark.parametrize("processes", [1, 2])
    async def test_writers_of_different_streams_all_succeed_without_a_gap(self, world: World, processes: int) -> None:
        """A-06: more than one batch's worth at once, several rounds, two companies."""
        stores = [world.process() for _ in range(processes)]
        users = idents("user", 150)
        for version in range(3):
            racing = [
                (stores[n % processes], append(company_id=company, stream_id=user, expected=version))
                for n, user in enumerate(users)
                for company in (COMPANY, OTHER_COMPANY)
            ]
            assert set(await together(racing)) == {Status.APPENDED}
        for company in (COMPANY, OTHER_COMPANY):
            log = [decode(raw.type, raw.entry) for raw in await whole_log(stores[0], company)]
            assert [e.position for e in log] == list(range(1, 451))
            assert [e.at for e in log] == sorted({e.at for e in log})
            for user in users:
                assert [e.version for e in log if e.stream_id == user] == [1, 2, 3]

    async def test_refused_commands_do_not_harm_the_others(self, store: EventStore) -> None:
        users = idents("user", 100)
        racing = [(store, append(stream_id=user, expected=n % 2)) for n, user in enumerate(users)]
        statuses = await together(racing)
        assert statuses == [Status.CONFLICT if n % 2 else Status.APPENDED for n in range(100)]
        assert [raw.position for raw in await whole_log(store)] == list(range(1, 51))

    async def test_a_command_sees_what_the_ones_before_it_did(self, store: EventStore) -> None:
        """Also when both travel together: the second relies on a session that the first ends."""
        session = credential(name="session")
        await store.append(append(credentials=(session,)))
        check = CallerCheck(company_id=COMPANY, credential_id=session.id, secret=b"secret")
        first = append(stream_id=ident("first"))
        ends = append(expected=1, endings=Endings(ids=(session.id,)))
        relies = append(stream_id=ident("relies"), caller=check)
        assert await together([(store, first), (store, ends), (store, relies)]) == [
            Status.APPENDED,
            Status.APPENDED,
            Status.CALLER_GONE,
        ]

    async def test_what_has_to_go_alone_goes_among_the_others_in_its_turn(self, store: EventStore) -> None:
        racing = []
        for number, user in enumerate(idents("user", 60)):
            alone = Alone(user_id=user, claim_login=f"user-{number}") if number % 3 == 0 else None
            racing.append((store, append(stream_id=user, alone=alone)))
        assert set(await together(racing)) == {Status.APPENDED}
        assert await store.login("user-57", b"") is not None

    async def test_a_caller_who_gives_up_harms_nobody(self, store: EventStore) -> None:
        waiting = [asyncio.create_task(store.append(append(stream_id=user))) for user in idents("user", 40)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(r, Appended | asyncio.CancelledError) for r in results)
        assert all(isinstance(r, Appended) for r in results[1::2])
        positions = [raw.position for raw in await whole_log(store)]
        assert positions == list(range(1, len(positions) + 1))


@asynccontextmanager
async def head_is_held(world: PostgresWorld) -> AsyncIterator[None]:
    """While this lasts, no append of the company gets through: what comes meanwhile has to wait."""
    async with world.owner.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM company_log WHERE company_id = $1 FOR UPDATE", COMPANY)
        yield


async def backends_that_wait(world: PostgresWorld) -> list[int]:
    """Backends of the restricted role that wait for a lock; asked until there is one."""
    while True:
        rows = await world.owner.fetch(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'factorlog_app'"
            " AND datname = current_database()"
        )
        if rows:
            return [row[0] for row in rows]


class TestGroupCommit:
    async def test_what_waits_for_an_append_goes_together(self, postgres: PostgresWorld) -> None:
        """One transaction for the first, then as few as the bound allows; seen by the rows' transaction ids."""
        store = postgres.process()
        await store.append(append())
        async with head_is_held(postgres):
            first = asyncio.create_task(store.append(append(expected=1)))
            await backends_that_wait(postgres)
            others = [asyncio.create_task(store.append(append(stream_id=u))) for u in idents("user", 130)]
            await asyncio.sleep(0)
        results = await asyncio.gather(first, *others)
        assert {r.status for r in results} == {Status.APPENDED}
        rows = await postgres.owner.fetch("SELECT count(*) FROM event GROUP BY xmin ORDER BY min(position)")
        assert [row[0] for row in rows] == [1, 1, MAX_BATCH, MAX_BATCH, 2]

    async def test_commands_of_one_stream_never_share_a_call(self, postgres: PostgresWorld) -> None:
        store = postgres.process()
        await store.append(append())
        async with head_is_held(postgres):
            tasks = [asyncio.create_task(store.append(append(expected=n))) for n in (1, 2, 3)]
            await backends_that_wait(postgres)
        assert {r.status for r in await asyncio.gather(*tasks)} == {Status.APPENDED}
        assert await postgres.owner.fetchval("SELECT count(DISTINCT xmin::text) FROM event") == 4

    async def test_an_error_of_one_command_is_its_own(self, postgres: PostgresWorld) -> None:
        """A batch with one impossible command: the others are recorded, once each."""
        store = postgres.process()
        twin = credential(name="twin")
        await store.append(append(credentials=(twin,)))
        async with head_is_held(postgres):
            tasks = [asyncio.create_task(store.append(append(stream_id=ident("first"))))]
            await backends_that_wait(postgres)
            for number, user in enumerate(idents("user", 10)):
                bad = (twin,) if number == 4 else ()
                tasks.append(asyncio.create_task(store.append(append(stream_id=user, credentials=bad))))
            await asyncio.sleep(0)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failed = [n for n, r in enumerate(results) if isinstance(r, BaseException)]
        assert failed == [5]
        assert isinstance(results[5], asyncpg.UniqueViolationError)
        assert [raw.position for raw in await whole_log(store)] == list(range(1, 12))

    async def test_an_argument_that_cannot_be_sent_fails_nobody_else(self, postgres: PostgresWorld) -> None:
        store = postgres.process()
        await store.append(append())
        async with head_is_held(postgres):
            tasks = [asyncio.create_task(store.append(append(expected=1)))]
            await backends_that_wait(postgres)
            unfit = Endings(spent_key=ident("key"), spent_step=2**80)
            tasks.append(asyncio.create_task(store.append(append(stream_id=ident("unfit"), endings=unfit))))
            tasks += [asyncio.create_task(store.append(append(stream_id=u))) for u in idents("user", 5)]
            await asyncio.sleep(0)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(r, Appended) for r in results] == [True, False, True, True, True, True, True]


class TestUnavailable:
    async def test_a_connection_lost_during_an_append_is_said_and_never_repeated(self, postgres: PostgresWorld) -> None:
        """V-01: the outcome is unknown; whoever waits for it must not believe in it."""
        store = postgres.process()
        await store.append(append())
        async with head_is_held(postgres):
            lost = asyncio.create_task(store.append(append(expected=1)))
            (backend,) = await backends_that_wait(postgres)
            waiting = asyncio.create_task(store.append(append(stream_id=ident("waiting"))))
            await postgres.owner.execute("SELECT pg_terminate_backend($1)", backend)
            with pytest.raises(Unavailable):
                await lost
        assert (await waiting).status is Status.APPENDED
        assert [decode(raw.type, raw.entry).stream_id for raw in await whole_log(store)] == [USER, ident("waiting")]
        assert (await store.append(append(expected=1))).status is Status.APPENDED

    async def test_an_interrupted_append_leaves_nobody_waiting(self, postgres: PostgresWorld) -> None:
        """Neither who is in flight nor who waits behind; and the next one goes through."""
        store = postgres.process()
        await store.append(append())
        before = asyncio.all_tasks()
        async with head_is_held(postgres):
            in_flight = asyncio.create_task(store.append(append(expected=1)))
            await backends_that_wait(postgres)
            behind = asyncio.create_task(store.append(append(stream_id=ident("behind"))))
            await asyncio.sleep(0)
            for task in asyncio.all_tasks() - before - {in_flight, behind}:
                task.cancel()
            for waiting in (in_flight, behind):
                with pytest.raises(Unavailable):
                    await waiting
        assert (await store.append(append(stream_id=ident("next")))).status is Status.APPENDED

    async def test_without_a_database_every_call_says_so(self, postgres: PostgresWorld) -> None:
        """V-01: nothing is assumed."""
        store = postgres.process()
        await store.append(append())
        await postgres.pool.close()
        for user in (USER, SESSION):
            with pytest.raises(Unavailable):
                await store.append(append(stream_id=user))
        for call in (
            store.user(COMPANY, USER),
            store.caller(COMPANY, USER),
            store.login("udo", b""),
            store.company(COMPANY),
            store.credentials(COMPANY, USER, []),
            store.events(COMPANY, 0, 1),
        ):
            with pytest.raises(Unavailable):
                await call


async def columns(world: PostgresWorld) -> list[tuple[UUID, int, UUID, int, str, bytes]]:
    rows = await world.owner.fetch(
        "SELECT company_id, position, stream_id, version, type, entry FROM event ORDER BY company_id, position"
    )
    return [(r[0], r[1], r[2], r[3], r[4], r[5]) for r in rows]


async def test_the_columns_are_copies_of_what_stands_in_the_entry(postgres: PostgresWorld) -> None:
    """A-05: so that a look at the columns can be checked against what is hashed."""
    store = postgres.process()
    companies = (COMPANY, OTHER_COMPANY)
    racing = [(store, append(stream_id=user, company_id=one)) for user in idents("u", 40) for one in companies]
    await together(racing)
    for company, position, stream, version, name, entry in await columns(postgres):
        recorded = decode(name, entry)
        assert (recorded.company_id, recorded.position) == (company, position)
        assert (recorded.stream_id, recorded.version, recorded.type) == (stream, version, name)
