"""`factorlog users export`: who is there and how protected; nothing that opens anything; safe in spreadsheets."""

import csv
import io
import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from events.company.policy import Policy
from services.application.moving import Outcome
from services.cli.user_files import Format
from services.cli.users_export import COLUMNS, users_of, writer
from tests.support.database import PostgresServer
from tests.support.dump import forms_of, has_any
from tests.support.movers import HASH, as_lines, key_uri, moved
from tests.support.processes import Installation, Said, command
from tests.support.service import Service, running

pytestmark = pytest.mark.xdist_group("two processes")

KEY: Final = bytes(range(100, 120))


def exporting(installation: Installation, company: str, *words: str | Path) -> Said:
    return command("users", "export", "--company", company, "--data-dir", installation.data_dir, *words)


def rows_of(text: str, delimiter: str = ",") -> dict[str, dict[str, str]]:
    return {row["login"]: row for row in csv.DictReader(io.StringIO(text), delimiter=delimiter)}


async def exported(service: Service, company: UUID, file_format: Format) -> str:
    stream = io.StringIO()
    write = writer(stream, file_format, ",")
    async for user in users_of(service.parts, company):
        write(user)
    return stream.getvalue()


@pytest.fixture
def acme(installation: Installation) -> str:
    return str(installation.user("anna.admin")["company_id"])


# The command.


def test_csv_has_a_line_for_each_user_of_the_company(installation: Installation, acme: str) -> None:
    said = exporting(installation, acme)
    assert said.code == 0, said
    found = rows_of(said.out)
    assert tuple(found["anna.admin"]) == COLUMNS
    assert found["anna.admin"]["two_factor"] == "on"
    assert found["anna.admin"]["enrolled_at"].endswith("Z")
    assert found["udo.user"]["two_factor"] == "off"
    assert not {"operator", "bea.admin", "ben.user"} & found.keys()


def test_json_lines_say_the_same(installation: Installation, acme: str) -> None:
    found = {
        row["login"]: row
        for row in map(json.loads, exporting(installation, acme, "--format", "jsonl").out.split("\n")[:-1])
    }
    sheet = rows_of(exporting(installation, acme).out)
    assert found.keys() == sheet.keys()
    assert {name: value or "" for name, value in found["anna.admin"].items()} == sheet["anna.admin"]
    assert found["udo.user"]["enrolled_at"] is None


def test_a_file_is_private_and_replaced_as_a_whole(installation: Installation, acme: str, tmp_path: Path) -> None:
    out = tmp_path / "users.csv"
    out.write_text("of yesterday")
    out.chmod(0o644)
    said = exporting(installation, acme, "--out", out)
    assert (said.code, said.out) == (0, ""), said
    assert out.stat().st_mode & 0o777 == 0o600
    assert "anna.admin" in rows_of(out.read_text())
    assert list(tmp_path.iterdir()) == [out]


def test_excel_gets_semicolons_and_a_byte_order_mark(installation: Installation, acme: str, tmp_path: Path) -> None:
    out = tmp_path / "users.csv"
    assert exporting(installation, acme, "--excel", "--out", out).code == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbflogin;email;")
    assert "anna.admin" in rows_of(out.read_text(encoding="utf-8-sig"), ";")
    assert exporting(installation, acme, "--excel").out.startswith("\ufefflogin;email;")


def test_what_cannot_be_exported_is_told(installation: Installation, acme: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert exporting(installation, acme, "--out", link).code == 2
    assert exporting(installation, acme, "--format", "jsonl", "--excel").code == 2
    nobody = exporting(installation, str(UUID(int=1)), "--out", tmp_path / "users.csv")
    assert nobody.code == 1
    assert "not found" in nobody.err
    assert not (tmp_path / "users.csv").exists()


async def test_an_exported_file_can_be_imported_where_it_comes_from(
    installation: Installation, acme: str, tmp_path: Path
) -> None:
    for name, words in {"a.csv": [], "b.csv": ["--excel"], "c.jsonl": ["--format", "jsonl"]}.items():
        out = tmp_path / name
        assert exporting(installation, acme, "--out", out, *words).code == 0
        said = command("users", "import", out, "--company", acme, "--data-dir", installation.data_dir, "--json")
        assert said.code == 0, said
        assert said.json["already_there"] == said.json["lines"] > 4


def test_no_secret_of_anybody_is_in_it(installation: Installation, acme: str) -> None:
    text = "".join(exporting(installation, acme, *words).out for words in ([], ["--format", "jsonl"])).encode()
    people = [user for user in installation.document["users"] if user["company_id"] == acme]
    secrets = [user[name].encode() for user in people for name in ("password", "totp_key") if user[name]]
    assert len(secrets) >= 9
    assert not has_any(text, [*(form for secret in secrets for form in forms_of(secret)), b"argon2", b"otpauth"])


# What is in it.


async def test_every_user_is_there_once_however_many_and_however_they_are_written(service: Service) -> None:
    """More than a page; upper case beyond ASCII is sorted by the database and not by Python."""
    company = await service.company()
    logins = [f"{letter}{n}" for letter in "ÜÄİZé" for n in range(75)] + [f"ü{n}x" for n in range(75)]
    await moved(service.parts, company, as_lines(*({"login": login} for login in logins)))
    found = [str(user["login"]) async for user in users_of(service.parts, company)]
    assert sorted(found) == sorted(logins)


async def test_the_state_is_the_effective_one(service: Service) -> None:
    company = await service.company()
    users: list[dict[str, Any]] = [
        {"login": "keyed", "otpauth_uri": key_uri(KEY)},
        {"login": "ordered", "otpauth_uri": "?"},
        {"login": "nothing"},
        {"login": "closed", "state": "deactivated"},
        {"login": "early", "activation_date": "2999-01-01T00:00:00Z"},
        {"login": "late", "expiration_date": "2001-01-01T00:00:00Z"},
    ]
    await moved(service.parts, company, as_lines(*users))
    found = rows_of(await exported(service, company, Format.CSV))
    states = {login: (row["state"], row["two_factor"], row["required_by"]) for login, row in found.items()}
    assert states == {
        "keyed": ("active", "on", ""),
        "ordered": ("active", "enrolment_required", "user"),
        "nothing": ("active", "off", ""),
        "closed": ("deactivated", "off", ""),
        "early": ("not_yet_active", "off", ""),
        "late": ("expired", "off", ""),
    }
    await service.parts.console.change_policy(company, Policy(requirement="required"))
    found = rows_of(await exported(service, company, Format.CSV))
    assert (found["nothing"]["two_factor"], found["nothing"]["required_by"]) == ("enrolment_required", "company")


@pytest.mark.parametrize("login", ["=1+1", "+49 30 1234", "-udo", "@sum", "'=1", "'t Hooft", '"a", b', "<script>;"])
async def test_a_login_is_no_formula_in_a_spreadsheet_and_comes_back_as_it_was(service: Service, login: str) -> None:
    """A-07."""
    company = await service.company()
    await moved(service.parts, company, as_lines({"login": login, "email": "=cmd@acme.example"}))
    content = await exported(service, company, Format.CSV)
    (row,) = list(csv.reader(io.StringIO(content)))[1:]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    (verdict,) = await moved(service.parts, company, content.encode(), file_format=Format.CSV)
    assert verdict.outcome is Outcome.ALREADY_THERE


@pytest.mark.parametrize("file_format", list(Format))
async def test_a_company_moves_to_another_installation_and_only_factors_and_passwords_stay_behind(
    service: Service, postgres_server: PostgresServer, tmp_path: Path, file_format: Format
) -> None:
    here = await service.company()
    users: list[dict[str, Any]] = [
        {"login": "keyed", "otpauth_uri": key_uri(KEY), "password_hash": HASH, "email": "k@acme.example"},
        {"login": "ordered", "otpauth_uri": "?", "role": "administrator", "language": "en"},
        {"login": "+49 30 1234", "expiration_date": "2999-01-01T00:00:00.123456Z", "time_zone": "UTC"},
        {"login": "closed", "state": "deactivated", "activation_date": "2026-01-01T12:00:00+02:00"},
    ]
    await moved(service.parts, here, as_lines(*users))
    content = await exported(service, here, file_format)
    (tmp_path / "there").mkdir()
    async with postgres_server.database() as database, running(database, tmp_path / "there", service.clock) as other:
        there = await other.company()
        verdicts = await moved(other.parts, there, content.encode(), file_format=file_format)
        assert sorted(verdict.outcome for verdict in verdicts) == ["enrols", "enrols", "taken", "taken"]
        again = await exported(other, there, Format.JSONL)
        assert await other.parts.pool.fetchval("SELECT count(*) FROM credential") == 0
    before = {row["login"]: row for row in map(json.loads, (await exported(service, here, Format.JSONL)).splitlines())}
    before["keyed"] |= {
        "two_factor": "enrolment_required",
        "required_by": "user",
        "enrolled_at": None,
        "last_used_at": None,
    }
    assert {row["login"]: row for row in map(json.loads, again.splitlines())} == before
