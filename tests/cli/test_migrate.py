"""`factorlog migrate`: as the owner, once, and told what was done."""

from pathlib import Path

from tests.support.database import MIGRATIONS, Database
from tests.support.processes import command, environment


def test_it_applies_what_is_missing_and_then_nothing(empty_database: Database, tmp_path: Path) -> None:
    env = environment(FACTORLOG_OWNER_DATABASE_URL=empty_database.owner_url)
    first = command("migrate", "--data-dir", tmp_path, env=env)
    assert first.code == 0, first
    names = sorted(file.stem for file in MIGRATIONS.glob("*.sql"))
    assert first.out.splitlines() == [f"applied {name}" for name in names]
    again = command("migrate", "--data-dir", tmp_path, env=env)
    assert (again.code, again.out) == (0, "")


def test_the_restricted_role_cannot_do_it(empty_database: Database, tmp_path: Path) -> None:
    env = environment(FACTORLOG_OWNER_DATABASE_URL=empty_database.app_url)
    said = command("migrate", "--data-dir", tmp_path, env=env)
    assert said.code == 1, said
    assert "Traceback" not in said.err


def test_serve_on_a_database_without_schema_says_what_to_do(empty_database: Database, tmp_path: Path) -> None:
    env = environment(FACTORLOG_DATABASE_URL=empty_database.app_url)
    said = command("serve", "--data-dir", tmp_path, env=env)
    assert said.code == 1, said
    assert "factorlog migrate" in said.err


def test_an_owner_that_is_away_is_told(tmp_path: Path) -> None:
    env = environment(FACTORLOG_OWNER_DATABASE_URL=f"postgresql://nobody:nothing@/none?host={tmp_path}")
    said = command("migrate", "--data-dir", tmp_path, env=env)
    assert said.code == 4, said
    assert "nothing" not in said.err
    assert "Traceback" not in said.err
