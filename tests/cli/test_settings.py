"""Wrong settings stop a program at once, with all of them named and none of their values."""

from pathlib import Path

import pytest

from services.settings import SECRETS, SettingsError, from_environ
from tests.support.database import Database
from tests.support.processes import command, environment

PROGRAMS = [["serve"], ["migrate"], ["users", "list", "--company", "00000000-0000-4000-8000-000000000000"], ["work"]]


@pytest.mark.parametrize("words", PROGRAMS, ids=lambda words: words[0])
def test_an_unknown_variable_is_named(tmp_path: Path, words: list[str]) -> None:
    said = command(*words, "--data-dir", tmp_path / "d", env=environment(FACTORLOG_OTP_WINDOWS="hidden-value"))
    assert said.code == 2, said
    assert "FACTORLOG_OTP_WINDOWS: is not a setting" in said.err
    assert "hidden-value" not in said.err
    assert not (tmp_path / "d").exists()


def test_up_names_it_before_it_makes_anything(tmp_path: Path) -> None:
    said = command("up", "--data-dir", tmp_path / "d", env=environment(FACTORLOG_OTP_WINDOWS="9"))
    assert said.code == 2, said
    assert "FACTORLOG_OTP_WINDOWS: is not a setting" in said.err
    assert not (tmp_path / "d").exists()


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    env = environment(FACTORLOG_OTP_WINDOW="2", FACTORLOG_SESSION_HOURS="soon", FACTORLOG_NONSENSE="hidden-value")
    said = command("serve", "--data-dir", tmp_path, env=env)
    assert said.code == 2
    for name in ("FACTORLOG_OTP_WINDOW:", "FACTORLOG_SESSION_HOURS:", "FACTORLOG_NONSENSE:"):
        assert name in said.err
    assert "hidden-value" not in said.err


@pytest.mark.parametrize("public", [{}, {"FACTORLOG_PUBLIC_URL": "http://portal.example"}], ids=["none", "http"])
def test_listening_beyond_loopback_needs_an_https_address(database: Database, public: dict[str, str]) -> None:
    env = environment(FACTORLOG_DATABASE_URL=database.app_url, FACTORLOG_LISTEN="0.0.0.0:0", **public)
    said = command("serve", env=env)
    assert said.code == 2
    assert "PUBLIC_URL" in said.err
    assert "https" in said.err


def test_serve_and_work_refuse_the_owners_url(database: Database, tmp_path: Path) -> None:
    env = environment(FACTORLOG_DATABASE_URL=database.owner_url)
    for program in ("serve", "work"):
        said = command(program, "--data-dir", tmp_path, env=env)
        assert said.code == 1, said
        assert "DATABASE_URL is a role that may change the event log" in said.err
        assert "Traceback" not in said.err
        assert database.owner_url not in said.err


def test_a_database_that_is_away_is_told_and_another_code(tmp_path: Path) -> None:
    away = f"postgresql://nobody:nothing@/none?host={tmp_path}"
    said = command("serve", "--data-dir", tmp_path, env=environment(FACTORLOG_DATABASE_URL=away))
    assert said.code == 4, said
    assert "the database is not reachable" in said.err
    assert "nothing" not in said.err


@pytest.mark.parametrize("wrong", ["password", "database"])
def test_a_database_that_does_not_let_us_in_is_told(database: Database, tmp_path: Path, wrong: str) -> None:
    secret = database.app_url.split(":")[2].split("@")[0]
    here = database.app_url.split("@/")[1].split("?")[0]
    part = {"password": (f":{secret}@", ":another@"), "database": (f"/{here}?", "/nowhere?")}[wrong]
    env = environment(FACTORLOG_DATABASE_URL=database.app_url.replace(*part))
    said = command("serve", "--data-dir", tmp_path, env=env)
    assert said.code == 1, said
    assert "does not let this role in" in said.err
    assert secret not in said.err
    assert "Traceback" not in said.err


def test_every_secret_and_nothing_else_may_stand_in_a_file(tmp_path: Path) -> None:
    assert set(SECRETS) == {"database_url", "owner_database_url", "redis_url", "smtp_url", "aws_secret_access_key"}
    # A secret access key goes with its id, and with the wrapper that needs it.
    environ = {
        "FACTORLOG_KEY_WRAPPER": "aws",
        "FACTORLOG_AWS_KMS_KEY": "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "FACTORLOG_AWS_ACCESS_KEY_ID": "an id",
    }
    for name in SECRETS:
        (tmp_path / name).write_text(f"scheme:///of-{name}\n")
        environ[f"FACTORLOG_{name.upper()}_FILE"] = str(tmp_path / name)
    settings = from_environ(environ)
    assert [getattr(settings, name).get_secret_value() for name in SECRETS] == [
        f"scheme:///of-{name}" for name in SECRETS
    ]
    with pytest.raises(SettingsError, match="FACTORLOG_ISSUER_FILE: is not a setting"):
        from_environ({**environ, "FACTORLOG_ISSUER_FILE": str(tmp_path / "redis_url")})


def test_a_secret_given_twice_or_in_a_file_without_one_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "full").write_text("redis://:hidden-value@localhost")
    (tmp_path / "empty").write_text("\n")
    environ = {
        "FACTORLOG_DATABASE_URL": "postgresql://hidden-value@/factorlog",
        "FACTORLOG_DATABASE_URL_FILE": str(tmp_path / "full"),
        "FACTORLOG_REDIS_URL_FILE": str(tmp_path / "missing"),
        "FACTORLOG_SMTP_URL_FILE": str(tmp_path / "empty"),
    }
    with pytest.raises(SettingsError) as refused:
        from_environ(environ)
    assert str(refused.value).splitlines() == [
        "FACTORLOG_DATABASE_URL_FILE: FACTORLOG_DATABASE_URL is given as well",
        "FACTORLOG_REDIS_URL_FILE: the file cannot be read",
        "FACTORLOG_SMTP_URL_FILE: the file is empty",
    ]


def test_a_database_named_by_a_file_wins_over_the_data_directory(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(database.owner_url + "\n")
    env = environment(FACTORLOG_DATABASE_URL_FILE=str(file))
    said = command("serve", "--data-dir", tmp_path, env=env)
    assert said.code == 1, said
    assert "DATABASE_URL is a role that may change the event log" in said.err


def test_a_data_directory_where_nothing_was_ever_started_is_told(tmp_path: Path) -> None:
    said = command("serve", "--data-dir", tmp_path)
    assert said.code == 4
    assert "was never started" in said.err


@pytest.mark.parametrize(
    "content", [None, "A" * 43 + "=", "not base64", ""], ids=["missing", "zero", "broken", "empty"]
)
def test_c04_a_missing_or_worthless_key_stops_the_start(
    database: Database, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
        file.chmod(0o600)
    env = environment(FACTORLOG_DATABASE_URL=database.app_url, FACTORLOG_KEY_FILE=str(file))
    said = command("serve", "--data-dir", tmp_path, env=env)
    assert said.code == 1, said
    assert "key" in said.err
    assert "Traceback" not in said.err


def test_c04_a_key_that_others_may_read_stops_the_start(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("c29tZSB0aGlydHktdHdvIGJ5dGVzIG9mIGEga2V5ISE=")
    file.chmod(0o644)
    env = environment(FACTORLOG_DATABASE_URL=database.app_url, FACTORLOG_KEY_FILE=str(file))
    said = command("serve", "--data-dir", tmp_path, env=env)
    assert said.code == 1, said
    assert "0600" in said.err


def test_a_command_without_words_shows_help_and_a_wrong_one_is_a_usage_error() -> None:
    assert "up" in command("--help").out
    said = command("no-such-command")
    assert said.code == 2
    assert "no-such-command" in said.err
