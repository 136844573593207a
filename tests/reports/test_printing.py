"""PDF is printed by a process that fetches nothing and finds nothing of ours in its environment."""

import json
import socket
import subprocess
import sys

import pytest

from services.reports.files import FileFormat, file_of

pytest.importorskip("weasyprint")

HEADER = {
    "factorlog_report": 1,
    "company_id": "6a1d5a2e-4d0b-4d8c-9f1e-1f0f3a5b7c9d",
    "company": "Acme <b>GmbH</b>",
    "kind": "policy_history",
    "as_of": "2026-12-31T23:59:59.999999Z",
    "from": None,
    "to": None,
    "time_zone": "UTC",
    "position": 0,
    "rows": 0,
    "totals": {"versions": 0},
    "rests_on": [],
    "entries": 0,
    "nodes": 0,
}


def test_what_a_page_names_is_not_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        page = f'<img src="{address}/x.png"><link rel="stylesheet" href="file:///etc/passwd"><p>text'.encode()
        about = {"name": "a.jsonl", "moment": HEADER["as_of"], "page": len(page)}
        said = subprocess.run(
            [sys.executable, "-m", "services.reports.pdf"],
            input=json.dumps(about).encode() + b"\n" + page + b"{}\n",
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert said.stdout.startswith(b"%PDF-")
        with pytest.raises(TimeoutError):
            listening.accept()


@pytest.mark.parametrize("language", ["de", "en", "pt-BR"])
async def test_an_empty_report_has_every_form_in_every_language(language: str) -> None:
    lines = (json.dumps(HEADER) + "\n" + json.dumps({"checkpoint": "x", "vkey": "y"}) + "\n").encode()
    for form in FileFormat:
        made = await file_of(lines, form, language)
        assert made.name == f"factorlog-policy-history-2026-12-31.{form}"
        assert made.content
        assert b"<b>" not in made.content or form in (FileFormat.JSONL, FileFormat.CSV)
