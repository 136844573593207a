"""`factorlog events export`: the whole trail, once it is whole, and on record."""

import csv
import io
import json
import stat
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.processes import Installation, Said, command, eventually

pytestmark = pytest.mark.xdist_group("two processes")


def exporting(installation: Installation, company: str, *words: str | Path) -> Said:
    return command("events", "export", "--company", company, "--data-dir", installation.data_dir, *words)


@pytest.fixture
def acme(installation: Installation) -> str:
    return str(installation.user("anna.admin")["company_id"])


async def test_a_file_holds_every_fact_and_the_next_one_that_it_was_taken(
    installation: Installation, acme: str, tmp_path: Path
) -> None:
    out = tmp_path / "events.jsonl"
    said = exporting(installation, acme, "--format", "jsonl", "--out", out)
    assert (said.code, said.out) == (0, ""), said
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    positions = [row["position"] for row in rows]
    assert positions == list(range(len(rows), 0, -1))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [out]

    async def told() -> bool:
        sheet = list(csv.DictReader(io.StringIO(exporting(installation, acme).out, newline="")))
        taken = [row for row in sheet if row["type"] == "EventsExported"]
        return any(json.loads(row["details"])["events"] == len(rows) for row in taken)

    await eventually(told, 60)


@pytest.mark.parametrize("words", [("--format", "xml"), ("--format", "ocsf", "--excel")])
def test_a_wrong_word_is_a_usage_error(installation: Installation, acme: str, words: tuple[str, ...]) -> None:
    assert exporting(installation, acme, *words).code == 2


def test_a_company_that_is_not_there_leaves_no_file(installation: Installation, tmp_path: Path) -> None:
    said = exporting(installation, str(uuid4()), "--out", tmp_path / "events.csv")
    assert (said.code, said.out, "not found" in said.err) == (1, "", True), said
    assert not (tmp_path / "events.csv").exists()
