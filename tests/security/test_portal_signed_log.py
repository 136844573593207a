"""The signed log on the audit page: the newest checkpoint, a look at once, and what an outsider takes along."""

import json

import asyncpg

from events.integrity.checkpoint import checkpoint_of
from events.integrity.note import VerifierKey
from tests.support.acme import Acme, SignedIn
from tests.support.database import Connection
from tests.workers.test_sealer import sealer_of
from workers.projector import Projector


async def sealed(acme: Acme) -> None:
    await Projector(acme.service.parts.pool, acme.service.parts.wrapper).project()
    await sealer_of(acme.service).seal()


async def test_before_the_first_checkpoint_it_says_so(acme: Acme, signed_in: SignedIn) -> None:
    page = await (await signed_in(acme.anna)).get("/audit")
    assert page.status == 200
    assert "Noch ist nichts signiert." in page.text
    assert "verify=now" not in page.text


async def test_the_entries_of_a_page_are_verified_at_a_click(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    await sealed(acme)
    page = await anna.get("/audit")
    assert "Einträge unter der neuesten Signatur" in page.text
    assert 'href="/audit?verify=now#signed"' in page.text
    looked = await anna.get("/audit?verify=now")
    assert "Bestätigt: " in looked.text
    assert "NICHT BESTÄTIGT" not in looked.text


async def test_a_changed_entry_is_told_with_an_alarm(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    await sealed(acme)
    company = acme.anna.company_id
    owner: Connection = await asyncpg.connect(acme.service.database.owner_url)
    try:
        await owner.execute("SET session_replication_role = replica")
        said = json.loads(
            await owner.fetchval("SELECT entry FROM event WHERE company_id = $1 AND position = 2", company)
        )
        changed = json.dumps({**said, "request_id": "another"}, separators=(",", ":")).encode()
        await owner.execute("UPDATE event SET entry = $2 WHERE company_id = $1 AND position = 2", company, changed)
    finally:
        await owner.close()
    page = await anna.get("/audit?verify=now")
    assert "NICHT BESTÄTIGT" in page.text
    assert 'role="alert"' in page.text


async def test_checkpoint_and_key_are_taken_along_and_fit(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    await sealed(acme)
    note, key = await anna.get("/audit/checkpoint"), await anna.get("/audit/key")
    assert note.headers["Content-Disposition"].startswith("attachment")
    assert str(acme.anna.company_id) in checkpoint_of(note.text, VerifierKey.parse(key.text)).origin


async def test_who_may_not_see_the_log_gets_neither(acme: Acme, signed_in: SignedIn) -> None:
    await sealed(acme)
    uta = await signed_in(acme.uta)
    for path in ("/audit", "/audit?verify=now", "/audit/checkpoint", "/audit/key"):
        assert (await uta.get(path)).status == 403, path


async def test_without_a_checkpoint_there_is_none_to_take_along(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    assert (await anna.get("/audit/checkpoint")).status == 404


async def test_an_entry_that_cannot_be_read_any_more_hides_no_other(acme: Acme, signed_in: SignedIn) -> None:
    anna = await signed_in(acme.anna)
    await sealed(acme)
    owner: Connection = await asyncpg.connect(acme.service.database.owner_url)
    try:
        await owner.execute("SET session_replication_role = replica")
        ruined = "UPDATE event SET entry = '{' WHERE company_id = $1 AND position = 2"
        await owner.execute(ruined, acme.anna.company_id)
    finally:
        await owner.close()
    page = await anna.get("/audit?verify=now")
    assert page.status == 200
    assert "NICHT BESTÄTIGT" in page.text
    assert "unreadable" in page.text
