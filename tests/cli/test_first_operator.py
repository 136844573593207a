"""`factorlog first-operator`: where nobody is yet, somebody gets in; once."""

from pathlib import Path

from tests.support.database import Database
from tests.support.processes import command, environment


def test_the_first_operator_is_made_once_and_the_password_is_printed_and_not_logged(
    database: Database, tmp_path: Path
) -> None:
    env = environment(FACTORLOG_DATABASE_URL=database.app_url)
    first = command("first-operator", "--json", "--data-dir", tmp_path, env=env)
    assert first.code == 0, first
    assert set(first.json) == {"login", "password"}
    assert first.json["login"] == "operator"
    assert first.json["password"] not in first.err
    again = command("first-operator", "--data-dir", tmp_path, env=env)
    assert (again.code, again.out) == (1, "")
    assert "there is a user operator already" in again.err
