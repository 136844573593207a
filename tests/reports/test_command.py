"""`factorlog report` beside a running installation, and `factorlog verify` on what it writes."""

import json
import stat
from pathlib import Path

import pytest

from tests.support.processes import Installation, command

pytestmark = [pytest.mark.xdist_group("two processes"), pytest.mark.timeout(240)]


def _company(installation: Installation) -> str:
    return str(installation.document["users"][0]["company_id"])


def test_a_report_is_ordered_built_written_and_proved(installation: Installation, tmp_path: Path) -> None:
    company, where = _company(installation), ("--data-dir", installation.data_dir)
    for kind, name in (("coverage", "c.jsonl"), ("factor_changes", "f.html"), ("coverage_over_time", "o.jsonl")):
        out = tmp_path / name
        said = command("report", *where, "--company", company, "--kind", kind, "--out", out)
        assert said.code == 0, said.err
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        proved = command("verify", out, "--json")
        assert proved.code == 0, proved.out
    table = command("report", *where, "--company", company, "--kind", "coverage", "--format", "csv")
    assert table.out.startswith("kind,coverage")
    # With the log beside it, also that nothing was left out.
    exported = tmp_path / "log"
    assert command("export", *where, "--company", company, "--out", exported).code == 0
    for name in ("c.jsonl", "o.jsonl"):
        whole = command("verify", tmp_path / name, "--log", exported, "--json")
        assert whole.code == 0, whole.out


def test_a_changed_report_is_not_proved(installation: Installation, tmp_path: Path) -> None:
    out = tmp_path / "c.jsonl"
    company = _company(installation)
    said = command("report", "--data-dir", installation.data_dir, "--company", company, "--out", out)
    assert said.code == 0, said.err
    lines = out.read_text().splitlines()
    entry = next(n for n, line in enumerate(lines) if line.startswith('{"entry"'))
    told = json.loads(lines[entry])
    told["line"] = told["line"].replace('"v":1', '"v":2', 1)
    lines[entry] = json.dumps(told)
    out.write_text("\n".join(lines) + "\n")
    assert command("verify", out).code == 3


def test_what_cannot_be_ordered_is_said(installation: Installation) -> None:
    words = ("report", "--data-dir", installation.data_dir)
    company = _company(installation)
    for extra, code in (
        (("--company", company, "--as-of", "2999-01-01"), 1),
        (("--company", company, "--as-of", "never"), 2),
        (("--company", company, "--kind", "everything"), 2),
        (("--company", company, "--language", "fr"), 2),
        (("--company", "00000000-0000-4000-8000-000000000000"), 1),
    ):
        said = command(*words, *extra)
        assert said.code == code, said
        assert "Traceback" not in said.err
