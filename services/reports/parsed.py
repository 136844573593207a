"""The JSON Lines of a report, as far as the other forms need them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parsed:
    """`lines`: the whole content, which every form carries along as the evidence."""

    header: Mapping[str, Any]
    rows: Sequence[Row]
    lines: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        return str(self.header["kind"])

    @property
    def moment(self) -> str:
        """When the report ends: as a name of a file may say it."""
        return str(self.header["as_of"] or self.header["to"])[:10]

    @property
    def name(self) -> str:
        """Of a file, without its ending; the same for the same order."""
        return f"factorlog-{self.kind.replace('_', '-')}-{self.moment}"


def parse(lines: bytes) -> Parsed:
    head, _, rest = lines.partition(b"\n")
    header = json.loads(head)
    rows = rest.split(b"\n", header["rows"])[: header["rows"]]
    return Parsed(header, [json.loads(row) for row in rows], lines)
