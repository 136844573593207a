"""Users of another system: taken with their authenticators and hashes, by the same rules as everybody."""

import os
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from events.codec import decode, open_reason
from events.company.policy import Policy
from events.credentials import CredentialKind
from events.decision import Refusal
from events.envelope import Metadata
from events.totp import KeyFault, key_text, time_step
from events.user import commands
from services.adapters.evidence import PostgresEvidence
from services.application.audit_check import check
from services.application.context import SYSTEM, Tenant
from services.application.errors import Refused
from services.application.execute import Acting, Formed, nobody
from services.application.moving import Newcomer, Outcome, Verdict, Why
from tests.support.dump import full_dump
from tests.support.movers import HASH, as_lines, key_uri, moved, person
from tests.support.service import Service
from tests.support.soundness import flaws
from tests.workers.support import Worker

TAKEN: Final = Verdict(Outcome.TAKEN)
THERE: Final = Verdict(Outcome.ALREADY_THERE)
KEY: Final = bytes(range(100, 120))


@pytest.fixture
def worker(service: Service) -> Worker:
    return Worker(service.parts, service.parts.settings.data_dir)


def refused(why: Why, *columns: str) -> Verdict:
    return Verdict(Outcome.REFUSED, why, columns)


async def sound(service: Service) -> None:
    """The product's own check and an independent look agree that everything fits."""
    evidence = PostgresEvidence(service.parts.pool, service.parts.wrapper)
    assert await check(evidence, lambda done, total: None) == []
    owner = await asyncpg.connect(service.database.owner_url)
    try:
        assert await flaws(owner, service.parts.settings.key_path) == []
    finally:
        await owner.close()


async def everything(service: Service) -> dict[str, list[bytes]]:
    return {name: sorted(rows) for name, rows in (await full_dump(service.database)).tables.items()}


# With the authenticator of before.


@pytest.mark.parametrize("length", [16, 20, 32, 65])
async def test_a_user_signs_in_with_the_password_and_the_authenticator_of_before(service: Service, length: int) -> None:
    company, key = await service.company(), os.urandom(length)
    line = {"login": "udo.user", "email": "udo@acme.example", "otpauth_uri": key_uri(key), "password_hash": HASH}
    assert await moved(service.parts, company, as_lines(line)) == [TAKEN]
    udo = await person(service.parts, "udo.user", key)
    service.clock.advance(seconds=30)
    token = await service.sign_in(udo)
    factor = (await service.call("GET", "/v1/me/two-factor", token)).json
    assert (factor["state"], factor["next_sign_in"], factor["recovery_codes_left"]) == ("on", "code", 0)
    await sound(service)


async def test_no_code_of_before_the_import_works_and_the_next_one_does(service: Service) -> None:
    """What the other system may have accepted is spent here: RFC 6238 §5.2."""
    company = await service.company()
    line = {"login": "udo.user", "otpauth_uri": key_uri(KEY), "password_hash": HASH}
    await moved(service.parts, company, as_lines(line))
    udo = await person(service.parts, "udo.user", KEY)
    pending = await service.pending(udo)
    for steps in (-1, 0):
        given = await service.give(pending, service.code(udo, steps))
        assert (given.status, given.code) == (401, "invalid_code")
    results = [e["data"]["result"] for e in await service.events(company) if e["type"] == "CodeRejected"]
    assert results == ["used", "used"]
    assert (await service.give(pending, service.code(udo, 1))).status == 200
    (row,) = await service.parts.store.credentials(company, udo.user_id, [CredentialKind.KEY])
    assert row.last_step == time_step(service.clock.now()) + 1


async def test_one_append_makes_the_account_with_its_key_in_the_systems_name(service: Service, worker: Worker) -> None:
    """There is no moment at which the account exists without its factor."""
    company = await service.company()
    users = [{"login": f"u{n}", "email": f"u{n}@acme.example", "otpauth_uri": key_uri(KEY)} for n in range(3)]
    await moved(service.parts, company, as_lines(*users), reason="from the old portal")
    events = (await service.events(company))[1:]
    assert [event["type"] for event in events] == ["UserCreated", "TwoFactorImported"] * 3
    assert {event["actor"]["kind"] for event in events} == {"system"}
    assert len({event["request_id"] for event in events}) == 1
    keys = await service.parts.store.person_keys(company, [UUID(event["stream_id"]) for event in events])
    for raw in await service.parts.store.events(company, 1, 10):
        recorded = decode(raw.type, raw.entry)
        data_key = await service.parts.wrapper.unwrap(keys[recorded.stream_id])
        assert open_reason(recorded, data_key) == "from the old portal"
    await worker.drain()
    assert [mail["To"] for mail in worker.mails()] == ["u0@acme.example", "u1@acme.example", "u2@acme.example"]


# Without a key that could be used.


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        (key_uri(b"ten bytes!"), KeyFault.WEAK),
        (key_uri(KEY, "&algorithm=SHA256"), KeyFault.OTHER_ALGORITHM),
        (key_uri(KEY, "&digits=8"), KeyFault.OTHER_DIGITS),
        (key_uri(KEY, "&period=60"), KeyFault.OTHER_PERIOD),
        (key_uri(KEY).replace("totp", "hotp"), KeyFault.COUNTER_BASED),
        ("a key that nobody can read", KeyFault.UNREADABLE),
    ],
    ids=str,
)
async def test_a_user_whose_key_cannot_be_used_enrols_at_the_next_sign_in(
    service: Service, worker: Worker, uri: str, fault: KeyFault
) -> None:
    company = await service.company()
    line = {"login": "udo.user", "email": "udo@acme.example", "otpauth_uri": uri, "password_hash": HASH}
    assert await moved(service.parts, company, as_lines(line)) == [Verdict(Outcome.ENROLS, fault)]
    udo = await person(service.parts, "udo.user")
    started = await service.start(udo)
    assert started.json["status"] == "enrolment_required"
    assert (await service.event_types(company))[1:3] == ["UserCreated", "TwoFactorOrdered"]
    await worker.drain()
    assert worker.mail_to("udo@acme.example")
    await sound(service)


@pytest.mark.parametrize("two_factor", ["on", "enrolment_required"])
async def test_a_factor_that_comes_without_its_key_is_not_lost_silently(service: Service, two_factor: str) -> None:
    company = await service.company()
    line = {"login": "udo.user", "two_factor": two_factor, "password_hash": HASH}
    assert await moved(service.parts, company, as_lines(line)) == [Verdict(Outcome.ENROLS, Why.NO_KEY)]
    assert (await service.start(await person(service.parts, "udo.user"))).json["status"] == "enrolment_required"


async def test_a_user_without_a_factor_comes_without_one(service: Service) -> None:
    company = await service.company()
    line = {"login": "udo.user", "two_factor": "off", "password_hash": HASH}
    assert await moved(service.parts, company, as_lines(line)) == [TAKEN]
    assert (await service.start(await person(service.parts, "udo.user"))).json["status"] == "signed_in"


# Accounts.


async def test_settings_come_as_they_are(service: Service) -> None:
    company = await service.company()
    line = {
        "login": "Udo.User",
        "email": "udo@acme.example",
        "role": "auditor",
        "language": "pt-BR",
        "time_zone": "America/Sao_Paulo",
        "activation_date": "2026-01-01T00:00:00Z",
        "expiration_date": "2999-12-31T23:59:59.25+01:00",
    }
    assert await moved(service.parts, company, as_lines(line)) == [TAKEN]
    state = (await service.parts.console.find_user("udo.user")).state
    assert (state.login, state.email, state.role) == ("Udo.User", "udo@acme.example", "auditor")
    assert (state.language, state.time_zone) == ("pt-BR", "America/Sao_Paulo")
    assert str(state.activation_at) == "2026-01-01 00:00:00+00:00"
    assert str(state.expiration_at) == "2999-12-31 22:59:59.250000+00:00"


async def test_a_hash_is_kept_as_it_is_and_raised_at_the_first_right_password(service: Service) -> None:
    company = await service.company()
    await moved(service.parts, company, as_lines({"login": "udo.user", "password_hash": HASH}))
    udo = await person(service.parts, "udo.user")
    (row,) = await service.parts.store.credentials(company, udo.user_id, [CredentialKind.PASSWORD])
    assert row.secret == HASH.encode()
    assert (await service.start(udo, "not this one")).status == 401
    await service.sign_in(udo)
    assert "PasswordRehashed" in await service.event_types(company)
    (row,) = await service.parts.store.credentials(company, udo.user_id, [CredentialKind.PASSWORD])
    assert row.secret != HASH.encode()


async def test_without_a_hash_there_is_no_password_until_an_administrator_sets_one(service: Service) -> None:
    company = await service.company()
    anna = await service.person(company, "anna.admin", "administrator", on=True)
    await moved(service.parts, company, as_lines({"login": "udo.user", "otpauth_uri": key_uri(KEY)}))
    udo = await person(service.parts, "udo.user", KEY)
    assert await service.parts.store.credentials(company, udo.user_id, [CredentialKind.PASSWORD]) == []
    for guess in ("", udo.password):
        assert (await service.start(udo, guess or "x")).status == 401
    await sound(service)
    token = await service.fresh_sign_in(anna)
    body = {"reason": "moved in", "password": udo.password}
    assert (await service.call("POST", f"/v1/users/{udo.user_id}/password", token, body)).status == 200
    await service.sign_in(udo)
    await sound(service)


@pytest.mark.parametrize("uri", [key_uri(KEY), key_uri(b"ten bytes!"), None])
async def test_a_closed_account_stays_closed(service: Service, uri: str | None) -> None:
    company = await service.company()
    line = {"login": "udo.user", "state": "deactivated", "otpauth_uri": uri, "password_hash": HASH}
    (verdict,) = await moved(service.parts, company, as_lines(line))
    assert verdict.outcome in (Outcome.TAKEN, Outcome.ENROLS)
    assert (await service.start(await person(service.parts, "udo.user"))).status == 401
    assert (await service.event_types(company))[-2:] == ["UserDeactivated", "SignInRefused"]
    await sound(service)


# Who is there already.


@pytest.fixture
def udo() -> dict[str, Any]:
    return {"login": "udo.user", "email": "udo@acme.example", "otpauth_uri": key_uri(KEY), "password_hash": HASH}


async def test_the_same_import_again_changes_nothing(service: Service, udo: dict[str, Any]) -> None:
    company = await service.company()
    weak = {"login": "ute.user", "otpauth_uri": key_uri(b"ten bytes!")}
    await moved(service.parts, company, as_lines(udo, weak, {"login": "uwe.user"}))
    before = await everything(service)
    again = await moved(service.parts, company, as_lines(udo, weak, {"login": "uwe.user"}))
    assert again == [THERE, THERE, THERE]
    assert await everything(service) == before


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ({"email": "another@acme.example"}, ("email",)),
        ({"email": None}, ("email",)),
        ({"login": "UDO.user"}, ("login",)),
        ({"role": "administrator", "language": "en"}, ("role", "language")),
        ({"time_zone": "UTC"}, ("time_zone",)),
        ({"activation_date": "2026-01-01T00:00:00Z"}, ("activation_date",)),
        ({"expiration_date": "2026-01-01T00:00:00Z"}, ("expiration_date",)),
    ],
)
async def test_who_is_there_with_other_data_is_reported_and_never_changed(
    service: Service, udo: dict[str, Any], change: dict[str, Any], columns: tuple[str, ...]
) -> None:
    company = await service.company()
    await moved(service.parts, company, as_lines(udo))
    before = await everything(service)
    assert await moved(service.parts, company, as_lines({**udo, **change})) == [refused(Why.OTHER_DATA, *columns)]
    assert await everything(service) == before


async def test_a_login_of_another_company_is_taken_whatever_its_spelling(service: Service, udo: dict[str, Any]) -> None:
    acme, beta = await service.company(), await service.company("Beta AG")
    await moved(service.parts, acme, as_lines(udo))
    before = await everything(service)
    for login in ("udo.user", "UDO.USER", "ｕdo.user"):
        assert await moved(service.parts, beta, as_lines({**udo, "login": login})) == [refused(Why.LOGIN_TAKEN)]
    assert await everything(service) == before


async def test_a_key_that_was_reset_since_does_not_come_back_with_the_file(
    service: Service, udo: dict[str, Any]
) -> None:
    """The phone was lost after the first import; the file still holds its key."""
    company = await service.company()
    await moved(service.parts, company, as_lines(udo))
    await service.parts.console.reset_key(await service.parts.console.find_user("udo.user"), "lost phone")
    before = await everything(service)
    assert await moved(service.parts, company, as_lines(udo)) == [THERE]
    assert await everything(service) == before
    assert (await service.start(await person(service.parts, "udo.user"))).json["status"] == "enrolment_required"


async def test_a_user_who_is_there_without_a_factor_gets_none_and_it_is_said(
    service: Service, udo: dict[str, Any]
) -> None:
    company = await service.company()
    await moved(service.parts, company, as_lines({**udo, "otpauth_uri": None}))
    before = await everything(service)
    assert await moved(service.parts, company, as_lines(udo)) == [Verdict(Outcome.ALREADY_THERE, Why.FACTOR_LEFT)]
    assert await everything(service) == before


async def test_of_two_lines_with_one_login_the_first_good_one_counts(service: Service) -> None:
    company = await service.company()
    lines = [
        {"login": "udo.user", "role": "no_such_role"},
        {"login": "udo.user", "password_hash": "no hash"},
        {"login": "udo.user", "email": "first@acme.example"},
        {"login": "udo.user", "email": "first@acme.example"},
        {"login": "UDO.user", "email": "second@acme.example"},
    ]
    expected = [
        refused(Why.UNKNOWN_ROLE),
        refused(Why.INVALID, "password_hash"),
        TAKEN,
        refused(Why.TWICE),
        refused(Why.TWICE),
    ]
    assert await moved(service.parts, company, as_lines(*lines), dry_run=True) == expected
    assert await moved(service.parts, company, as_lines(*lines)) == expected
    assert (await service.parts.console.find_user("udo.user")).state.email == "first@acme.example"


async def test_many_lines_are_told_in_their_order(service: Service) -> None:
    company = await service.company()
    lines = [{"login": f"u{n}", "role": "user" if n % 3 else "nobodys_role"} for n in range(100)]
    told = await moved(service.parts, company, as_lines(*lines))
    assert [verdict.outcome is Outcome.TAKEN for verdict in told] == [n % 3 != 0 for n in range(100)]
    await sound(service)


# Who may come in.


async def test_a_role_of_the_provider_does_not_exist_for_a_customer(service: Service) -> None:
    acme, provider = await service.company(), await service.company("Anbieter", provider=True)
    line = as_lines({"login": "otto", "role": "operator"})
    assert await moved(service.parts, acme, line) == [refused(Why.UNKNOWN_ROLE)]
    assert await moved(service.parts, provider, line) == [TAKEN]


async def test_a_company_that_does_not_exist_takes_nobody(service: Service) -> None:
    with pytest.raises(Refused) as raised:
        await moved(service.parts, UUID(int=1), as_lines({"login": "udo.user"}))
    assert raised.value.refusal is Refusal.NOT_FOUND


async def test_what_the_company_decides_in_the_middle_is_followed(service: Service) -> None:
    """Its state was read before; the append notices, and the order gets the new window."""
    company = await service.company()
    arrival = await service.parts.moving_in.begin(company, "import")
    await service.parts.console.change_policy(company, Policy(order_hours=5))
    udo = Newcomer(login="udo.user", otpauth_uri="none")
    assert (await service.parts.moving_in.take(arrival, udo)).outcome is Outcome.ENROLS
    state = (await service.parts.console.find_user("udo.user")).state
    assert state.order is not None
    assert (state.order.expires_at - service.clock.now()).total_seconds() == 5 * 3600


# The dry run.


async def test_a_dry_run_changes_nothing(service: Service, udo: dict[str, Any]) -> None:
    company = await service.company()
    before = await everything(service)
    weak = {"login": "ute.user", "otpauth_uri": "?"}
    told = await moved(service.parts, company, as_lines(udo, weak, udo), dry_run=True)
    assert told == [TAKEN, Verdict(Outcome.ENROLS, KeyFault.UNREADABLE), refused(Why.TWICE)]
    assert await everything(service) == before


# Secrets.


async def test_no_key_and_no_uri_stands_in_the_database_in_any_form(service: Service, worker: Worker) -> None:
    company, keys = await service.company(), [os.urandom(20) for _ in range(3)]
    weak = b"Kanarie 10"
    users: list[dict[str, Any]] = [
        {"login": f"u{n}", "email": f"u{n}@acme.example", "otpauth_uri": key_uri(key), "password_hash": HASH}
        for n, key in enumerate(keys)
    ]
    users += [{"login": "weak", "otpauth_uri": key_uri(weak)}, {"login": "bad", "otpauth_uri": "otpauth-kanarie"}]
    await moved(service.parts, company, as_lines(*users))
    await moved(service.parts, company, as_lines(*users))
    await worker.drain()
    await worker.project()
    dump = await full_dump(service.database, service.parts.wrapper)
    secrets = [*keys, weak, *(key_text(key).encode() for key in (*keys, weak)), b"otpauth"]
    assert dump.tables_with(*secrets) == set()
    assert dump.tables_with(HASH.encode()) == {"credential"}
    mails = b"".join(mail.as_bytes() for mail in worker.mails())
    assert all(secret not in mails for secret in secrets)


# Two wishes in one append.


async def test_where_the_second_wish_is_refused_nothing_of_the_first_is_recorded(service: Service) -> None:
    company, parts = await service.company(), service.parts
    version, state = await parts.store.company(company)
    tenant = Tenant(id=company, state=state, version=version)
    person_key, user_id = await parts.vault.new_person_key(), parts.entropy.uuid()
    now = service.clock.now()
    creation = commands.CreateUser(
        now=now,
        login="udo.user",
        email=None,
        role="user",
        language="de",
        time_zone="UTC",
        activation_at=None,
        expiration_at=None,
        has_password=False,
    )
    before = await everything(service)

    async def form(user: Any) -> Formed:
        return Formed(
            command=creation,
            acting=Acting(metadata=Metadata(actor=SYSTEM, request_id="one append")),
            then=(commands.DeactivateUser(now=now, reason=None), commands.ResetKey(now=now, reason=None)),
            claim_login="udo.user",
            person_key=person_key,
        )

    async def load() -> Any:
        raise AssertionError("nobody else was first")

    with pytest.raises(Refused) as raised:
        await parts.application.executor.run(nobody(tenant, user_id), load, form)
    assert raised.value.refusal is Refusal.NO_KEY
    assert await everything(service) == before
