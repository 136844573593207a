"""The whole service with its keys in Vault or KMS: sign-ins, a rotation by the command, and a server that is away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.wrappers import AwsKeys, VaultKeys, aws_keys, vault_keys
from tests.support.database import Database
from tests.support.key_services import Mood
from tests.support.processes import Said, command, environment
from tests.support.service import Person, Service, running


@dataclass
class Place:
    """An installation whose keys are elsewhere."""

    keys: VaultKeys | AwsKeys
    database: Database
    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        if isinstance(self.keys, VaultKeys):
            return {
                "key_wrapper": "vault",
                "vault_address": self.keys.server.url,
                "vault_token_file": str(self.keys.token_file),
            }
        return {
            "key_wrapper": "aws",
            "aws_kms_key": self.keys.arns[0],
            "aws_kms_old_keys": ",".join(self.keys.arns[1:]),
            "aws_kms_endpoint": self.keys.server.url,
            "aws_access_key_id": "AKIAEXAMPLE",
            "aws_secret_access_key": "an access key of the tests",
        }

    def command(self, *words: str) -> "asyncio.Task[Said]":
        """`factorlog keys …` with this installation's settings."""
        given = {f"FACTORLOG_{name.upper()}": value for name, value in self.settings.items() if value}
        env = environment(FACTORLOG_DATABASE_URL=self.database.app_url, FACTORLOG_DATA_DIR=str(self.folder), **given)
        return asyncio.create_task(asyncio.to_thread(command, "keys", *words, "--json", env=env))


@pytest_asyncio.fixture(params=["vault", "aws"])
async def place(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "vault":
        async with vault_keys(tmp_path) as vault:
            vault.of("factorlog")
            yield Place(vault, database, tmp_path)
    else:
        async with aws_keys() as aws:
            yield Place(aws, database, tmp_path)


async def ids(place: Place) -> dict[str, int]:
    """Key and how many data keys are under it."""
    said = await place.command("status")
    assert said.code == 0, said
    return {key["id"]: sum(key["data_keys"].values()) for key in said.json["keys"]}


async def test_people_sign_in_and_no_key_file_is_made(place: Place) -> None:
    async with running(place.database, place.folder, **place.settings) as service:
        udo = await service.person(await service.company(), "udo.acme", on=True)
        await service.fresh_sign_in(udo)
    assert not (place.folder / "secrets" / "key").exists()


async def test_a_newer_key_takes_over_by_the_same_command_while_people_sign_in(place: Place) -> None:
    async with running(place.database, place.folder, **place.settings) as service:
        udo = await service.person(await service.company(), "udo.acme", on=True)
        before = await ids(place)
        await place.keys.renew()
        rotating = place.command("rotate")
        while not rotating.done():
            await sign_in_somewhere(place, service, udo)
        rotated = await rotating
        assert rotated.code == 0, rotated
        assert rotated.json["is_new"] is False
        after = await ids(place)
        assert after == {rotated.json["key_id"]: sum(before.values())}
        assert before.keys().isdisjoint(after)
        refused = await place.command("drop-old")
        assert refused.code == 1, refused
        assert "Vault or KMS" in refused.err


async def sign_in_somewhere(place: Place, service: Service, person: Person) -> None:
    """With KMS a process learns of a newer key by its settings: that is a restart."""
    if isinstance(place.keys, VaultKeys):
        await service.fresh_sign_in(person)
        return
    async with running(place.database, place.folder, service.clock, **place.settings) as restarted:
        await restarted.fresh_sign_in(person)


async def test_without_the_server_sign_ins_fail_closed_and_go_on_when_it_is_back(place: Place) -> None:
    async with running(place.database, place.folder, **place.settings) as service:
        udo = await service.person(await service.company(), "udo.acme", on=True)
        await service.fresh_sign_in(udo)
        before = await service.event_types(udo.company_id)
        place.keys.server.mood = Mood.SICK
        refused = await service.start(udo)
        assert (refused.status, refused.code) == (503, "unavailable")
        ready = await service.call("GET", "/readyz")
        assert ready.status == 503
        assert await service.event_types(udo.company_id) == before
        rotated = await place.command("rotate")
        assert rotated.code == 4, rotated
        place.keys.server.mood = Mood.WELL
        await service.fresh_sign_in(udo)
