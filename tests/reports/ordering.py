"""Reports as a program orders and fetches them, with a worker whose rounds are made by hand."""

import json
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from events.company.reports import ReportKind
from tests.support.service import Reply, Service
from tests.workers.support import Worker

KINDS: Final = tuple(ReportKind)
FORMATS: Final = ("jsonl", "csv", "html", "pdf", "xlsx")


@dataclass
class Orders:
    """In one company, by one caller."""

    service: Service
    token: str
    prefix: str = "/v1"
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        self.worker = Worker(self.service.parts, Path(self.service.parts.settings.data_dir))

    async def order(self, kind: str, **rest: Any) -> Reply:
        return await self.service.call("POST", f"{self.prefix}/reports", self.token, {"kind": kind, **rest})

    async def ordered(self, kind: str, **rest: Any) -> str:
        """Its id, once it is built."""
        made = await self.order(kind, **rest)
        assert made.status == 202, made
        await self.worker.build()
        return str(made.json["id"])

    async def read(self, report_id: str) -> dict[str, Any]:
        found = await self.service.call("GET", f"{self.prefix}/reports/{report_id}", self.token)
        assert found.status == 200, found
        return dict(found.json)

    async def file(self, report_id: str, form: str = "jsonl") -> Reply:
        return await self.service.call("GET", f"{self.prefix}/reports/{report_id}/file?format={form}", self.token)

    async def lines(self, kind: str, **rest: Any) -> "Lines":
        """A report that was ordered, built and fetched."""
        fetched = await self.file(await self.ordered(kind, **rest))
        assert fetched.status == 200, fetched
        return Lines.of(fetched.raw)


@dataclass
class Lines:
    """The JSON Lines of a report, taken apart."""

    header: dict[str, Any]
    rows: list[dict[str, Any]]
    entries: dict[int, str]
    nodes: list[bytes]
    checkpoint: str
    vkey: str

    @classmethod
    def of(cls, raw: bytes) -> "Lines":
        header, *lines = [json.loads(line) for line in raw.splitlines()]
        rows, rest = lines[: header["rows"]], lines[header["rows"] :]
        entries, rest = rest[: header["entries"]], rest[header["entries"] :]
        nodes, (last,) = rest[: header["nodes"]], rest[header["nodes"] :]
        hashes = [b64decode(one) for line in nodes for one in line["nodes"]]
        lines_by = {one["entry"]: one["line"] for one in entries}
        return cls(header, rows, lines_by, hashes, last["checkpoint"], last["vkey"])
