"""Metrics over HTTP: they count exactly what happened, rise with what waits, and hold nothing of anybody."""

import asyncio
import random
import re
import string
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
import pytest_asyncio

from events.decision import Refusal
from events.effects import EffectKind
from events.envelope import Actor, ActorKind, Metadata, StreamKind
from events.store.port import Append, StateDoc, Status
from events.user.events import SignedOut
from services.adapters.key_file import create_key_file
from services.adapters.migrations import migrate
from services.adapters.passwords import Argon2Passwords
from services.adapters.system import SystemEntropy
from services.api.app import create_app
from services.api.problems import TITLES
from services.application.context import Request
from services.application.errors import Refused
from services.bootstrap import runtime
from services.embedded.postgres import EmbeddedPostgres
from tests.support.database import MIGRATIONS, Database
from tests.support.processes import eventually, free_port, new_installation
from tests.support.raw_http import send_raw
from tests.support.scraping import Scrape, Watched, listens, scraped, watched
from tests.support.service import PASSWORD, ManualClock, Person, Service, running, settings_for
from tests.support.visitor import visitor_of
from tests.workers.support import Worker
from tests.workers.test_sealer import sealer_of, some_facts

ROOT: Final = Path(__file__).parents[2]
STEPS: Final = ("sign_ins_total", "first_steps_refused_total")
EVENTS: Final = (
    *STEPS,
    "refusals_total",
    "lost_races_total",
    "idempotent_replays_total",
    "key_unavailable_total",
)
LAG: Final = ("projection_lag_seconds", "projection_lag_positions", "projection_lagging_companies")
TRAIL: Final = {"projection": "audit_trail_1"}


@pytest_asyncio.fixture
async def operations(service: Service) -> AsyncIterator[Watched]:
    """The operations port of the test's process."""
    async with watched(service.parts) as port:
        yield port


@pytest.fixture
def worker(service: Service) -> Worker:
    return Worker(service.parts, Path(service.parts.settings.data_dir))


async def user(service: Service, *, on: bool = True) -> Person:
    return await service.person(await service.company(), "udo.acme", on=on, email="udo@acme.example")


# What is counted.


async def test_every_step_of_a_sign_in_is_counted_once(service: Service, operations: Watched) -> None:
    udo = await user(service)
    before = await operations.scrape()
    token = await service.pending(udo)
    await service.give(token, service.wrong_code(udo))
    assert (await service.give(token, service.code(udo))).status == 200
    assert (await operations.scrape()).counted_since(before, *EVENTS) == {
        ("sign_ins_total", "code_required"): 1,
        ("sign_ins_total", "refused_code_rejected"): 1,
        ("sign_ins_total", "signed_in"): 1,
        ("refusals_total", "code_rejected", "/v1/sign-ins/current/code"): 1,
    }


async def test_a_password_that_expired_and_an_order_to_enrol_are_outcomes(
    service: Service, operations: Watched
) -> None:
    console = service.parts.console
    company = await service.company()
    _, expired = await console.create_user(company, login="eva.acme", role="user", must_change_password=True)
    udo = await service.person(company, "udo.acme")
    await console.order_enrolment(await console.find_user(udo.login), "wanted")
    before = await operations.scrape()
    await service.start(Person("eva.acme", uuid4(), company), expired)
    await service.start(udo)
    assert (await operations.scrape()).counted_since(before, *STEPS) == {
        ("sign_ins_total", "password_expired"): 1,
        ("sign_ins_total", "enrolment_required"): 1,
    }


async def test_an_unknown_login_is_a_metric_and_no_event(service: Service, operations: Watched) -> None:
    udo = await user(service)
    facts = len(await service.events(udo.company_id))
    before = await operations.scrape()
    for _ in range(3):
        unknown = await service.start(Person("nobody.acme", uuid4(), udo.company_id))
        assert (unknown.status, unknown.code) == (401, "invalid_credentials")
    after = await operations.scrape()
    assert after.counted_since(before, *EVENTS) == {
        ("first_steps_refused_total", "unknown_login"): 3,
        ("sign_ins_total", "refused_invalid_credentials"): 3,
        ("refusals_total", "invalid_credentials", "/v1/sign-ins"): 3,
    }
    assert after.value("append_duration_seconds_count") == before.value("append_duration_seconds_count")
    assert len(await service.events(udo.company_id)) == facts


async def test_wrong_passwords_and_throttled_ones_are_told_apart(service: Service, operations: Watched) -> None:
    udo = await user(service)
    before = await operations.scrape()
    answers = [(await service.start(udo, "wrong")).status for _ in range(60)]
    wrong, throttled = answers.count(401), answers.count(429)
    assert wrong + throttled == 60
    assert throttled > 0
    assert (await operations.scrape()).counted_since(before, *EVENTS) == {
        ("first_steps_refused_total", "wrong_password"): wrong,
        ("first_steps_refused_total", "throttled"): throttled,
        ("sign_ins_total", "refused_invalid_credentials"): wrong,
        ("sign_ins_total", "throttled"): throttled,
        ("refusals_total", "invalid_credentials", "/v1/sign-ins"): wrong,
        ("refusals_total", "too_many_requests", "/v1/sign-ins"): throttled,
    }


async def test_refusals_are_counted_by_kind_and_template(service: Service, operations: Watched) -> None:
    company = await service.company()
    udo = await service.person(company, "udo.acme")
    anna = await service.person(company, "anna.acme", "administrator", on=True)
    session, admin = await service.sign_in(udo), await service.fresh_sign_in(anna)
    before = await operations.scrape()
    await service.call("GET", "/v1/me")
    await service.call("GET", "/v1/me", "fl_session_" + "A" * 86)
    await service.call("GET", "/v1/users", session)
    await service.call("GET", f"/v1/users/{uuid4()}", admin)
    await service.call("POST", "/v1/users", admin, {"login": "x"})
    assert (await operations.scrape()).counted_since(before, *EVENTS) == {
        ("refusals_total", "unauthenticated", "/v1/me"): 2,
        ("refusals_total", "forbidden", "/v1/users"): 1,
        ("refusals_total", "not_found", "/v1/users/{user_id}"): 1,
        ("refusals_total", "validation_failed", "/v1/users"): 1,
    }


async def test_refusals_of_the_portal_are_counted_as_those_of_the_api(service: Service, operations: Watched) -> None:
    udo = await user(service)
    visitor = visitor_of(service)
    await visitor.sign_in(udo)
    token = (await visitor.get("/profile/settings")).forms[0].fields["form_token"]
    before = await operations.scrape()
    wrong = {"form_token": token, "code": service.wrong_code(udo)}
    assert (await visitor.post("/profile/security/disable", wrong)).status == 401
    assert (await visitor.post("/profile/security/disable", {"form_token": token, "code": "x"})).status == 422
    assert (await visitor.get(f"/users/{uuid4()}/settings")).status == 403
    assert (await visitor.get("/companies/x/users")).status == 404
    assert (await visitor.post("/sign-out", {"form_token": "x"})).status == 403
    assert (await visitor.post("/sign-out", {}, Origin="http://elsewhere.example", Sec_Fetch_Site="")).status == 403
    service.clock.advance(hours=2)
    assert (await visitor.get("/profile/settings")).status == 303
    assert (await visitor.get("/profile/settings")).status == 303
    await visitor.http.close()
    security = "/profile/security/disable"
    assert (await operations.scrape()).counted_since(before, "refusals_total") == {
        ("refusals_total", "code_rejected", security): 1,
        ("refusals_total", "validation_failed", security): 1,
        ("refusals_total", "forbidden", "/users/{user_id}/settings"): 1,
        ("refusals_total", "not_found", "/companies/{company_id}/users"): 1,
        ("refusals_total", "forbidden", "/sign-out"): 2,
        ("refusals_total", "unauthenticated", "/profile/settings"): 2,
    }


async def test_requests_are_counted_by_template_method_and_class(service: Service, operations: Watched) -> None:
    session = await service.sign_in(await user(service, on=False))
    before = await operations.scrape()
    for _ in range(3):
        assert (await service.call("GET", "/v1/me", session)).status == 200
    await service.call("GET", "/v1/me")
    await service.call("GET", "/healthz")
    await service.call("GET", "/no/such/path")
    await service.call("PUT", "/v1/me", session)
    after = await operations.scrape()
    assert after.counted_since(before, "http_request_duration_seconds_count") == {
        ("http_request_duration_seconds_count", "GET", "/v1/me", "2xx"): 3,
        ("http_request_duration_seconds_count", "GET", "/v1/me", "4xx"): 1,
        ("http_request_duration_seconds_count", "GET", "/healthz", "2xx"): 1,
        ("http_request_duration_seconds_count", "none", "none", "4xx"): 2,
    }
    assert after.value("http_request_duration_seconds_sum", method="GET", route="/v1/me", status="2xx") > 0


async def test_an_append_that_lost_a_race_is_counted_by_its_status(service: Service, operations: Watched) -> None:
    company = await service.company()
    anna = await service.person(company, "anna.acme", "administrator", on=True)
    admin = await service.fresh_sign_in(anna)
    before = await operations.scrape()
    taken = await service.call("POST", "/v1/users", admin, {"login": anna.login, "password": PASSWORD, "role": "user"})
    assert taken.code == "conflict"
    late = await service.parts.store.append(
        Append(
            company_id=company,
            stream_id=anna.user_id,
            stream_kind=StreamKind.USER,
            expected=1,
            decided_at=service.clock.now(),
            events=(SignedOut(session_id=uuid4()),),
            metadata=Metadata(actor=Actor(kind=ActorKind.SYSTEM), request_id="r"),
            state=StateDoc(doc="{}", schema=1),
        )
    )
    assert late.status is Status.CONFLICT
    assert (await operations.scrape()).counted_since(before, "lost_races_total", "append_duration_seconds_count") == {
        ("lost_races_total", "login_taken"): 1,
        ("lost_races_total", "conflict"): 1,
        ("append_duration_seconds_count",): 2,
    }


async def test_appends_are_timed_by_call_and_sized_by_commands(service: Service, operations: Watched) -> None:
    company = await service.company()
    people = [await service.person(company, f"u{n}.acme") for n in range(8)]
    before = await operations.scrape()
    await asyncio.gather(*(service.sign_in(person) for person in people))
    counted = (await operations.scrape()).counted_since(
        before, "append_duration_seconds_count", "append_commands_count", "append_commands_sum"
    )
    assert counted["append_commands_sum",] == 8
    assert counted["append_commands_count",] == counted["append_duration_seconds_count",] <= 8


async def test_an_idempotent_call_that_comes_again_is_a_replay_and_no_second_refusal(
    service: Service, operations: Watched
) -> None:
    udo = await user(service)
    token, wrong = await service.pending(udo), service.wrong_code(udo)
    headers = {"Idempotency-Key": "one"}
    before = await operations.scrape()
    for _ in range(3):
        given = await service.call("POST", "/v1/sign-ins/current/code", token, {"code": wrong}, headers=headers)
        assert (given.status, given.code) == (401, "invalid_code")
    assert (await operations.scrape()).counted_since(before, *EVENTS) == {
        ("idempotent_replays_total",): 2,
        ("sign_ins_total", "refused_code_rejected"): 1,
        ("refusals_total", "code_rejected", "/v1/sign-ins/current/code"): 1,
    }


async def test_a_key_that_does_not_open_is_counted(service: Service, database: Database, tmp_path: Path) -> None:
    udo = await user(service)
    other = tmp_path / "other" / "key"
    create_key_file(other, SystemEntropy().bytes)
    async with running(database, tmp_path, service.clock, key_file=other) as stranger, watched(stranger.parts) as port:
        assert (await stranger.start(udo)).status == 503
        after = await port.scrape()
        assert after.value("key_unavailable_total") == 1
        assert (
            after.value("http_request_duration_seconds_count", method="POST", route="/v1/sign-ins", status="5xx") == 1
        )
        assert after.counted_since(after, *EVENTS) == {}


async def test_waiting_for_the_hash_is_timed_and_the_queue_is_shown(database: Database, tmp_path: Path) -> None:
    async with runtime(settings_for(database, tmp_path), ManualClock()) as parts, watched(parts) as port:
        asked = Request(id="r", arrived_at=parts.clock.now(), ip="127.0.0.1", user_agent=None)
        for _ in range(2):
            with pytest.raises(Refused):
                await parts.application.sign_in.start("nobody", "wrong", asked)
        after = await port.scrape()
        assert after.value("password_wait_seconds_count") == 2
        assert after.value("passwords_pending") == 0


async def test_passwords_that_wait_are_pending(database: Database, tmp_path: Path) -> None:
    slow = Argon2Passwords(memory_kib=64, passes=1, lanes=1, cores=1)
    async with running(database, tmp_path, passwords=slow) as service, watched(service.parts) as port:
        # The only core is taken for as long as this test wants.
        async with slow._free:
            waiting = [asyncio.create_task(slow.verify(f"u{n}", None, "wrong")) for n in range(3)]
            await asyncio.sleep(0)
            assert (await port.scrape()).value("passwords_pending") == 3
        await asyncio.gather(*waiting)
        assert (await port.scrape()).value("passwords_pending") == 0


async def test_connections_and_the_clock_are_shown(service: Service, operations: Watched) -> None:
    async with service.parts.pool.acquire(), service.parts.pool.acquire():
        shown = await operations.scrape()
    assert shown.value("database_connections", state="in_use") >= 2
    assert shown.value("database_connections_max") == service.parts.settings.database_connections
    await service.call("GET", "/readyz")
    assert abs((await operations.scrape()).value("clock_difference_seconds")) < 2


async def test_the_processes_of_one_database_count_each_for_itself(
    service: Service, operations: Watched, database: Database, tmp_path: Path
) -> None:
    udo = await user(service, on=False)
    async with running(database, tmp_path, service.clock) as other, watched(other.parts) as port:
        before = await operations.scrape()
        await other.sign_in(udo)
        assert (await operations.scrape()).counted_since(before, *EVENTS) == {}
        assert (await port.scrape()).value("sign_ins_total", outcome="signed_in") == 1


# What waits.


async def test_lag_rises_without_a_worker_and_falls_with_one(
    service: Service, operations: Watched, worker: Worker
) -> None:
    assert [(await operations.scrape()).value(name, **TRAIL) for name in LAG] == [0, 0, 0]
    acme, beta = await service.company(), await service.company("Beta AG")
    service.clock.advance(seconds=40)
    await service.person(acme, "udo.acme")
    await service.person(beta, "bea.beta")
    service.clock.advance(seconds=50)
    heads = [len(await service.events(company)) for company in (acme, beta)]
    # 90 s: the oldest entry that is lacking counts, not the newest.
    shown = await operations.scrape()
    assert shown.value("projection_lag_seconds", **TRAIL) == pytest.approx(90, abs=0.01)
    assert [shown.value(name, **TRAIL) for name in LAG[1:]] == [max(heads), 2]
    await worker.project()
    assert [(await operations.scrape()).value(name, **TRAIL) for name in LAG] == [0, 0, 0]
    service.clock.advance(seconds=5)
    await service.person(acme, "ute.acme")
    service.clock.advance(seconds=3)
    shown = await operations.scrape()
    assert shown.value("projection_lag_seconds", **TRAIL) == pytest.approx(3, abs=0.01)
    assert shown.value("projection_lagging_companies", **TRAIL) == 1


async def test_a_trail_that_stands_still_is_shown(service: Service, operations: Watched, worker: Worker) -> None:
    company = await service.company()
    owner = await asyncpg.connect(service.database.owner_url)
    await owner.execute("ALTER TABLE event DISABLE TRIGGER event_is_append_only")
    await owner.execute("UPDATE event SET entry = '{}' WHERE company_id = $1", company)
    await owner.close()
    await worker.project()
    shown = await operations.scrape()
    assert shown.value("projection_stopped_companies", **TRAIL) == 1
    assert shown.value("projection_lagging_companies", **TRAIL) == 1


async def test_what_no_checkpoint_covers_is_shown_until_it_is_sealed(service: Service, operations: Watched) -> None:
    await service.company()
    service.clock.advance(seconds=20)
    await service.company("Beta AG")
    shown = await operations.scrape()
    assert shown.value("sealing_lag_seconds") == pytest.approx(20, abs=0.01)
    assert shown.value("sealing_lagging_companies") == 2
    await sealer_of(service).seal()
    shown = await operations.scrape()
    assert [shown.value(f"sealing_{name}") for name in ("lag_seconds", "lagging_companies", "refused_companies")] == [
        0
    ] * 3


async def test_a_log_that_is_not_signed_any_more_is_shown(service: Service, operations: Watched) -> None:
    company = await service.company()
    sealer = sealer_of(service)
    await sealer.seal()
    for note in service.parts.settings.signed_path.glob("*.note"):
        note.unlink()
    await some_facts(service, company, 1)
    await sealer.seal()
    assert (await operations.scrape()).value("sealing_refused_companies") == 1


async def test_effects_wait_without_a_worker_and_are_gone_with_one(
    service: Service, operations: Watched, worker: Worker
) -> None:
    company = await service.company()
    for gauge in ("effects_open", "effect_oldest_open_seconds", "effects_failed"):
        shown = await operations.scrape()
        assert {shown.value(gauge, kind=kind) for kind in EffectKind} == {0}
    await service.person(company, "udo.acme", on=True, email="udo@acme.example")
    await service.person(company, "ute.acme", on=True)
    rows = await service.parts.pool.fetch("SELECT kind, count(*) AS open FROM effect GROUP BY kind")
    service.clock.advance(minutes=10)
    shown = await operations.scrape()
    assert {kind: shown.value("effects_open", kind=kind) for kind in EffectKind} == {
        **dict.fromkeys(map(str, EffectKind), 0),
        **{row["kind"]: row["open"] for row in rows},
    }
    assert shown.value("effects_open", kind="notify_user") > 0
    # Each person's enrolment let a minute go by.
    assert shown.value("effect_oldest_open_seconds", kind="notify_user") == pytest.approx(720, abs=0.01)
    await worker.drain()
    shown = await operations.scrape()
    assert {shown.value("effects_open", kind=kind) for kind in EffectKind} == {0}
    assert shown.value("effect_oldest_open_seconds", kind="notify_user") == 0
    # The one without an address.
    assert shown.value("effects_failed", kind="notify_user") == 1


async def test_a_retry_makes_no_effect_younger(service: Service, operations: Watched, worker: Worker) -> None:
    await user(service)
    service.clock.advance(minutes=1)
    (effect, *_) = await worker.queue().claim("notify_user")
    await worker.queue().release(effect, "SMTPServerDisconnected")
    shown = await operations.scrape()
    assert shown.value("effect_oldest_open_seconds", kind="notify_user") == pytest.approx(120, abs=0.01)


async def test_a_kind_that_only_a_newer_program_knows_is_other(service: Service, operations: Watched) -> None:
    await user(service)
    owner = await asyncpg.connect(service.database.owner_url)
    await owner.execute("UPDATE effect SET kind = 'mark-7f3a9'")
    await owner.close()
    shown = await operations.scrape()
    assert shown.value("effects_open", kind="other") > 0
    assert "mark-7f3a9" not in shown.text


# What cannot be asked.


async def test_a_database_that_is_away_leaves_the_process_s_own_metrics(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg")
    urls = await server.start()
    try:
        await migrate(urls.owner, MIGRATIONS)
        database = Database(urls.owner, urls.app)
        async with running(database, tmp_path) as service, watched(service.parts) as port:
            await service.sign_in(await user(service, on=False))
            assert (await port.scrape()).value("database_up") == 1
            await server.stop()
            away = await port.scrape()
            assert away.value("database_up") == 0
            assert away.value("sign_ins_total", outcome="signed_in") == 1
            assert ("process_start_time_seconds", ()) in away.samples
            assert not any(name.startswith(("factorlog_projection", "factorlog_effect")) for name in away.types)
            await server.start()
            shown = await port.scrape()
            assert shown.value("database_up") == 1
            assert shown.value("projection_lagging_companies", **TRAIL) == 1
    finally:
        await server.stop()


async def test_a_database_that_does_not_answer_is_not_waited_for(service: Service, operations: Watched) -> None:
    owner = await asyncpg.connect(service.database.owner_url)
    try:
        async with owner.transaction():
            await owner.execute("LOCK TABLE effect IN ACCESS EXCLUSIVE MODE")
            assert (await operations.scrape()).value("database_up") == 0
        assert (await operations.scrape()).value("database_up") == 1
    finally:
        await owner.close()


async def test_a_pool_without_a_free_connection_is_not_waited_for(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, database_connections=2) as service, watched(service.parts) as port:
        async with service.parts.pool.acquire(), service.parts.pool.acquire():
            busy = await port.scrape()
        assert busy.value("database_up") == 0
        assert busy.value("database_connections", state="in_use") == 2
        assert (await port.scrape()).value("database_up") == 1


# What is never said.

CANARY: Final = "mark-7f3a9"


def closed_sets(service: Service) -> dict[str, set[str]]:
    """Every value that a label may have."""
    app = create_app(service.parts.application, service.parts.readiness, hosts=frozenset())
    routes = [route for route in app.router.routes() if route.resource is not None]
    refusals, kinds = {str(refusal) for refusal in Refusal}, {str(kind) for kind in EffectKind}
    return {
        "outcome": {
            *("signed_in", "code_required", "enrolment_required", "password_expired", "throttled", "overloaded"),
            *(f"refused_{refusal}" for refusal in refusals),
        },
        "reason": {"unknown_login", "wrong_password", "throttled"},
        "kind": refusals | set(TITLES) | kinds | {"other"},
        "status": {"2xx", "3xx", "4xx", "5xx", *(str(status) for status in Status)},
        "route": {"none", *(route.resource.canonical for route in routes if route.resource is not None)},
        "method": {"none", *(route.method for route in routes)},
        "state": {"in_use", "idle"},
        "projection": {"audit_trail_1"},
    }


def strays(scrape: Scrape, closed: dict[str, set[str]]) -> set[tuple[str, str]]:
    return {(name, value) for name, value in scrape.labels() if value not in closed[name]}


async def fuzz(service: Service, draw: random.Random, tokens: list[str | None]) -> None:
    """Requests of all kinds that say the canary wherever something can be said."""
    templates = sorted(closed_sets(service)["route"] - {"none"})
    for number in range(150):
        mark = f"{CANARY}-{number}"
        template = draw.choice([*templates, "/v1/{mark}", "/{mark}/{mark}", "/v1/users/{mark}?q={mark}"])
        path = template.replace("{user_id}", draw.choice([mark, str(uuid4())])).replace("{mark}", mark)
        method = draw.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "PROPFIND", mark.upper()])
        body: Any = draw.choice(
            [None, mark, {"login": mark, "password": mark}, {"code": mark}, {"code": "123456"}, {mark: mark}]
        )
        headers = {"User-Agent": mark, "Idempotency-Key": mark, "If-Match": mark, "X-Forwarded-For": "192.0.2.77"}
        if draw.random() < 0.3:
            headers["Host"] = f"{mark}.example"
        await service.call(method, path, draw.choice([*tokens, mark]), body, headers=headers)
    for _ in range(30):
        line = "".join(draw.choices(string.printable, k=60))
        await send_raw(service.url, f"{CANARY} {line}\r\n\r\n".encode())


async def test_a02_whatever_is_sent_no_label_is_made_of_it_and_nothing_of_anybody_is_shown(
    service: Service, operations: Watched
) -> None:
    company = await service.company(f"{CANARY} GmbH")
    udo = await service.person(company, f"{CANARY}.udo", on=True, email=f"{CANARY}@acme.example")
    anna = await service.person(company, f"{CANARY}.anna", "administrator", on=True, email=f"a{CANARY}@acme.example")
    session, admin, pending = (
        await service.fresh_sign_in(udo),
        await service.fresh_sign_in(anna),
        await service.pending(udo),
    )
    seed = random.randrange(2**32)
    await fuzz(service, random.Random(seed), [session, admin, pending, None])
    shown = await operations.scrape()
    assert strays(shown, closed_sets(service)) == set(), seed
    said = (CANARY, "acme.example", "192.0.2.77", "127.0.0.1", session, admin, pending, udo.key, *udo.recovery_codes)
    ids = (company, udo.user_id, anna.user_id)
    assert [one for one in (*said, *map(str, ids)) if one is not None and one.lower() in shown.text.lower()] == [], seed


async def test_a_stray_label_would_be_found(service: Service, operations: Watched) -> None:
    service.parts.application.meters.refused("forbidden", f"/v1/users/{CANARY}")
    assert strays(await operations.scrape(), closed_sets(service)) == {("route", f"/v1/users/{CANARY}")}


async def test_metrics_are_not_served_beside_the_api(service: Service) -> None:
    assert (await service.call("GET", "/metrics")).status == 404


# The real programs.


async def test_serve_and_work_have_ports_of_their_own() -> None:
    ports = {"serve": free_port(), "work": free_port()}
    settings = {"OPERATIONS_PORT": ports["serve"], "WORKER_OPERATIONS_PORT": ports["work"]}
    with new_installation() as installation:
        installation.start(**{f"FACTORLOG_{name}": str(port) for name, port in settings.items()})
        await installation.up.ready()
        await eventually(lambda: listens(ports["work"]), 20, "the worker's operations port")
        before = {name: await scraped(port) for name, port in ports.items()}
        async with installation.portal() as portal:
            await portal.sign_in(portal.known(installation.user("uta.user")))
        served = await scraped(ports["serve"])
        assert served.counted_since(before["serve"], *EVENTS) == {
            ("sign_ins_total", "code_required"): 1,
            ("sign_ins_total", "signed_in"): 1,
        }

        async def caught_up() -> bool:
            worked = await scraped(ports["work"])
            return worked.value("projection_lagging_companies", **TRAIL) == 0

        await eventually(caught_up, 20, "a trail without lag")
        worked = await scraped(ports["work"])
        assert worked.value("sign_ins_total", outcome="signed_in") == 0
        assert worked.value("database_up") == 1
        assert worked.samples["process_start_time_seconds", ()] > 0
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{ports['work']}/readyz") as ready,
        ):
            assert (await ready.json())["status"] == "ready"
        assert installation.unexpected == []


# The page.

ROW: Final = re.compile(r"^\| `([a-z_]+)` \| (\w+) \| (.*?) \|", re.MULTILINE)
PAGE: Final = ROOT / "docs" / "metrics.md"


async def test_the_page_lists_exactly_the_metrics_with_their_types_and_labels(
    service: Service, operations: Watched
) -> None:
    await service.call("GET", "/v1/me")  # a refusal, and a request
    await service.call("GET", "/readyz")  # the clock
    shown = await operations.scrape()
    labels: dict[str, set[str]] = {name: set() for name in shown.types}
    for name, given in shown.samples:
        family = name if name in labels else re.sub(r"_(total|count|sum|bucket)$", "", name)
        labels[family] |= {label for label, _ in given} - {"le"}
    told = {
        # The client library reads `process_` from /proc.
        re.sub(r"_total$", "", name): (kind, set(re.findall(r"`(\w+)`", given)))
        for name, kind, given in ROW.findall(PAGE.read_text(encoding="utf-8"))
        if sys.platform == "linux" or not name.startswith("process_")
    }
    families = {re.sub(r"_total$", "", name): (shown.types[name], labels[name]) for name in labels}
    assert told == families


def test_alert_rules_of_the_page_ask_for_metrics_that_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = {name for name, _, _ in ROW.findall(text)}
    asked = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bfactorlog_[a-z_]+\b", text)}
    assert asked - table == set()
    assert "expr: " in text
