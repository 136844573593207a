"""`factorlog keys …` and the settings of key wrappers: readable for people and for programs, and never a key."""

import asyncio
import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from services.adapters.key_file import create_key_file, read_key_file
from services.settings import SettingsError, from_environ
from tests.support.database import Database
from tests.support.dump import forms_of, has_any
from tests.support.processes import Said, command, environment
from tests.support.service import Service

ARN: Final = "arn:aws:kms:eu-central-1:111122223333:key/1111-2222"


async def keys(service: Service, *words: str) -> Said:
    env = environment(
        FACTORLOG_DATABASE_URL=service.database.app_url,
        FACTORLOG_DATA_DIR=str(service.parts.settings.data_dir),
    )
    return await asyncio.to_thread(command, "keys", *words, env=env)


def key_file(service: Service) -> Path:
    return service.parts.settings.key_path


async def test_status_counts_the_data_keys_under_each_key(service: Service) -> None:
    await service.person(await service.company(), "udo.acme")
    said = await keys(service, "status", "--json")
    assert said.code == 0, said
    (only,) = said.json["keys"]
    assert only == {
        "id": service.parts.wrapper.key_id(await service.parts.wrapper.wrap(bytes(32))),
        "is_current": True,
        "is_in_file": True,
        "data_keys": {"person": 1, "month": 0, "installation": 0},
    }


async def test_what_is_printed_for_people_says_what_was_done_and_shows_no_key(service: Service) -> None:
    await service.person(await service.company(), "udo.acme")
    wrapped = await service.parts.pool.fetchval("SELECT wrapped FROM person_key")
    data_key = await service.parts.wrapper.unwrap(wrapped)
    rotated = await keys(service, "rotate")
    assert (rotated.code, rotated.err) == (0, "")
    assert ", new" in rotated.out
    assert "re-wrapped: 1 of persons, 0 of months, 0 of the installation" in rotated.out
    status = await keys(service, "status")
    assert status.code == 0, status
    assert [word in status.out for word in ("current", "older", "persons")] == [True] * 3
    printed = (rotated.out + status.out).encode()
    assert not any(has_any(printed, forms_of(key)) for key in (data_key, *read_key_file(key_file(service))))


async def test_a_key_of_the_data_that_the_file_does_not_have_is_named(service: Service, tmp_path: Path) -> None:
    await service.person(await service.company(), "udo.acme")
    before = service.parts.wrapper.key_id(await service.parts.wrapper.wrap(bytes(32)))
    key_file(service).unlink()
    create_key_file(key_file(service), os.urandom)
    found = {key["id"]: key for key in (await keys(service, "status", "--json")).json["keys"]}
    assert found[before]["is_in_file"] is False
    assert found[before]["data_keys"]["person"] == 1
    refused = await keys(service, "rotate")
    assert refused.code == 4, refused
    assert "key-encryption key" in refused.err
    assert len(read_key_file(key_file(service))) == 1


async def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_rewrapped(service: Service) -> None:
    await service.person(await service.company(), "udo.acme")
    file = key_file(service)
    before, rows = file.read_bytes(), await service.parts.pool.fetch("SELECT * FROM person_key")
    file.with_name("key.new").mkdir()
    said = await keys(service, "rotate")
    assert said.code == 1, said
    assert "cannot be replaced" in said.err
    assert "Traceback" not in said.err
    assert file.read_bytes() == before
    assert await service.parts.pool.fetch("SELECT * FROM person_key") == rows


async def test_without_older_keys_there_is_nothing_to_drop(service: Service) -> None:
    said = await keys(service, "drop-old", "--json")
    assert (said.code, said.json) == (0, {"dropped": []})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_a_rotation_by_root_leaves_the_file_to_the_services_user(service: Service) -> None:
    await service.person(await service.company(), "udo.acme")
    os.chown(key_file(service), 65534, 65534)
    said = await keys(service, "rotate")
    assert said.code == 0, said
    found = key_file(service).stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65534, 65534, 0o600)


# Settings of wrappers.


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"key_wrapper": "hsm"}, "KEY_WRAPPER"),
        ({"key_wrapper": "vault"}, "VAULT_ADDRESS is needed"),
        ({"key_wrapper": "vault", "vault_address": "https://vault.example"}, "VAULT_TOKEN_FILE is needed"),
        ({"key_wrapper": "aws"}, "AWS_KMS_KEY is needed"),
        ({"vault_address": "https://vault.example"}, "VAULT_ADDRESS is set, and KEY_WRAPPER is file"),
        ({"aws_kms_key": ARN}, "AWS_KMS_KEY is set, and KEY_WRAPPER is file"),
        ({"key_wrapper": "vault", "vault_address": "http://vault.example"}, "https"),
        ({"key_wrapper": "vault", "vault_address": "https://user:word@vault.example"}, "without a user"),
        ({"key_wrapper": "vault", "vault_address": "vault.example:8200"}, "https"),
        ({"key_wrapper": "aws", "aws_kms_key": "alias/factorlog"}, "AWS_KMS_KEY"),
        ({"key_wrapper": "aws", "aws_kms_key": ARN, "aws_kms_endpoint": "http://kms.example"}, "https"),
        ({"key_wrapper": "aws", "aws_kms_key": ARN, "aws_access_key_id": "AKIA"}, "go together"),
        ({"key_wrapper": "aws", "aws_kms_key": ARN, "aws_kms_old_keys": ARN.replace("eu-", "us-")}, "region"),
    ],
)
def test_a_wrapper_that_lacks_something_is_refused_with_its_name(given: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as refused:
        from_environ({}, database_url="postgresql://localhost/x", **given)
    assert "word" not in str(refused.value)


def test_old_keys_are_given_by_commas() -> None:
    settings = from_environ(
        {"FACTORLOG_AWS_KMS_OLD_KEYS": f"{ARN}a, {ARN}b"},
        database_url="postgresql://localhost/x",
        key_wrapper="aws",
        aws_kms_key=ARN,
    )
    assert settings.aws_kms_old_keys == (f"{ARN}a", f"{ARN}b")


@pytest.mark.parametrize(("wrapper", "module"), [("vault", "hvac"), ("aws", "boto3")])
def test_a_wrapper_whose_extra_is_not_installed_says_how_to_get_it(
    database: Database, tmp_path: Path, wrapper: str, module: str
) -> None:
    given = {
        "vault": {
            "FACTORLOG_VAULT_ADDRESS": "https://vault.example",
            "FACTORLOG_VAULT_TOKEN_FILE": str(tmp_path / "token"),
        },
        "aws": {"FACTORLOG_AWS_KMS_KEY": ARN},
    }[wrapper]
    env = environment(FACTORLOG_DATABASE_URL=database.app_url, FACTORLOG_KEY_WRAPPER=wrapper, **given)
    program = f"import sys; sys.modules[{module!r}] = None; from services.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "serve"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done
    assert f"factorlog[{wrapper}]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["hvac", "boto3", "botocore", "requests"])
def test_the_key_file_needs_none_of_the_extras(module: str) -> None:
    program = f"import sys; import services.cli.main, workers.main; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_token_file_that_is_missing_ends_the_start(database: Database, tmp_path: Path) -> None:
    env = environment(
        FACTORLOG_DATABASE_URL=database.app_url,
        FACTORLOG_KEY_WRAPPER="vault",
        FACTORLOG_VAULT_ADDRESS="https://vault.example",
        FACTORLOG_VAULT_TOKEN_FILE=str(tmp_path / "token"),
    )
    said = command("serve", env=env)
    assert said.code == 1, said
    assert str(tmp_path / "token") in said.err


def test_a_secret_access_key_is_not_shown() -> None:
    secret = base64.b64encode(os.urandom(30)).decode()
    settings = from_environ(
        {},
        database_url="postgresql://localhost/x",
        key_wrapper="aws",
        aws_kms_key=ARN,
        aws_access_key_id="AKIA",
        aws_secret_access_key=secret,
    )
    assert secret not in repr(settings)
