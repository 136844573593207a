"""What is kept of an erased person outside of the database goes too, whoever dies in between."""

from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from events.effects import EffectKind
from services.adapters.journal_file import JournalFile
from services.application.journal import JournalUnavailable
from tests.support.service import Person, Service, running
from tests.workers.support import Worker, only, reset_by
from workers.effects.drain import MAX_ATTEMPTS, Drain, Lane
from workers.effects.forget_person import ForgetPerson


async def people(service: Service) -> tuple[UUID, Person, Person]:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True, email="anna@acme.example")
    uta = await service.person(company, "uta.user", on=True, email="uta@acme.example")
    return company, anna, uta


async def erase(service: Service, anna: Person, uta: Person) -> None:
    gone = await service.call("DELETE", f"/v1/users/{uta.user_id}", await service.fresh_sign_in(anna))
    assert gone.status == 204, gone


def journal_of(service: Service) -> JournalFile:
    return JournalFile(service.parts.settings.journal_path)


async def test_an_answered_erasure_stands_in_the_journal(service: Service) -> None:
    company, anna, uta = await people(service)
    await erase(service, anna, uta)
    assert (await journal_of(service).contents()).erased == {(company, uta.user_id)}


async def test_a_refused_erasure_does_not(service: Service) -> None:
    _, anna, uta = await people(service)
    token = await service.fresh_sign_in(uta)
    assert (await service.call("DELETE", f"/v1/users/{anna.user_id}", token)).status == 403
    assert (await journal_of(service).contents()).erased == frozenset()


async def test_mails_go_at_once_and_so_does_one_that_was_on_its_way(service: Service, worker: Worker) -> None:
    company, anna, uta = await people(service)
    sven = await service.person(company, "sven.security", "security_officer", email="sven@acme.example")
    await reset_by(service, anna, uta)
    await worker.drain()
    assert {"uta@acme.example", "sven@acme.example"} <= {mail["To"] for mail in worker.mails()}
    await erase(service, anna, uta)
    await worker.drain()
    assert [mail.as_string() for mail in worker.mails() if "uta" in mail.as_string()] == []
    late = worker.folder / "mail" / f"{uuid4()}.{sven.user_id}.{uta.user_id}.eml"
    late.write_text("of uta, by a worker that was slow")
    assert "PersonForgotten" not in await service.event_types(company)

    service.clock.advance(seconds=30)
    await worker.drain()

    assert not late.exists()
    fact = only(await service.events(company), "PersonForgotten")
    assert fact["data"]["user_id"] == str(uta.user_id)
    assert fact["causation_id"] == only(await service.events(company), "UserErased")["id"]
    assert (await worker.effect(company, "forget_person"))["done_at"] is not None
    assert await worker.drain() == 0


@dataclass
class DeadJournal:
    """The process dies after the commit and before the journal is written."""

    asked: list[object] = field(default_factory=list)

    async def erased(self, people: object) -> None:
        self.asked.append(people)
        raise JournalUnavailable("dead")


@pytest.fixture
def dead(service: Service, monkeypatch: pytest.MonkeyPatch) -> DeadJournal:
    dead = DeadJournal()
    monkeypatch.setattr(service.parts.application.administration, "_journal", dead)
    return dead


async def test_a_worker_writes_the_journal_where_the_api_died_after_the_commit(
    service: Service, worker: Worker, dead: DeadJournal
) -> None:
    company, anna, uta = await people(service)
    await erase(service, anna, uta)
    assert dead.asked
    assert (await journal_of(service).contents()).erased == frozenset()
    await worker.drain()
    assert (await journal_of(service).contents()).erased == {(company, uta.user_id)}


async def test_the_next_start_writes_it_where_no_worker_lived_either(service: Service, dead: DeadJournal) -> None:
    company, anna, uta = await people(service)
    await erase(service, anna, uta)
    assert dead.asked
    async with running(service.database, Path(service.parts.settings.data_dir), service.clock):
        pass
    assert (await journal_of(service).contents()).erased == {(company, uta.user_id)}


@dataclass
class StoredReports:
    """Where reports plug in: asked for each erased person, and again when it failed."""

    failures: int
    forgot: list[tuple[UUID, UUID]] = field(default_factory=list)

    async def forget(self, company_id: UUID, user_id: UUID) -> None:
        self.forgot.append((company_id, user_id))
        if len(self.forgot) <= self.failures:
            raise OSError("the disk is away")


async def test_what_keeps_files_is_asked_until_it_is_done_and_never_given_up(service: Service, worker: Worker) -> None:
    company, anna, uta = await people(service)
    reports = StoredReports(MAX_ATTEMPTS + 2)
    handler = ForgetPerson(service.parts.journal, [("reports", reports)], service.clock)
    drain = Drain(worker.queue(), {EffectKind.FORGET_PERSON: Lane(handler, 10)})
    await erase(service, anna, uta)
    for _ in range(MAX_ATTEMPTS + 3):
        await drain.drain()
        service.clock.advance(hours=2)
    assert set(reports.forgot) == {(company, uta.user_id)}
    assert only(await service.events(company), "PersonForgotten")["data"]["places"] == ["reports"]
