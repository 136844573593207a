"""Keys, passwords and what must stand nowhere: requirements A-02, C-01 to C-06, O-13."""

import base64
import json
import logging
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import AsyncExitStack
from io import StringIO
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
import structlog

from events.credentials import CredentialKind
from services.adapters.key_file import EXAMPLE_KEY, KeyRefused, create_key_file, read_key_file
from services.adapters.key_wrapper import LocalKeyWrapper
from services.adapters.passwords import Argon2Passwords
from services.settings import SettingsError, from_environ
from tests.support.database import Database
from tests.support.dump import forms_of, full_dump, has_any
from tests.support.processes import command, environment, free_port
from tests.support.raw_http import header, send_raw
from tests.support.scene import scene_of
from tests.support.service import Another, Person, Reply, Service, running


async def user(service: Service, *, on: bool = True) -> Person:
    return await service.person(await service.company(), "udo.acme", on=on)


def raw_key(text: str) -> bytes:
    return base64.b32decode(text)


# C-01: keys of authenticators.


async def test_c01_no_key_stands_in_the_database_in_any_form(service: Service) -> None:
    udo = await user(service)
    token = await service.sign_in(udo)
    service.clock.advance(seconds=30)
    started = await service.call("POST", "/v1/me/two-factor/enrolment", token, {"code": service.code(udo)})
    assert udo.key is not None
    dump = await full_dump(service.database, service.parts.wrapper)
    for key in (udo.key, started.json["key"]):
        assert dump.tables_with(key.encode(), raw_key(key)) == set()
    kek = base64.b64decode(service.parts.settings.key_path.read_bytes())
    assert dump.tables_with(kek) == set()
    opened = [await service.parts.wrapper.unwrap(key) for key in await wrapped_keys(service)]
    assert len(opened) >= 3
    assert dump.tables_with(*opened) == set()


async def wrapped_keys(service: Service) -> list[bytes]:
    rows = await service.parts.pool.fetch(
        "SELECT wrapped FROM person_key UNION ALL SELECT wrapped FROM trace_key"
        " UNION ALL SELECT wrapped FROM installation_key"
    )
    return [row["wrapped"] for row in rows]


async def test_c07_no_nonce_comes_twice(service: Service) -> None:
    udo = await user(service)
    for _ in range(5):
        await service.fresh_sign_in(udo)
    nonces = [key[8:20] for key in await wrapped_keys(service)]
    for event in await service.events(udo.company_id):
        nonces += [base64.urlsafe_b64decode(box["box"])[:12] for box in event["sealed"].values()]
    rows = await service.parts.store.credentials(udo.company_id, udo.user_id, [CredentialKind.KEY])
    nonces += [row.secret[:12] for row in rows]
    assert len(nonces) >= 20
    assert len(set(nonces)) == len(nonces)


# C-02: a sealed key is bound to its user.


@pytest.mark.parametrize("also_the_data_key", [False, True])
async def test_c02_a_key_copied_from_another_user_opens_for_nobody(service: Service, also_the_data_key: bool) -> None:
    scene = await scene_of(service, "udo", "ben")
    udo, ben = scene["udo"], scene["ben"]
    owner = await asyncpg.connect(service.database.owner_url)
    copied = await owner.execute(
        "UPDATE credential SET secret = (SELECT secret FROM credential WHERE user_id = $1 AND kind = 'key')"
        " WHERE user_id = $2 AND kind = 'key'",
        udo.user_id,
        ben.user_id,
    )
    if also_the_data_key:
        await owner.execute(
            "UPDATE person_key SET wrapped = (SELECT wrapped FROM person_key WHERE user_id = $1) WHERE user_id = $2",
            udo.user_id,
            ben.user_id,
        )
    await owner.close()
    assert copied == "UPDATE 1"

    for code in (service.code(udo), service.code(ben)):
        refused = await service.give(await service.pending(ben), code)
        assert (refused.status, refused.code) == (401, "invalid_code")
    log = await service.events(ben.company_id)
    assert [e["data"]["result"] for e in log if e["type"] == "CodeRejected"] == ["unreadable"] * 2
    assert (await service.give(await service.pending(udo), service.code(udo))).status == 200
    state = (await scene.state("ben"))["state"]
    assert state.ladder.total == 0  # nobody guessed


async def test_c02_a_key_row_of_another_user_under_the_own_id_opens_for_nobody(service: Service) -> None:
    company = await service.company()
    udo = await service.person(company, "udo.acme", on=True)
    ute = await service.person(company, "ute.acme", on=True)
    owner = await asyncpg.connect(service.database.owner_url)
    await owner.execute("DELETE FROM credential WHERE user_id = $1 AND kind = 'key'", ute.user_id)
    await owner.execute(
        "UPDATE credential SET user_id = $1 WHERE user_id = $2 AND kind = 'key'", ute.user_id, udo.user_id
    )
    await owner.close()
    for person in (udo, ute):
        refused = await service.give(await service.pending(person), service.code(udo))
        assert (refused.status, refused.code) == (401, "invalid_code"), person.login


# C-04: the key-encryption key.

GOOD: Final = base64.b64encode(os.urandom(32))

BAD_KEYS: Final[dict[str, tuple[bytes | None, int]]] = {
    "missing": (None, 0o600),
    "empty": (b"", 0o600),
    "all zero": (base64.b64encode(bytes(32)), 0o600),
    "one byte over and over": (base64.b64encode(b"\xaa" * 32), 0o600),
    "the example": (base64.b64encode(EXAMPLE_KEY), 0o600),
    "too short": (base64.b64encode(os.urandom(16)), 0o600),
    "too long": (base64.b64encode(os.urandom(33)), 0o600),
    "no base64": (b"this is no key at all, is it? !!", 0o600),
    "raw bytes": (b"\xff" * 32, 0o600),
    "for the world to read": (base64.b64encode(os.urandom(32)), 0o644),
    "for the group to read": (base64.b64encode(os.urandom(32)), 0o640),
    "all zero in the second line": (GOOD + b"\n" + base64.b64encode(bytes(32)) + b"\n", 0o600),
    "the example in the second line": (GOOD + b"\n" + base64.b64encode(EXAMPLE_KEY), 0o600),
    "too short in the second line": (GOOD + b"\n" + base64.b64encode(os.urandom(31)), 0o600),
    "no base64 in the second line": (GOOD + b"\nold key: none", 0o600),
    "an empty line between two": (GOOD + b"\n\n" + base64.b64encode(os.urandom(32)), 0o600),
    "two in one line": (GOOD + b" " + base64.b64encode(os.urandom(32)), 0o600),
    "the same twice": (GOOD + b"\n" + base64.b64encode(os.urandom(32)) + b"\n" + GOOD, 0o600),
}


@pytest.mark.parametrize("kind", BAD_KEYS)
async def test_c04_a_bad_key_file_is_a_reason_not_to_start(database: Database, tmp_path: Path, kind: str) -> None:
    content, mode = BAD_KEYS[kind]
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    async with AsyncExitStack() as stack:
        with pytest.raises(KeyRefused) as refused:
            await stack.enter_async_context(running(database, tmp_path, key_file=file))
    assert str(file) in str(refused.value)
    assert not any(line in str(refused.value) for line in (content or b"").decode("latin-1").splitlines() if line)
    if content is None:
        assert not file.exists()  # a key that was named is not made up


def test_c04_the_program_says_what_is_wrong_with_the_key_and_ends(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(base64.b64encode(bytes(32)))
    file.chmod(0o600)
    env = environment(FACTORLOG_DATABASE_URL=database_url, FACTORLOG_KEY_FILE=str(file))
    said = command("serve", "--data-dir", tmp_path, "--port", str(free_port()), env=env)
    assert said.code != 0
    assert "zero or example key" in said.err
    assert "Traceback" not in said.err
    assert "ready" not in said.out


@pytest.fixture
def database_url(database: Database) -> str:
    return database.app_url


async def test_c04_a_made_key_is_random_and_for_its_owner_only(tmp_path: Path) -> None:
    files = [tmp_path / str(number) / "key" for number in range(5)]
    for file in files:
        create_key_file(file, os.urandom)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keys = {read_key_file(file) for file in files}
    assert len(keys) == 5
    before = files[0].read_bytes()
    create_key_file(files[0], os.urandom)
    assert files[0].read_bytes() == before


async def test_c04_with_another_valid_key_sign_ins_fail_closed(
    service: Service, database: Database, tmp_path: Path
) -> None:
    scene = await scene_of(service, "anna", "udo", "ute")
    token, pending = await scene.fresh("anna"), await service.pending(scene["udo"])
    before = await service.event_types(scene.companies["acme"])
    other_key = tmp_path / "other"
    create_key_file(other_key, os.urandom)
    async with running(database, tmp_path, service.clock, key_file=other_key) as swapped:
        udo = scene["udo"]
        refusals = [
            await swapped.start(udo),
            await swapped.start(scene["ute"]),
            await swapped.give(pending, service.code(udo)),
            await swapped.call(
                "POST", "/v1/sign-ins/current/recovery-code", pending, {"recovery_code": udo.recovery_codes[0]}
            ),
            await swapped.call("POST", "/v1/me/step-up", token, {"code": service.code(scene["anna"])}),
            await scene_act(swapped, scene["udo"], token),
            await swapped.call("POST", "/v1/users", token, {"login": "new.acme", "role": "user"}),
        ]
        for reply in refusals[:-1]:
            assert (reply.status, reply.code) == (503, "unavailable"), reply
            assert int(header(reply, "Retry-After") or 0) > 0
        assert refusals[-1].status == 503
        ready = await swapped.call("GET", "/readyz")
        assert (ready.status, ready.code) == (503, "unavailable")
        assert b"key" not in ready.raw
    assert await service.event_types(scene.companies["acme"]) == before
    assert (await service.give(pending, service.code(scene["udo"]))).status == 200


async def scene_act(service: Service, person: Person, token: str) -> Reply:
    path = f"/v1/users/{person.user_id}/two-factor/reset"
    return await service.call("POST", path, token, {"reason": "lost"})


async def test_c04_a_wrapped_key_that_was_changed_does_not_open(service: Service) -> None:
    udo = await user(service)
    owner = await asyncpg.connect(service.database.owner_url)
    await owner.execute("UPDATE person_key SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1)")
    await owner.close()
    pending = await service.start(udo)
    assert (pending.status, pending.code) == (503, "unavailable")


def test_c04_wrapping_is_bound_to_the_key(tmp_path: Path) -> None:
    create_key_file(tmp_path / "key", os.urandom)
    wrapper = LocalKeyWrapper(tmp_path / "key", os.urandom)
    assert "key" not in repr(wrapper).lower().replace("localkeywrapper", "").replace("key_wrapper", "")


# C-05: passwords.


def argon2(memory_kib: int = 19456, passes: int = 2) -> Argon2Passwords:
    return Argon2Passwords(memory_kib=memory_kib, passes=passes, lanes=1, cores=2)


async def stored_hash(service: Service, person: Person) -> str:
    rows = await service.parts.store.credentials(person.company_id, person.user_id, [CredentialKind.PASSWORD])
    assert len(rows) == 1
    return rows[0].secret.decode()


def test_c05_parameters_below_the_floor_are_no_settings() -> None:
    given = {"database_url": "postgresql://localhost/x"}
    for name, value in (("ARGON2_MEMORY_KIB", "19455"), ("ARGON2_PASSES", "1"), ("ARGON2_LANES", "0")):
        with pytest.raises(SettingsError, match=name):
            from_environ({f"FACTORLOG_{name}": value}, **given)
    settings = from_environ({}, **given)
    assert (settings.argon2_memory_kib, settings.argon2_passes, settings.argon2_lanes) == (19456, 2, 1)


async def test_c05_passwords_are_argon2id_and_rehashed_when_parameters_rise(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, None, argon2()) as service:
        udo = await user(service, on=False)
        assert (await stored_hash(service, udo)).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        first = await stored_hash(service, udo)
        await service.sign_in(udo)
        assert await stored_hash(service, udo) == first
        async with running(database, tmp_path, service.clock, argon2(24576, 3)) as raised:
            assert (await raised.start(udo, "wrong")).status == 401
            assert await stored_hash(service, udo) == first
            await raised.sign_in(udo)
            assert (await stored_hash(service, udo)).startswith("$argon2id$v=19$m=24576,t=3,p=1$")
            assert (await raised.start(udo)).status == 201
        assert (await service.start(udo)).status == 201
        assert (await service.event_types(udo.company_id)).count("PasswordRehashed") >= 1


async def test_c05_every_character_of_a_password_counts_as_it_was_given(service: Service) -> None:
    company = await service.company()
    letters = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich 🥊! "
    passwords = [
        (letters * 2)[:64],
        "x" * 71 + "a",
        "x" * 72 + "a",
        "x" * 73 + "a",
        "a" + "x" * 1023,
        "  spaces around  ",
        "Kennwort\twith\ttabs",
        unicodedata.normalize("NFD", "Käsekuchen"),
    ]
    wrong = [
        [(letters * 2)[:63], (letters * 2)[:65]],
        ["x" * 71 + "b", "x" * 71],
        ["x" * 72 + "b", "x" * 72],
        ["x" * 73 + "b", "x" * 73],
        ["a" + "x" * 1022],
        ["spaces around", "  spaces around "],
        ["Kennwort with tabs"],
        ["Käsekuchen", "KÄSEKUCHEN"],
    ]
    for number, password in enumerate(passwords):
        login = f"user.{number}"
        await service.parts.console.create_user(company, login=login, role="user", password=password)
        for given, status in [*((other, 401) for other in wrong[number]), (password, 201)]:
            body = {"login": login, "password": given}
            assert (await service.call("POST", "/v1/sign-ins", json=body)).status == status, (number, given)


async def test_c05_a_new_password_has_bounds_and_is_no_common_one(service: Service) -> None:
    udo = await user(service, on=False)
    token = await service.sign_in(udo)
    for new in ("1234567", "x" * 1025, "passwort", "PASSWORD", "udo.acme", "Acme GmbH"):
        body = {"old_password": udo.password, "new_password": new}
        refused = await service.call("POST", "/v1/me/password", token, body)
        assert (refused.status, refused.code) == (422, "validation_failed"), new
        assert new.encode() not in refused.raw
    assert (await service.start(udo)).status == 201


# C-06, O-13, A-02: the canary.

CANARY_PASSWORD: Final = "Kanarienvogel-Kennwort-4711"
CANARY_REASON: Final = "Kanarienvogel-Grund"
CANARY_AGENT: Final = "Kanarienvogel-Browser/1.0"
CANARY_NEW: Final = "Kanarienvogel-Neuwort-0815"


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Iterator[StringIO]:
    """Everything that is logged, at the lowest level and without the redaction that the program adds."""
    written = StringIO()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=repr),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(written),
        cache_logger_on_first_use=False,
    )
    caplog.set_level(logging.DEBUG)
    yield written
    structlog.reset_defaults()


def told(logs: StringIO, caplog: pytest.LogCaptureFixture) -> bytes:
    """Every log line, with tracebacks, of ours and of the libraries."""
    formatter = logging.Formatter("%(name)s %(message)s")
    return "\n".join([logs.getvalue(), *map(formatter.format, caplog.records)]).encode()


def stands_in(code: str, text: bytes) -> bool:
    """Is the code there, and not a part of some other number?"""
    return re.search(rb"(?<![0-9a-fA-F.])" + code.encode() + rb"(?![0-9a-fA-F])", text) is not None


class Run:
    """A run through good and failing requests; what was secret in it, and all that was answered."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.secrets: set[bytes] = {CANARY_PASSWORD.encode(), CANARY_NEW.encode()}
        self.codes: set[str] = set()
        self.problems: list[bytes] = []

    async def call(self, method: str, path: str, token: str | None = None, body: Any = None, **rest: Any) -> Reply:
        headers = {"User-Agent": CANARY_AGENT, **rest.pop("headers", {})}
        reply = await self.service.call(method, path, token, body, headers=headers, **rest)
        if reply.status >= 400:
            self.problems.append(reply.raw + str(reply.headers).encode())
        for name in ("token", "key", "generated_password", "recovery_codes"):
            value = reply.json.get(name) if isinstance(reply.json, dict) else None
            for secret in value if isinstance(value, list) else [value] if value else []:
                self.secrets.add(secret.encode())
        if isinstance(reply.json, dict) and "key" in reply.json:
            self.secrets.add(raw_key(reply.json["key"]))
        return reply

    def code(self, person: Person, steps: int = 0) -> str:
        code = self.service.code(person, steps)
        self.codes.add(code)
        return code


async def through_everything(run: Run) -> None:
    service = run.service
    scene = await scene_of(service, "anna")
    anna = scene["anna"]
    run.secrets |= {code.encode() for code in anna.recovery_codes} | {anna.password.encode()}
    token = await scene.fresh("anna")
    run.secrets.add(token.encode())
    made = await run.call(
        "POST", "/v1/users", token, {"login": "udo.acme", "role": "user", "password": CANARY_PASSWORD}
    )
    udo = Person("udo.acme", made.json["id"], anna.company_id, CANARY_PASSWORD)
    sign_in = {"login": "udo.acme", "password": CANARY_PASSWORD}
    session = (await run.call("POST", "/v1/sign-ins", None, sign_in)).json["token"]
    started = await run.call("POST", "/v1/me/two-factor/enrolment", session, {"password": CANARY_PASSWORD})
    udo.key = started.json["key"]
    path = "/v1/me/two-factor/enrolment/confirmation"
    udo.recovery_codes = (await run.call("POST", path, session, {"code": run.code(udo)})).json["recovery_codes"]
    for body in (
        {"code": run.code(udo)},
        {"code": run.code(udo, 7)},
        {"code": run.code(udo, 5) + "x"},
        {"code": int(run.code(udo, 6))},
        {"password": CANARY_PASSWORD, "code": run.code(udo, 1)},
        {"password": CANARY_PASSWORD},
        {"kennwort": CANARY_PASSWORD},
        {CANARY_PASSWORD: 1},
    ):
        await run.call("POST", "/v1/me/step-up", session, body)
    await run.call("POST", "/v1/sign-ins", None, {**sign_in, "password": CANARY_PASSWORD + "!"})
    await run.call("POST", "/v1/sign-ins", None, {**sign_in, "otp": run.code(udo, 9)})
    pending = (await run.call("POST", "/v1/sign-ins", None, sign_in)).json["token"]
    path = "/v1/sign-ins/current/recovery-code"
    await run.call("POST", path, pending, {"recovery_code": udo.recovery_codes[3] + "A"})
    await run.call("POST", path, pending, {"recovery_code": udo.recovery_codes[0]})
    await run.call("POST", path, pending, {"recovery_code": udo.recovery_codes[0]})
    service.clock.advance(seconds=60)
    changed = {"old_password": CANARY_PASSWORD, "new_password": CANARY_NEW}
    await run.call("POST", "/v1/me/password", session, changed, headers={"Idempotency-Key": "password"})
    await run.call("POST", "/v1/me/password", session, {**changed, "new_password": "short"})
    await run.call("GET", f"/v1/me?access_token={session}&code={run.code(udo, 3)}", session + "x")
    reason = {"reason": CANARY_REASON}
    token = await scene.fresh("anna")
    run.secrets.add(token.encode())
    path = f"/v1/users/{udo.user_id}"
    for rest in ("/two-factor/unlock", "/two-factor/reset", "/two-factor/reset", "/password", "/deactivate"):
        await run.call("POST", path + rest, token, reason, headers={"Idempotency-Key": rest})
    await run.call("POST", path + "/deactivate", token, {**reason, "unknown": CANARY_REASON})
    await run.call("GET", path, token)
    # Not HTTP at all, with a token in it.
    for line in (b"Authorization: Bearer " + token.encode() + b"\x00", b"X y: " + token.encode()):
        raw = await send_raw(service.url, b"GET /v1/me HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n")
        run.problems.append(raw.body + str(raw.headers).encode())


async def test_a02_o13_c06_no_secret_stands_in_log_event_effect_or_problem(
    service: Service, logs: StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(service)
    await through_everything(run)
    assert len(run.secrets) > 30
    assert len(run.problems) > 15
    dump = await full_dump(service.database, service.parts.wrapper)
    assert dump.tables_with(*run.secrets) == set()

    lines = told(logs, caplog)
    personal = (CANARY_REASON.encode(), CANARY_AGENT.encode())
    forms = [form for secret in (*run.secrets, *personal) for form in forms_of(secret)]
    assert not has_any(lines, forms)
    for text in run.problems:
        assert not has_any(text, forms)
    for table in ("event", "effect", "idempotency", "throttle", "login"):
        assert not has_any(b"\n".join(dump.tables[table]), forms), table
    clear = [json.dumps(event["data"]).encode() for event in await service.events(await company_of(service))]
    for code in run.codes:
        for text in (lines, *run.problems, *clear, *dump.opened, *dump.tables["effect"]):
            assert not stands_in(code, text), code


async def company_of(service: Service) -> Any:
    return await service.parts.pool.fetchval("SELECT company_id FROM user_state LIMIT 1")


FAULTS: Final = {
    "a table is gone": "ALTER TABLE known_address RENAME TO gone",
    "a session is refused": "ALTER TABLE credential ADD CONSTRAINT broken CHECK (kind <> 'session') NOT VALID",
    "a state is refused": "ALTER TABLE user_state ADD CONSTRAINT broken CHECK (version < 3) NOT VALID",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a02_what_goes_wrong_inside_is_logged_without_what_was_sent_or_stored(
    service: Service, logs: StringIO, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    company = await service.company()
    await service.parts.console.create_user(
        company, login="kanarienvogel", role="user", password=CANARY_PASSWORD, email="kanarienvogel@acme.example"
    )
    owner = await asyncpg.connect(service.database.owner_url)
    await owner.execute(FAULTS[fault])
    await owner.close()
    run = Run(service)
    body = {"login": "kanarienvogel", "password": CANARY_PASSWORD}
    answers = [await run.call("POST", "/v1/sign-ins", None, body) for _ in range(3)]
    assert 500 in {answer.status for answer in answers}
    lines = told(logs, caplog)
    assert b"unexpected_error" in lines
    assert b"asyncpg" in lines or b"Error" in lines
    for text in (lines, *run.problems):
        assert not has_any(text, [b"kanarienvogel", CANARY_PASSWORD.encode()])


async def test_c06_a_secret_in_a_data_class_does_not_show_itself(service: Service, another: Another) -> None:
    udo = await user(service)
    pending = await service.pending(udo)
    rows = await service.parts.store.credentials(udo.company_id, udo.user_id, list(CredentialKind))
    stored = await service.parts.store.user(udo.company_id, udo.user_id)
    shown = repr((rows, stored, service.parts.settings, service.database)).encode()
    assert udo.key is not None
    secrets = [row.secret for row in rows]
    assert not has_any(shown, [udo.key.encode(), pending.encode(), *(form for s in secrets for form in forms_of(s))])
    assert service.database.app_url.encode() not in shown
