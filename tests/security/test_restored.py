"""A database set back to an older backup revives nothing: requirement C-10, and the journal's part of defect 15."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from services.adapters.evidence import PostgresEvidence
from services.adapters.journal_file import JournalFile
from services.adapters.trees import PostgresTrees
from services.application.audit_check import check
from services.application.in_step import DatabaseBehind
from services.application.new_origins import INSTALLATION
from services.application.restore import Done, StillRunning
from services.application.tree_check import check_trees
from services.bootstrap import Runtime, runtime
from tests.support.database import Database, PostgresServer
from tests.support.dump import full_dump
from tests.support.service import ManualClock, Person, Service, cheap_passwords, running, settings_for
from workers.old_traces import OldTraces
from workers.projector import Projector
from workers.sealer import Sealer

MARK: Final = "mark5c1d8"


def _quiet(done: int, total: int) -> None:
    return


@dataclass
class Place:
    """One installation whose database can be copied and put back: the folder stays, as it would."""

    server: PostgresServer
    folder: Path
    clock: ManualClock
    database: Database

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Service]:
        async with running(self.database, self.folder, self.clock) as service:
            yield service

    @asynccontextmanager
    async def backup(self) -> AsyncIterator[Database]:
        name = self.database.owner_url.partition("@/")[2].partition("?")[0]
        async with self.server.database(template=name) as copy:
            yield copy

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Runtime]:
        """As `factorlog restored` runs."""
        settings = settings_for(self.database, self.folder)
        async with runtime(settings, self.clock, cheap_passwords(), restoring=True) as parts:
            yield parts

    async def restored(self) -> Done:
        async with self.alone() as parts:
            return await parts.restore.run(_quiet)


@pytest.fixture
def place(postgres_server: PostgresServer, database: Database, tmp_path: Path) -> Place:
    return Place(postgres_server, tmp_path, ManualClock(), database)


@dataclass
class Acme:
    """Who is there when the backup is made."""

    company: UUID
    anna: Person
    uta: Person
    udo: Person
    session: str
    pending: str
    codes: list[str]


async def acme(service: Service) -> Acme:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True)
    uta = await service.person(company, "uta.user", on=True, email="uta@acme.example")
    udo = await service.person(company, f"{MARK}.udo", on=True, email=f"{MARK}@acme.example")
    session = await service.fresh_sign_in(uta)
    service.clock.advance(seconds=60)
    pending = await service.pending(uta)
    return Acme(company, anna, uta, udo, session, pending, list(uta.recovery_codes))


async def sound(service: Service) -> list[Any]:
    await Projector(service.parts.pool, service.parts.wrapper).project()
    return await check(PostgresEvidence(service.parts.pool, service.parts.wrapper), _quiet)


async def use_recovery_code(service: Service, person: Person, code: str) -> Any:
    token = await service.pending(person)
    return await service.call("POST", "/v1/sign-ins/current/recovery-code", token, {"recovery_code": code})


async def test_c10_a_restored_backup_revives_no_session_code_step_or_person(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
    async with place.backup() as copy:
        async with place.serving() as service:
            # Since the backup: a code is used, a recovery code too, sessions are ended, somebody is erased.
            spent = service.code(there.uta, 1)
            assert (await service.give(there.pending, spent)).status == 200
            assert (await use_recovery_code(service, there.uta, there.codes[0])).status == 200
            anna = await service.fresh_sign_in(there.anna)
            path = f"/v1/users/{there.uta.user_id}"
            assert (await service.call("DELETE", f"{path}/sessions", anna)).status == 204
            assert (await service.call("DELETE", f"/v1/users/{there.udo.user_id}", anna)).status == 204
        place.database = copy
        with pytest.raises(DatabaseBehind, match="run `factorlog restored`"):
            async with place.serving():
                pass

        done = await place.restored()

        assert (done.epoch, done.companies, done.erased, done.left) == (2, 1, 1, [])
        async with place.serving() as service:
            assert (await service.call("GET", "/v1/me", there.session)).status == 401
            assert (await service.give(there.pending, service.code(there.uta, 1))).code == "unauthenticated"
            for code in there.codes[:2]:  # the used one and one that was not
                assert (await use_recovery_code(service, there.uta, code)).code == "invalid_code"
            assert (await service.start(there.udo)).code == "invalid_credentials"
            assert MARK.encode() not in b"".join((await full_dump(copy, service.parts.wrapper)).opened)
            assert (await full_dump(copy, service.parts.wrapper)).tables_with(MARK.encode()) == set()
            assert await sound(service) == []


async def test_c10_every_time_step_up_to_the_restore_is_forbidden(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
    async with place.backup() as copy:
        async with place.serving() as service:
            used = service.code(there.uta, 1)  # of the newest step that the window takes
            assert (await service.give(there.pending, used)).status == 200
        place.database = copy
        await place.restored()
        async with place.serving() as service:
            token = await service.pending(there.uta)
            for steps in (-1, 0, 1):
                assert (await service.give(token, service.code(there.uta, steps))).code == "invalid_code"
            service.clock.advance(seconds=60)
            assert (await service.give(await service.pending(there.uta), service.code(there.uta, 1))).status == 200


async def test_c10_traces_that_were_destroyed_since_are_destroyed_again(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
    place.clock.advance(days=400)
    async with place.backup() as copy:
        async with place.serving() as service:
            assert await OldTraces(service.parts.pool, service.parts.retention).destroy() >= 1
        place.database = copy
        with pytest.raises(DatabaseBehind, match="month's key that was destroyed is back"):
            async with place.serving():
                pass
        done = await place.restored()
        assert done.months >= 1
        assert (await place.restored()).months == 0
        async with place.serving() as service:
            marks = [one for one in await service.events(there.company) if one["type"] == "TracesDestroyed"]
            assert len(marks) == done.months
            assert await sound(service) == []


async def test_c10_it_stands_in_every_companys_history_and_mails_nobody(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
        beta = await service.company("Beta AG")
        before = await service.parts.pool.fetchval("SELECT count(*) FROM effect WHERE kind LIKE 'notify%'")
    await place.restored()
    async with place.serving() as service:
        for company in (there.company, beta):
            told = [event for event in await service.events(company) if event["type"] == "InstallationRestored"]
            assert [event["data"]["epoch"] for event in told] == [2]
        assert await service.parts.pool.fetchval("SELECT count(*) FROM effect WHERE kind LIKE 'notify%'") == before
        user = await service.parts.store.user(there.company, there.uta.user_id)
        assert user is not None
        assert (user.state.sessions, user.state.sign_ins, user.state.recovery_codes) == ((), (), ())


async def test_c10_twice_is_as_good_as_once(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
    assert [(await place.restored()).epoch, (await place.restored()).epoch] == [2, 3]
    async with place.serving() as service:
        assert await sound(service) == []
        service.clock.advance(seconds=90)
        assert (await service.give(await service.pending(there.uta), service.code(there.uta))).status == 200


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


@pytest.mark.parametrize("step", ["companies", "users", "raise_epoch", "_destroy_again", "_void", "open_origin"])
async def test_c10_killed_at_any_step_nothing_serves_until_it_has_come_to_its_end(
    place: Place, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.serving() as service:
        there = await acme(service)
        await service.parts.journal.months_destroyed([(there.company, "2020-01")])
        assert await sealed(service) == 1
    async with place.alone() as parts:
        owner = parts.restore if step.startswith("_") else parts.restore._installation

        async def killed(*_: Any) -> None:
            raise Killed

        monkeypatch.setattr(owner, step, killed)
        with pytest.raises(Killed):
            await parts.restore.run(_quiet)
    monkeypatch.undo()
    with pytest.raises(DatabaseBehind, match="did not come to its end"):
        async with place.serving():
            pass
    done = await place.restored()
    assert done.epoch == 3
    async with place.serving() as service:
        assert await sound(service) == []
        assert (await service.call("GET", "/v1/me", there.session)).status == 401


async def test_c10_it_is_refused_while_a_process_serves(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
        with pytest.raises(StillRunning):
            await place.restored()
        assert (await service.call("GET", "/v1/me", there.session)).status == 200
    assert (await JournalFile(place.folder / "secrets" / "journal").contents()).epoch == 1


async def test_c10_a_process_that_serves_an_older_epoch_ends_by_itself(place: Place) -> None:
    async with place.serving() as service:
        watch = service.parts.watch
        await watch.look()
        connection = await asyncpg.connect(place.database.owner_url)
        await connection.execute("UPDATE installation SET epoch = 2")
        await connection.close()
        with pytest.raises(DatabaseBehind, match="serves epoch 1"):
            await watch.look()


async def test_c10_an_older_database_under_a_running_process_is_noticed_when_it_comes_back(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
        watch = service.parts.watch
        await service.parts.journal.erased([(there.company, there.udo.user_id)])
        await watch.look()  # the connection never broke, so nothing was put back
        watch._ask_all = True  # as after `Unavailable`
        with pytest.raises(DatabaseBehind, match="erased is back"):
            await watch.look()


async def test_a_lost_journal_is_made_anew_from_what_the_database_knows(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
        anna = await service.fresh_sign_in(there.anna)
        assert (await service.call("DELETE", f"/v1/users/{there.udo.user_id}", anna)).status == 204
    path = place.folder / "secrets" / "journal"
    path.unlink()
    async with place.serving():
        pass
    assert (await JournalFile(path).contents()).erased == {(there.company, there.udo.user_id)}


async def test_defect_15_an_erasure_that_was_cut_off_with_the_end_of_the_log_is_noticed(place: Place) -> None:
    """A consistent cut of everything, as an older backup is: the journal beside it knows more."""
    async with place.serving() as service:
        there = await acme(service)
    async with place.backup() as copy:
        async with place.serving() as service:
            anna = await service.fresh_sign_in(there.anna)
            assert (await service.call("DELETE", f"/v1/users/{there.udo.user_id}", anna)).status == 204
        place.database = copy
        with pytest.raises(DatabaseBehind):
            async with place.serving():
                pass
        await place.restored()
        async with place.serving() as service:
            assert (await service.start(there.udo)).code == "invalid_credentials"


async def test_c10_a_backup_from_before_somebody_was_there_does_not_keep_the_service_closed(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
    async with place.backup() as copy:
        async with place.serving() as service:
            late = await service.person(there.company, "late.user")
            anna = await service.fresh_sign_in(there.anna)
            assert (await service.call("DELETE", f"/v1/users/{late.user_id}", anna)).status == 204
        place.database = copy
        assert (await place.restored()).erased == 0
        async with place.serving() as service:
            assert (await service.start(late)).code == "invalid_credentials"


# The signed checkpoints beside the journal know how long each log was.


async def sealed(service: Service) -> int:
    """How many logs were signed just now."""
    parts = service.parts
    name = parts.settings.installation_name
    return await Sealer(parts.pool, parts.signer, service.clock, parts.entropy, name).seal()


async def checked(service: Service, *logs: UUID) -> list[Any]:
    parts = service.parts
    return await check_trees(PostgresTrees(parts.pool), parts.signer, logs, parts.settings.installation_name)


async def test_c10_a_log_that_is_shorter_than_what_was_signed_of_it_is_not_served(place: Place) -> None:
    """No erasure since the backup, so the journal has nothing to tell: an older backup is noticed all the same."""
    async with place.serving() as service:
        there = await acme(service)
        assert await sealed(service) == 1
    async with place.backup() as copy:
        async with place.serving() as service:
            await service.fresh_sign_in(there.anna)
            assert await sealed(service) == 1
        place.database = copy
        with pytest.raises(
            DatabaseBehind, match=r"were signed: an older backup was restored; run `factorlog restored`"
        ):
            async with place.serving():
                pass


async def test_c10_a_restored_log_goes_on_under_a_new_origin_that_names_the_old_checkpoint(place: Place) -> None:
    async with place.serving() as service:
        there = await acme(service)
        assert await sealed(service) == 1
    async with place.backup() as copy:
        async with place.serving() as service:
            await service.fresh_sign_in(there.anna)
            assert await sealed(service) == 1
            origin = f"{service.parts.settings.installation_name}/{there.company}"
            former = await service.parts.signer.last_signed(origin)
        place.database = copy
        await place.restored()
        async with place.serving() as service:
            (told,) = [one for one in await service.events(there.company) if one["type"] == "InstallationRestored"]
            assert former is not None
            assert told["data"]["former"] == former.body
            assert await sealed(service) == 1
            signed = await service.parts.signer.last_signed(f"{origin}/2")
            assert signed is not None
            assert signed.size >= told["position"]
            assert await checked(service, there.company, INSTALLATION) == []
            assert await sealed(service) == 0
        # And once more: the number goes on, and the newest checkpoint is the one that is named.
        await place.restored()
        async with place.serving() as service:
            told = [one for one in await service.events(there.company) if one["type"] == "InstallationRestored"][-1]
            assert told["data"]["former"] == signed.body
            assert await sealed(service) == 1
            assert await service.parts.signer.last_signed(f"{origin}/3") is not None
            assert await checked(service, there.company, INSTALLATION) == []
