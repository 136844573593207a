"""The company's log over HTTP: a client that trusts nothing but the key checks everything it is given."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from events.integrity.checkpoint import Checkpoint, checkpoint_of
from events.integrity.note import VerifierKey
from events.integrity.proof import Proof, root_of_inclusion
from events.integrity.tiles import hash_of, tile_in, tiles_for, tiles_of
from events.integrity.tree import Range, leaf_hash
from services.application.context import Request
from tests.support.database import Database, Pool
from tests.support.scene import REASON, Scene, scene_of
from tests.support.service import ManualClock, Reply, Service, running
from tests.workers.test_sealer import sealer_of
from workers.sealer import Sealer


async def sealed(service: Service, *names: str) -> Scene:
    scene = await scene_of(service, *names)
    await sealer_of(service).seal()
    return scene


async def checkpoint(service: Service, token: str) -> Checkpoint:
    key = await service.call("GET", "/v1/log/key", token)
    note = await service.call("GET", "/v1/log/checkpoint", token)
    assert note.headers["Content-Type"] == "text/plain; charset=utf-8"
    return checkpoint_of(note.raw.decode(), VerifierKey.parse(key.json["vkey"]))


async def test_the_tiles_make_the_root_and_the_entries_make_the_tiles(service: Service) -> None:
    scene = await sealed(service, "anna", "udo")
    token = await scene.fresh("anna")
    head = await checkpoint(service, token)
    tiles, entries = {}, []
    for tile in tiles_of(head.size):
        answer = await service.call("GET", f"/v1/log/{tile.path}", token)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/octet-stream")
        assert "immutable" in answer.headers["Cache-Control"]
        tiles[tile.level, tile.number] = answer.raw
        if tile.level == 0:
            entries += unbundled((await service.call("GET", f"/v1/log/{tile.entries_path}", token)).raw)
    assert (
        hash_of(Range(0, head.size), {place: tiles[place] for place in tiles_for([Range(0, head.size)])}) == head.root
    )
    assert b"".join(map(leaf_hash, entries)) == b"".join(tiles[0, number] for number in range(-(-head.size // 256)))


def unbundled(bundle: bytes) -> list[bytes]:
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return entries


async def test_each_entry_has_a_proof_that_carries_it(service: Service) -> None:
    scene = await sealed(service, "anna", "udo")
    token = await scene.fresh("anna")
    head = await checkpoint(service, token)
    for position in (1, head.size // 2, head.size):
        answer = await service.call("GET", f"/v1/events/{position}/proof", token)
        proof = Proof.parse(answer.raw.decode())
        root = root_of_inclusion(leaf_hash(proof.entry), proof.index, head.size, proof.hashes)
        assert (proof.index, root) == (position - 1, head.root)
        assert f'"position":{position},'.encode() in proof.entry


@pytest.mark.parametrize(
    "path",
    [
        "log/tile/0/001",
        "log/tile/1/000.p/1",
        "log/tile/0/000.p/255",
        "log/tile/64/000",
        "log/tile/0/x000/000",
        "log/tile/0/0",
        "log/tile/0/000.p/0",
        "log/tile/-1/000",
        "log/tile/entries/999",
        "log/tile/entries/000.p/256",
        "events/0/proof",
        "events/x/proof",
        "events/99999/proof",
        "events/999999999999999999999/proof",
    ],
)
async def test_what_no_checkpoint_covers_does_not_exist(service: Service, path: str) -> None:
    scene = await sealed(service, "anna")
    answer = await service.call("GET", f"/v1/{path}", await scene.fresh("anna"))
    assert (answer.status, answer.code) == (404, "not_found")


async def test_what_is_newer_than_the_checkpoint_is_not_handed_out(service: Service) -> None:
    scene = await sealed(service, "anna", "udo")
    token = await scene.fresh("anna")
    head = await checkpoint(service, token)
    facts = len(await service.events(scene.companies["acme"]))
    assert facts > head.size
    tile = tile_in(facts, 0, 0)
    assert tile is not None
    assert (await service.call("GET", f"/v1/log/{tile.entries_path}", token)).status == 404
    assert (await service.call("GET", f"/v1/events/{facts}/proof", token)).status == 404


async def test_each_company_has_a_log_of_its_own_and_the_provider_reads_any(service: Service) -> None:
    scene = await sealed(service, "anna", "bea", "otto")
    anna, bea, otto = [await scene.fresh(name) for name in ("anna", "bea", "otto")]
    own, other = await checkpoint(service, anna), await checkpoint(service, bea)
    assert own.origin != other.origin
    acme = scene.companies["acme"]
    served = await service.call("GET", f"/v1/companies/{acme}/log/checkpoint", otto)
    assert served.raw == (await service.call("GET", "/v1/log/checkpoint", anna)).raw
    assert (await service.call("GET", f"/v1/companies/{acme}/log/checkpoint", bea)).status == 403


async def test_entries_that_are_not_what_was_signed_are_not_called_sound(service: Service, owner_pool: Pool) -> None:
    scene = await sealed(service, "anna", "udo")
    company = scene.companies["acme"]
    token = await scene.fresh("anna")
    caller = await service.parts.application.authentication.caller(
        token, Request(id="", arrived_at=service.clock.now())
    )
    assert caller is not None
    look = service.parts.application.transparency.look
    size = (await checkpoint(service, token)).size
    found = await look(caller, [1, 2, size, size + 1])
    assert (found.sound, found.entries, found.uncovered) == (True, 3, 1)
    async with owner_pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        changed = (
            "UPDATE event SET entry = overlay(entry placing 'x'::bytea from 100) WHERE company_id = $1 AND position = 2"
        )
        await connection.execute(changed, company)
    assert (await look(caller, [1, 3, size])).sound
    assert not (await look(caller, [1, 2, 3])).sound
    async with owner_pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute("DELETE FROM event WHERE company_id = $1 AND position = 2", company)
    assert not (await look(caller, [1, 2, 3])).sound
    # An auditor's program is told that it cannot be answered, not that it was.
    assert (await service.call("GET", "/v1/events/2/proof", token)).status == 503


# ?receipt=wait


class SealingClock(ManualClock):
    """While somebody waits, the sealer comes by."""

    sealer: Sealer | None = None

    async def sleep_until(self, at: datetime) -> None:
        if self.sealer is not None:
            await self.sealer.seal()


@pytest_asyncio.fixture
async def sealing(database: Database, tmp_path: Path) -> AsyncIterator[Service]:
    """A service with a sealer beside it."""
    clock = SealingClock()
    async with running(database, tmp_path, clock) as service:
        clock.sealer = sealer_of(service)
        yield service


async def with_receipt(service: Service, scene: Scene, method: str, path: str, body: object = None) -> Reply:
    return await service.call(method, f"{path}?receipt=wait", await scene.fresh("anna"), body)


async def covered(service: Service, scene: Scene, reply: Reply) -> dict[str, Any]:
    """The fact that the receipt names, proved under its checkpoint."""
    receipt = reply.json["receipt"]
    company: UUID = scene.companies["acme"]
    key = await service.parts.signer.verifier_key(f"factorlog.example/log/{company}")
    assert checkpoint_of(receipt["checkpoint"], key).size >= receipt["position"]
    fact: dict[str, Any] = (await service.events(company))[receipt["position"] - 1]
    return fact


async def test_an_act_can_wait_until_a_checkpoint_covers_it(sealing: Service) -> None:
    scene = await scene_of(sealing, "anna", "udo")
    done = await with_receipt(sealing, scene, "POST", scene.path("udo", "/two-factor/reset"), REASON)
    assert (done.status, done.json["state"]) == (200, "enrolment_required")
    fact = await covered(sealing, scene, done)
    assert (fact["type"], fact["request_id"]) == ("KeyReset", done.headers["X-Request-ID"])


async def test_an_act_without_an_answer_answers_with_its_receipt(sealing: Service) -> None:
    scene = await scene_of(sealing, "anna", "udo")
    done = await with_receipt(sealing, scene, "DELETE", scene.path("udo"))
    assert (done.status, set(done.json)) == (200, {"receipt"})
    assert (await covered(sealing, scene, done))["type"] == "UserErased"


async def test_without_a_sealer_the_act_is_done_and_its_receipt_is_null(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    done = await service.call("POST", scene.path("udo", "/two-factor/reset") + "?receipt=wait", token, REASON)
    assert (done.status, done.json["receipt"]) == (200, None)
    assert "KeyReset" in await service.event_types(scene.companies["acme"])


async def test_a_refused_act_has_no_receipt(service: Service) -> None:
    scene = await scene_of(service, "anna", "ute")
    refused = await with_receipt(service, scene, "POST", scene.path("ute", "/two-factor/reset"), REASON)
    assert (refused.status, refused.code) == (409, "no_key")
    assert "receipt" not in refused.json
