"""What a report says is proved by what it carries: entries, hashes, a signed checkpoint. And it goes with a person."""

import json
import re

import pytest

from events.company.reports import ReportKind
from events.integrity.checkpoint import checkpoint_of
from events.integrity.note import VerifierKey
from events.integrity.proof import root_of_many
from events.integrity.report import verify_report
from events.integrity.tree import leaf_hash
from services.application.reports.ports import PersonGone
from tests.reports.ordering import KINDS, Lines, Orders
from tests.support.dump import full_dump
from tests.support.scene import scene_of
from tests.support.service import Service

MARKER = "Kartoffelsuppe"


def _demand_proof(report: Lines) -> None:
    """As somebody who has nothing but the file and the key."""
    checkpoint = checkpoint_of(report.checkpoint, VerifierKey.parse(report.vkey))
    assert checkpoint.size >= report.header["position"]
    leaves = {position - 1: leaf_hash(line.encode()) for position, line in report.entries.items()}
    assert root_of_many(leaves, checkpoint.size, report.nodes) == checkpoint.root
    rests_on = {position for row in report.rows for position in row["rests_on"]} | set(report.header["rests_on"])
    assert rests_on == report.entries.keys()
    assert max(rests_on, default=0) <= report.header["position"]
    for position, line in report.entries.items():
        assert json.loads(line)["position"] == position


@pytest.mark.parametrize("kind", KINDS)
async def test_every_row_rests_on_entries_under_the_first_checkpoint_that_covers_them(
    service: Service, kind: ReportKind
) -> None:
    scene = await scene_of(service, "anna", "udo", "ute")
    token = await scene.fresh("anna")
    await scene.act(token, "udo", "reset")
    await scene.act(token, "ute", "enable")
    await service.start(scene["ute"], "not the password")
    service.clock.advance(seconds=1)
    orders = Orders(service, token)
    report = await orders.lines(kind, as_of=service.clock.now().isoformat())
    _demand_proof(report)
    size = checkpoint_of(report.checkpoint, VerifierKey.parse(report.vkey)).size
    # Later checkpoints do not change it.
    again = await orders.lines(kind, as_of=report.header["as_of"])
    assert checkpoint_of(again.checkpoint, VerifierKey.parse(again.vkey)).size == size


async def test_the_page_carries_the_same_lines_and_runs_nothing(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    evil = '</script><script>alert(1)</script><img src="https://example.org/x">'
    await scene.act(token, "udo", "reset", {"reason": evil})
    service.clock.advance(seconds=1)
    orders = Orders(service, token)
    report = await orders.ordered("factor_changes")
    page = (await orders.file(report, "html")).raw.decode()
    inside = re.search(r'<script type="application/jsonl" id="evidence">\n(.*?)</script>', page, re.DOTALL)
    assert inside is not None
    assert inside[1].encode() == (await orders.file(report)).raw
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "default-src 'none'" in page
    assert evil in [row["reason"] for row in Lines.of(inside[1].encode()).rows]


async def test_cells_of_the_csv_are_no_formulas(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    token = await scene.fresh("anna")
    await scene.act(token, "udo", "reset", {"reason": "=HYPERLINK(1)"})
    service.clock.advance(seconds=1)
    orders = Orders(service, token)
    table = (await orders.file(await orders.ordered("factor_changes"), "csv")).raw.decode()
    assert ",'=HYPERLINK(1)," in table
    assert table.startswith("kind,factor_changes\r\n")


async def test_an_erased_person_stands_in_no_file_and_appears_by_id(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    marked = await service.person(scene.companies["acme"], f"{MARKER}.user", on=True)
    token = await scene.fresh("anna")
    path = f"/v1/users/{marked.user_id}"
    await service.call("POST", f"{path}/two-factor/reset", token, {"reason": f"{MARKER} lost it"})
    service.clock.advance(seconds=1)
    orders = Orders(service, token)
    as_of = service.clock.now().isoformat()
    ids = {kind: await orders.ordered(kind, as_of=as_of) for kind in KINDS}
    before = {kind: Lines.of((await orders.file(ids[kind])).raw) for kind in KINDS}
    assert MARKER in str(before[ReportKind.COVERAGE].rows)
    assert MARKER in str(before[ReportKind.FACTOR_CHANGES].rows)

    assert (await service.call("DELETE", path, await scene.fresh("anna"))).status == 204
    assert (await orders.file(ids[ReportKind.COVERAGE])).code == "conflict"
    await orders.worker.build()
    dump = await full_dump(service.database)
    assert "report_file" in dump.tables
    for kind in KINDS:
        raw = (await orders.file(ids[kind])).raw
        assert MARKER.encode() not in raw
        after = Lines.of(raw)
        assert len(after.rows) == len(before[kind].rows)
        assert after.header["totals"] == before[kind].header["totals"]
        _demand_proof(after)
    coverage = Lines.of((await orders.file(ids[ReportKind.COVERAGE])).raw)
    (row,) = [row for row in coverage.rows if row["user_id"] == str(marked.user_id)]
    assert (row["login"], row["state"]) == (None, "enrolment_required")


async def test_an_erased_member_of_the_provider_goes_from_the_files_of_every_company(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo", "otto", "olga")
    acme = scene.companies["acme"]
    there = f"/v1/companies/{acme}/users/{scene['udo'].user_id}/two-factor/reset"
    assert (await service.call("POST", there, await scene.fresh("otto"), {"reason": "on request"})).status == 200
    service.clock.advance(seconds=1)
    orders = Orders(service, await scene.fresh("anna"))
    report = await orders.ordered("factor_changes")
    assert b"otto.provider" in (await orders.file(report)).raw
    gone = await service.call("DELETE", scene.path("otto"), await scene.fresh("olga"))
    assert gone.status == 204
    assert (await orders.file(report)).code == "conflict"
    await orders.worker.build()
    raw = (await orders.file(report)).raw
    assert b"otto.provider" not in raw
    assert str(scene["otto"].user_id).encode() in raw


async def test_a_file_that_was_built_before_an_erasure_is_not_stored_after_it(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    acme, udo = scene.companies["acme"], scene["udo"].user_id
    orders = Orders(service, await scene.fresh("anna"))
    report = (await orders.order("coverage")).json["id"]
    assert (await service.call("DELETE", scene.path("udo"), orders.token)).status == 204
    with pytest.raises(PersonGone):
        await service.parts.shelf.store(acme, report, b"udo.acme", [(acme, udo)])
    assert await service.parts.shelf.content(acme, report) is None


async def test_the_stored_file_is_sealed(service: Service) -> None:
    scene = await scene_of(service, "anna", "udo")
    orders = Orders(service, await scene.fresh("anna"))
    report = await orders.ordered("coverage")
    parts = await service.parts.pool.fetch("SELECT sealed FROM report_file")
    assert parts
    assert all(b"udo.acme" not in row[0] for row in parts)
    await service.parts.pool.execute("UPDATE report_file SET report_id = gen_random_uuid()")
    other = (await orders.order("coverage")).json["id"]
    await orders.worker.build()
    await service.parts.pool.execute("DELETE FROM report_file WHERE report_id = $1", other)
    await service.parts.pool.execute("UPDATE report_file SET report_id = $1", other)
    # A file that was moved under another report opens for nobody.
    assert (await orders.file(other)).code == "conflict"
    assert (await orders.file(report)).code == "conflict"


async def test_a_state_that_does_not_follow_from_its_entries_is_not_proved(service: Service) -> None:
    """Entries and proofs are untouched; somebody who hands the report on changed what it says of them."""
    scene = await scene_of(service, "anna", "arno", "udo", "ute")
    token = await scene.fresh("anna")
    await scene.act(token, "udo", "reset")
    service.clock.advance(seconds=1)
    orders = Orders(service, token)
    sound = (await orders.file(await orders.ordered("coverage"))).raw.decode()
    assert verify_report(sound, None).is_sound
    lines = sound.split("\n")
    for number, line in enumerate(lines[1:], 1):
        row = json.loads(line)
        if "user_id" not in row:
            break
        other = "off" if row["state"] == "on" else "on"
        forged = [*lines[:number], json.dumps({**row, "state": other}), *lines[number + 1 :]]
        found = {one.problem for one in verify_report("\n".join(forged), None).findings}
        assert {"a row does not say what its entries say", "a total is not the number of its rows"} <= found
    header = json.loads(lines[0])
    header["totals"]["on"] += 1
    verdict = verify_report("\n".join([json.dumps(header), *lines[1:]]), None)
    assert [one.problem for one in verdict.findings] == ["a total is not the number of its rows"]
