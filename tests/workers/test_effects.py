"""Effects: done once, in the order that their kinds allow, and recorded."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from events.effects import EffectKind
from events.store.port import RecordedEvent
from tests.support.service import Person, Service
from tests.workers.support import BrokenMailer, Worker, only, reset_by
from workers.effects.drain import MAX_ATTEMPTS, Drain, Lane
from workers.effects.notify import NotifyUser
from workers.effects.occasions import Occasions
from workers.queue import Claimed, Outcome, wait_after


async def _acme(service: Service) -> tuple[UUID, Person, Person]:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True, email="anna@acme.example")
    uta = await service.person(company, "uta.user", on=True, email="uta@acme.example")
    return company, anna, uta


async def test_a_reset_is_told_to_the_outside_once_with_counts_and_cause(service: Service, worker: Worker) -> None:
    company, anna, uta = await _acme(service)
    await service.fresh_sign_in(uta)
    await worker.drain()
    await reset_by(service, anna, uta)
    assert await worker.drain() == 3  # the revocation and two notifications
    assert await worker.drain() == 0

    events = await service.events(company)
    cause, revoked = only(events, "KeyReset"), only(events, "SessionsRevoked")
    assert revoked["data"]["cause_position"] == cause["position"]
    assert (revoked["data"]["sessions"], revoked["data"]["sign_ins"]) == (1, 0)
    assert revoked["data"]["milliseconds_to_effect"] >= 0
    assert revoked["causation_id"] == cause["id"]
    assert revoked["request_id"] == cause["request_id"]
    assert revoked["actor"]["kind"] == "system"
    assert revoked["stream_kind"] == "effect"
    assert revoked["stream_id"] not in (str(uta.user_id), str(company))


async def test_a_reset_is_mailed_to_the_user_and_to_the_administrators_who_did_not_do_it(
    service: Service, worker: Worker
) -> None:
    company, anna, uta = await _acme(service)
    await service.person(company, "sven.security", "security_officer", email="sven@acme.example")
    await service.person(company, "axel.audit", "auditor", email="axel@acme.example")
    gone = await service.person(company, "old.admin", "administrator", email="old@acme.example")
    token = await service.fresh_sign_in(anna)
    await service.call("POST", f"/v1/users/{gone.user_id}/deactivate", token, {"reason": "left"})
    await worker.drain()
    for file in (worker.folder / "mail").glob("*"):
        file.unlink()

    await reset_by(service, anna, uta, reason="the dog ate the phone")
    await worker.drain()
    assert [mail["To"] for mail in worker.mails()] == ["sven@acme.example", "uta@acme.example"]
    told = worker.mail_to("uta@acme.example").get_content()
    assert "zurückgesetzt" in told
    assert "Ihre Administration" in told
    assert "uta.user" in worker.mail_to("sven@acme.example").get_content()
    assert all("dog" not in mail.as_string() for mail in worker.mails())
    sent = [e["data"] for e in await service.events(company) if e["type"] == "NotificationSent"]
    assert [s["user_id"] for s in sent[-2:]] == [str(uta.user_id)] * 2


async def test_a_user_without_an_address_is_a_visible_failure(service: Service, worker: Worker) -> None:
    company = await service.company()
    await service.person(company, "udo.user", on=True)
    await worker.drain()
    failed = [e for e in await service.events(company) if e["type"] == "NotificationFailed"]
    assert {f["data"]["problem"] for f in failed} == {"no_address"}
    row = await worker.effect(company, "notify_user")
    assert row["failed_at"] is not None
    assert row["done_at"] is None
    assert await worker.drain() == 0


async def test_a_changed_address_is_told_to_the_former_one(service: Service, worker: Worker) -> None:
    company = await service.company()
    udo = await service.person(company, "udo.user", email="former@acme.example")
    token = await service.sign_in(udo)
    done = await service.call("PATCH", "/v1/me", token, {"email": "new@acme.example"})
    assert done.status == 200, done
    await worker.drain()
    (mail,) = worker.mails()
    assert mail["To"] == "former@acme.example"
    assert "new@acme.example" not in mail.as_string()


async def test_nobody_writes_to_the_erased(service: Service, worker: Worker) -> None:
    company, anna, uta = await _acme(service)
    await worker.drain()
    await reset_by(service, anna, uta)
    token = await service.fresh_sign_in(anna)
    assert (await service.call("DELETE", f"/v1/users/{uta.user_id}", token)).status == 204
    await worker.drain()
    assert [mail["To"] for mail in worker.mails()] == ["anna@acme.example"]  # what was written before is gone
    failed = [e for e in await service.events(company) if e["type"] == "NotificationFailed"]
    assert {f["data"]["problem"] for f in failed[-2:]} == {"recipient_gone"}


async def test_a_mail_that_is_not_taken_over_is_tried_again_and_given_up(service: Service, worker: Worker) -> None:
    company, _, _ = await _acme(service)
    mailer, parts = BrokenMailer(), service.parts
    handler = NotifyUser(parts.store, Occasions(parts.store, parts.wrapper), mailer, parts.clock, None)
    drain = Drain(worker.queue(), {EffectKind.NOTIFY_USER: Lane(handler, 10)})
    await drain.drain()
    effects = mailer.asked
    row = await worker.effect(company, "notify_user")
    assert row["last_error"] == "SMTPServerDisconnected"
    assert row["due_at"] > service.clock.now()
    assert await drain.drain() == 0

    for _ in range(MAX_ATTEMPTS):
        service.clock.advance(hours=2)
        await drain.drain()
    assert mailer.asked == MAX_ATTEMPTS * effects
    failed = [e for e in await service.events(company) if e["type"] == "NotificationFailed"]
    assert [f["data"]["problem"] for f in failed] == ["not_delivered"] * effects


async def test_a_revocation_never_expires(service: Service, worker: Worker) -> None:
    class Away:
        async def perform(self, effect: Claimed, cause: RecordedEvent) -> Outcome:
            raise ConnectionRefusedError

        def given_up(self, effect: Claimed, cause: RecordedEvent) -> Outcome | None:
            return None

    company, anna, uta = await _acme(service)
    await worker.drain()
    await reset_by(service, anna, uta)
    drain = Drain(worker.queue(), {EffectKind.REVOKE_SESSIONS: Lane(Away(), 10)})
    for _ in range(MAX_ATTEMPTS + 5):
        service.clock.advance(hours=2)
        await drain.drain()
    row = await worker.effect(company, "revoke_sessions")
    assert row["attempts"] == MAX_ATTEMPTS + 5
    assert row["failed_at"] is None
    service.clock.advance(hours=2)
    await worker.drain()
    assert "SessionsRevoked" in await service.event_types(company)


async def test_workers_at_the_same_time_do_each_effect_once(service: Service, worker: Worker) -> None:
    company = await service.company()
    users = [await service.person(company, f"user{n}", on=True, email=f"u{n}@acme.example") for n in range(8)]
    workers = [worker, *(Worker(service.parts, worker.folder) for _ in range(3))]
    await asyncio.gather(*(w.drain() for w in workers))
    events = await service.events(company)
    assert len([e for e in events if e["type"] == "NotificationSent"]) == len(users)
    assert {e["version"] for e in events if e["stream_kind"] == "effect"} == {1}
    assert len(worker.mails()) == len(users)


async def test_who_lost_the_lease_records_nothing(service: Service, worker: Worker) -> None:
    company, _, _ = await _acme(service)
    queue = worker.queue()
    first = await queue.claim("notify_user")
    assert await queue.claim("notify_user") == []
    service.clock.advance(seconds=21)
    second = await queue.claim("notify_user")
    assert [e.attempts for e in second] == [2] * len(first)

    late = Drain(_Claimed(worker, first), {EffectKind.NOTIFY_USER: _lane(service)})  # type: ignore[arg-type]
    await late.drain()
    assert "NotificationSent" not in await service.event_types(company)
    timely = Drain(_Claimed(worker, second), {EffectKind.NOTIFY_USER: _lane(service)})  # type: ignore[arg-type]
    await timely.drain()
    assert (await service.event_types(company)).count("NotificationSent") == len(second)


def test_waits_grow_to_an_hour_and_differ() -> None:
    effect = Claimed(UUID(int=1), 7, "notify_user", "somebody", 1, 0, "KeyReset", b"")
    waits = [wait_after(replace(effect, attempts=n)) for n in range(1, 40)]
    assert timedelta(seconds=5) <= waits[0] <= timedelta(seconds=6.25)
    assert max(waits) <= timedelta(minutes=75)
    assert wait_after(replace(effect, position=8)) != waits[0]


class _Claimed:
    """A queue that hands out what was claimed before."""

    def __init__(self, worker: Worker, effects: list[Claimed]) -> None:
        self._queue, self._effects = worker.queue(), effects

    async def claim(self, kind: str, limit: int) -> list[Claimed]:
        effects, self._effects = self._effects, []
        return effects

    async def settle(self, effect: Claimed, cause: RecordedEvent, outcome: Outcome) -> bool:
        return await self._queue.settle(effect, cause, outcome)

    async def release(self, effect: Claimed, error: str) -> None:
        await self._queue.release(effect, error)


def _lane(service: Service) -> Lane:
    class Quiet:
        async def deliver(self, message: object) -> None:
            return

    parts = service.parts
    return Lane(NotifyUser(parts.store, Occasions(parts.store, parts.wrapper), Quiet(), parts.clock, None), 1000)
