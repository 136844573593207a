"""`factorlog users import`: people of another system sign in as before, and nobody else does."""

import asyncio
import csv
import json
import os
import pty
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from events.totp import key_text
from services.adapters.key_wrapper import LocalKeyWrapper
from services.bootstrap import runtime
from services.cli.places import settings_for
from tests.support.database import Database
from tests.support.dump import forms_of, full_dump, has_any
from tests.support.movers import HASH, as_lines, key_uri
from tests.support.people import Account, Phone
from tests.support.processes import Installation, Said, command, environment, eventually, new_installation, spawn
from tests.support.service import PASSWORD
from tests.support.sizes import sized
from tests.support.soundness import flaws

pytestmark = pytest.mark.xdist_group("two processes")

KEY: Final = bytes(range(100, 120))
WEAK: Final = b"ten bytes!"


def importing(installation: Installation, company: str, file: Path, *words: str | Path, **more: Any) -> Said:
    return command("users", "import", file, "--company", company, "--data-dir", installation.data_dir, *words, **more)


def told(report: Path) -> list[dict[str, Any]]:
    """The lines of a report, as far as it is written."""
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


async def new_company(installation: Installation) -> str:
    async with runtime(settings_for(installation.data_dir)) as parts:
        return str(await parts.console.create_company(f"Moving in {uuid4().hex[:8]}"))


@pytest.fixture
async def company(installation: Installation) -> str:
    """A company of this test alone."""
    return await new_company(installation)


@pytest.fixture
def tag() -> str:
    """What makes logins this test's own."""
    return uuid4().hex[:10]


# People who move in.


async def test_a_user_signs_in_over_http_with_the_authenticator_of_before(
    installation: Installation, company: str, tag: str, tmp_path: Path
) -> None:
    file = tmp_path / "users.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as sheet:
        writer = csv.writer(sheet, delimiter=";")
        writer.writerow(["login", "email", "otpauth_uri", "password_hash"])
        writer.writerow([f"{tag}.udo", f"{tag}@acme.example", key_uri(KEY), HASH])
        writer.writerow([f"{tag}.ute", "", key_uri(WEAK), HASH])
    said = await asyncio.to_thread(importing, installation, company, file)
    assert said.code == 0, said
    assert "taken: 1\nalready there: 0\nenrols: 1\nrefused: 0\n" in said.out
    assert f"line 3, {tag}.ute: enrols, weak_key" in said.err
    async with installation.database() as database, installation.portal() as portal:
        step = await database.fetchval(
            "SELECT last_step FROM credential WHERE company_id = $1 AND kind = 'key'", UUID(company)
        )
        udo = Account(f"{tag}.udo", PASSWORD, "", company, Phone(key_text(KEY), spent=step))
        token = await portal.pending(udo)
        assert (await portal.give(token, udo.authenticator.at(step))).code == "invalid_code"
        assert (await portal.give(token, await udo.authenticator.code())).status == 200
        ute = Account(f"{tag}.ute", PASSWORD, "", company)
        assert (await portal.start(ute)).json["status"] == "enrolment_required"
        assert await flaws(database, installation.data_dir / "secrets" / "key") == []


def test_a_dry_run_reports_what_the_import_then_does(
    installation: Installation, company: str, tag: str, tmp_path: Path
) -> None:
    file, reports = tmp_path / "users.jsonl", [tmp_path / f"{n}.report" for n in range(3)]
    users: list[dict[str, Any]] = [
        {"login": f"{tag}.udo", "otpauth_uri": key_uri(KEY)},
        {"login": f"{tag}.ute", "otpauth_uri": key_uri(WEAK)},
        {"login": f"{tag}.UDO"},
        {"login": "anna.admin"},
        {"login": f"{tag}.uwe", "role": "nobodys_role"},
        {"login": f"{tag}.uli", "shoe_size": 43},
    ]
    file.write_bytes(as_lines(*users))
    words = ["--json", "--reason", "from the old portal"]
    dry = importing(installation, company, file, "--dry-run", *words, "--report", reports[0])
    done = importing(installation, company, file, *words, "--report", reports[1])
    again = importing(installation, company, file, *words, "--report", reports[2])
    assert (dry.code, done.code, again.code) == (1, 1, 1), (dry, done, again)
    assert dry.json == {"dry_run": True, "lines": 6, "taken": 1, "already_there": 0, "enrols": 1, "refused": 4}
    assert done.json == {**dry.json, "dry_run": False}
    assert again.json == {**done.json, "taken": 0, "enrols": 0, "already_there": 2}
    assert reports[0].read_bytes() == reports[1].read_bytes()
    assert reports[1].stat().st_mode & 0o777 == 0o600
    assert told(reports[1]) == [
        {"line": 1, "login": f"{tag}.udo", "outcome": "taken", "reason": None},
        {"line": 2, "login": f"{tag}.ute", "outcome": "enrols", "reason": "weak_key"},
        {"line": 3, "login": f"{tag}.UDO", "outcome": "refused", "reason": "twice_in_this_file"},
        {"line": 4, "login": "anna.admin", "outcome": "refused", "reason": "login_taken"},
        {"line": 5, "login": f"{tag}.uwe", "outcome": "refused", "reason": "unknown_role"},
        {"line": 6, "login": f"{tag}.uli", "outcome": "refused", "reason": "unknown_member"},
    ]
    assert [line["outcome"] for line in told(reports[2])][:2] == ["already_there"] * 2


async def test_a_dry_run_leaves_no_trace(installation: Installation, company: str, tag: str, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_bytes(as_lines({"login": f"{tag}.udo", "otpauth_uri": key_uri(KEY)}))
    said = await asyncio.to_thread(importing, installation, company, file, "--dry-run")
    assert said.code == 0, said
    assert "nothing was changed" in said.out
    async with installation.database() as database:
        assert await database.fetchval("SELECT position FROM company_log WHERE company_id = $1", UUID(company)) == 1
        assert await database.fetchval("SELECT count(*) FROM login WHERE company_id = $1", UUID(company)) == 0


# Files that nobody would wish for.


def test_bad_lines_are_told_and_the_good_ones_between_them_are_taken(
    installation: Installation, company: str, tag: str, tmp_path: Path
) -> None:
    file, report = tmp_path / "users.csv", tmp_path / "report"
    bad: dict[bytes, str] = {
        b"x" * 5_000_000: "line_too_long",
        b"," * 65_000: "wrong_number_of_columns",
        b"nul\0,": "nul_character",
        b"\xff\xfe,": "not_utf8",
        b'"un"quoted,': "not_a_row",
        b'"over\nlines",': "quote_not_closed_in_its_line",
        b",nobody@acme.example": "invalid: login",
        b"\x1b[31mred,": "invalid: login",
        f"{tag}.0,".encode(): "twice_in_this_file",
    }
    good = [f"{tag}.{n}" for n in range(len(bad))] + ["<script>alert(1)</script>", "=HYPERLINK(1)", "{{7*7}}"]
    good = [login if login.startswith(tag) else f"{login}{tag}" for login in good]
    lines = [b"login,email"]
    for login, line in zip(good, [*bad, b"", b"", b""], strict=True):
        lines += [f"{login},{tag}@acme.example".encode(), line]
    file.write_bytes(b"\n".join(lines))
    said = importing(installation, company, file, "--report", report, "--json")
    assert said.code == 1, said
    assert (said.json["taken"], said.json["refused"]) == (len(good), len(bad))
    assert [line["reason"] for line in told(report) if line["outcome"] == "refused"] == list(bad.values())
    assert [line["login"] for line in told(report) if line["outcome"] == "taken"] == good
    assert "\x1b" not in said.err + report.read_text()


@pytest.mark.parametrize(
    ("name", "content", "words", "text"),
    [
        ("users.csv", "geheim,geheim\n", [], "the first line has to name columns"),
        ("users.csv", "", [], "the first line has to name columns"),
        ("users.txt", "login\nudo", [], "--format"),
        ("users.csv", "login\nudo", ["--reason", " "], "a reason"),
        ("users.csv", "login\nudo", ["--reason", "x" * 501], "a reason"),
        ("users.csv", "login\nudo", ["--format", "xml"], "format"),
        ("users.csv", "login\nudo", ["--company", "acme"], "company"),
    ],
)
def test_what_cannot_be_begun_is_a_usage_error_and_takes_nobody(
    installation: Installation, company: str, tmp_path: Path, name: str, content: str, words: list[str], text: str
) -> None:
    file = tmp_path / name
    file.write_text(content)
    said = importing(installation, company, file, *words)
    assert said.code == 2, said
    assert text in said.err
    assert "geheim" not in said.out + said.err
    assert "Traceback" not in said.err


def test_a_report_replaces_neither_the_file_that_is_read_nor_a_link(
    installation: Installation, company: str, tmp_path: Path
) -> None:
    file, link, other = tmp_path / "users.csv", tmp_path / "link", tmp_path / "other"
    file.write_text("login\n")
    other.write_text("kept")
    link.symlink_to(other)
    for report in (file, link, tmp_path, tmp_path / "none" / "report"):
        said = importing(installation, company, file, "--report", report)
        assert said.code == 2, said
    assert (file.read_text(), other.read_text()) == ("login\n", "kept")


def test_a_company_that_does_not_exist_takes_nobody(installation: Installation, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("login\nudo.of.nobody\n")
    said = importing(installation, str(UUID(int=1)), file)
    assert said.code == 1, said
    assert "not found" in said.err


def test_a_pipe_serves_as_well_so_that_keys_need_not_lie_on_a_disk(
    installation: Installation, company: str, tag: str
) -> None:
    content = as_lines({"login": f"{tag}.udo", "otpauth_uri": key_uri(KEY)}).decode()
    said = importing(installation, company, Path("/dev/stdin"), "--format", "jsonl", given=content)
    assert said.code == 0, said
    assert "taken: 1" in said.out


def test_of_many_remarkable_lines_some_are_told_and_the_rest_counted(
    installation: Installation, company: str, tmp_path: Path
) -> None:
    file = tmp_path / "users.csv"
    file.write_text("login,role\n" + "udo,nobodys_role\n" * 25)
    said = importing(installation, company, file)
    assert said.code == 1, said
    assert said.err.count("refused, unknown_role") == 20
    assert "and 5 more: --report" in said.err


def test_a_terminal_shows_how_far_it_is(installation: Installation, company: str, tag: str, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_text("login\n" + "".join(f"{tag}.{n}\n" for n in range(300)))
    ours, theirs = pty.openpty()
    words = ("users", "import", file, "--company", company, "--data-dir", installation.data_dir)
    process = subprocess.Popen(
        [sys.executable, "-m", "services", *map(str, words)],
        env=environment(TERM="xterm", COLUMNS="100"),
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:
        pass  # the other end is closed
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 0, seen
    assert b"Importing" in seen
    assert b"Importing" not in out
    assert b"taken: 300" in out


@pytest.mark.parametrize("words", [["users"], ["users", "import"], ["users", "export"]])
def test_help_says_what_it_does(words: list[str]) -> None:
    said = command(*words, "--help")
    assert said.code == 0
    for name in {"users": ["import", "export"], "import": ["--dry-run", "moving-in.md"], "export": ["--excel"]}[
        words[-1]
    ]:
        assert name in said.out


# Secrets.


@pytest.fixture
def of_its_own() -> Iterator[Installation]:
    """A small one: every box of its log is tried with every key of everybody."""
    with new_installation() as made:
        made.start().wait_ready()
        yield made


async def test_no_key_uri_or_hash_stands_in_anything_that_is_said_written_or_logged(
    of_its_own: Installation, tag: str, tmp_path: Path
) -> None:
    """Good ones, bad ones, and ones in the wrong place: A-02, C-01."""
    installation, company = of_its_own, await new_company(of_its_own)
    keys = [os.urandom(20) for _ in range(4)]
    marked = f"Kanarienvogel{tag}"
    uris = [key_uri(key, f"&issuer={marked}") for key in keys]
    bad_hash, secret = f"$argon2id${marked}", f"{marked}-geheim"
    users: list[dict[str, Any]] = [
        {"login": f"{tag}.0", "otpauth_uri": key_uri(keys[0]), "password_hash": HASH},
        {"login": f"{tag}.1", "otpauth_uri": uris[1], "password_hash": bad_hash},
        {"login": f"{tag}.2", "otpauth_uri": key_uri(keys[2][:10]), "email": "none", "language": secret},
        {"login": f"{tag}.3", "otpauth_uri": secret},
        {"login": uris[3][:64], "otpauth_uri": key_uri(keys[3])},
        {"login": f"{tag}.4", "email": f"{uris[3]}@x"},
        {"login": f"{tag}.5", secret: uris[3]},
        {"login": f"{tag}.6", "password_hash": uris[2]},
    ]
    file, report = tmp_path / "users.jsonl", tmp_path / "report"
    file.write_bytes(as_lines(*users) + f'{{"login": "{tag}.7", "otpauth_uri": "{uris[1]}"'.encode())
    env = environment(FACTORLOG_LOG_LEVEL="debug")
    outputs = []
    for words in (["--dry-run"], [], ["--json"]):
        said = await asyncio.to_thread(importing, installation, company, file, *words, "--report", report, env=env)
        assert said.code == 1, said
        outputs += [said.out, said.err, report.read_text()]
    sheet = tmp_path / "users.csv"
    sheet.write_text(f"{secret},{HASH}\n{tag}.8,{uris[1]}\n")
    said = await asyncio.to_thread(importing, installation, company, sheet, env=env)
    assert said.code == 2
    outputs += [said.out, said.err, *(log.read_text() for log in installation.folder.glob("*.err"))]
    pieces = [form for key in keys for form in [*forms_of(key), *forms_of(key[:10])]]
    secrets = [*pieces, b"otpauth:", marked.encode(), HASH.encode(), HASH[-20:].encode()]
    assert not has_any("".join(outputs).encode(), secrets)

    wrapper = LocalKeyWrapper(installation.data_dir / "secrets" / "key", os.urandom)
    url = installation.document["database_url"]
    dump = await full_dump(Database(url, url), wrapper)
    assert dump.tables_with(*keys, *(key[:10] for key in keys), marked.encode(), b"otpauth:") == set()
    assert dump.tables_with(HASH.encode()) == {"credential"}


# An import that breaks off.


def _users(tag: str, count: int) -> list[dict[str, Any]]:
    """Keys, weak keys, none; some with a password hash."""
    uris = [key_uri(KEY), key_uri(WEAK), None]
    return [
        {"login": f"{tag}.{n}", "otpauth_uri": uris[n % 3], "password_hash": HASH if n % 2 else None}
        for n in range(count)
    ]


async def _end_state(installation: Installation, company: str) -> dict[str, tuple[bool, bool, bool]]:
    """login -> (key, order, password) as stored."""
    async with installation.database() as database:
        rows = await database.fetch(
            "SELECT doc ->> 'login' AS login, doc ? 'key' AS key, doc ? 'order' AS ordered,"
            " EXISTS (SELECT FROM credential c WHERE c.company_id = u.company_id AND c.user_id = u.stream_id"
            "  AND c.kind = 'password') AS password FROM user_state u WHERE company_id = $1",
            UUID(company),
        )
    return {row["login"]: (row["key"], row["ordered"], row["password"]) for row in rows}


def _expected(users: list[dict[str, Any]]) -> dict[str, tuple[bool, bool, bool]]:
    return {
        user["login"]: (
            user["otpauth_uri"] == key_uri(KEY),
            user["otpauth_uri"] == key_uri(WEAK),
            user["password_hash"] is not None,
        )
        for user in users
    }


@pytest.mark.timeout(600)
async def test_an_import_that_is_killed_goes_on_where_it_was_and_ends_as_if_nothing_had_happened(
    tmp_path: Path, tag: str
) -> None:
    """kill -9 of the import, then of Postgres under it."""
    users, file = _users(tag, sized(600, 6_000)), tmp_path / "users.jsonl"
    file.write_bytes(as_lines(*users))
    with new_installation() as installation:
        await installation.start().ready()
        company = await new_company(installation)
        words = ("users", "import", str(file), "--company", company, "--data-dir", str(installation.data_dir))
        done = 0
        for kill in range(3):
            report = tmp_path / f"report.{kill}"
            child = spawn(tmp_path, *words, "--report", report)
            wanted = done + random.randint(1, len(users) // 5)
            await eventually(lambda: len(told(report)) >= wanted, 60, "some lines")  # noqa: B023
            child.kill()
            state = await _end_state(installation, company)
            assert state.items() <= _expected(users).items()
            assert done < len(state) < len(users)
            done = len(state)

        child = spawn(tmp_path, *words, "--report", tmp_path / "report.x")
        wanted = done + 5
        await eventually(lambda: len(told(tmp_path / "report.x")) >= wanted, 60, "some lines")
        os.kill(installation.postgres_pid(), signal.SIGKILL)
        assert await child.ended() == 4, child.complaints
        said = [line for line in child.complaints.splitlines() if not line.startswith("{")]
        assert said[0].startswith("stopped behind line ")
        assert said[1:] == ["factorlog: the database is not reachable"]
        await eventually(installation.answers, 60, "Postgres is back")

        last = await asyncio.to_thread(importing, installation, company, file, "--json", "--report", tmp_path / "r")
        assert last.code == 0, last
        assert last.json["already_there"] >= done
        assert last.json["already_there"] + last.json["taken"] + last.json["enrols"] == len(users)
        assert await _end_state(installation, company) == _expected(users)
        checked = await asyncio.to_thread(command, "check", "--data-dir", installation.data_dir)
        assert checked.code == 0, checked
        connection = await asyncpg.connect(installation.document["database_url"])
        assert await flaws(connection, installation.data_dir / "secrets" / "key") == []
        await connection.close()
