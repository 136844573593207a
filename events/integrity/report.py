"""Verifying a report: its entries stand in the signed log, its rows rest on them, and none is left out."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from events.integrity.checkpoint import Checkpoint, checkpoint_of_log, company_of
from events.integrity.directory import Unreadable, entries_of
from events.integrity.entries import parsed
from events.integrity.findings import Verdict
from events.integrity.note import NoteRefused, VerifierKey
from events.integrity.proof import ProofRefused, root_of_many
from events.integrity.tiles import WIDTH, tiles_of
from events.integrity.tree import leaf_hash

_IN_HTML: Final = re.compile(r'<script type="application/jsonl"[^>]*>(.*?)</script>', re.DOTALL)

# Of a user's entries, in the order of the log: the last of these says whether a factor is bound.
_BINDS: Final = frozenset({"TwoFactorEnabled", "TwoFactorImported"})
_UNBINDS: Final = frozenset({"KeyReset", "TwoFactorDisabled", "BreakGlassCodeUsed", "UserErased"})


@dataclass(slots=True)
class Report:
    """A report's lines by their kind. Entries by position."""

    header: Mapping[str, Any]
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    entries: dict[int, bytes] = field(default_factory=dict)
    nodes: list[bytes] = field(default_factory=list)
    checkpoint: str = ""
    vkey: str = ""


def read_report(text: str) -> Report:
    """JSON Lines, alone or inside of an HTML report. Raises Unreadable."""
    inside = _IN_HTML.search(text)
    lines = _objects(inside[1].replace("<\\/", "</") if inside else text)
    header = next(lines, None)
    if header is None or "kind" not in header:
        raise Unreadable("this is no report")
    report = Report(header)
    for line in lines:
        _take(report, line)
    return report


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.strip("\n").split("\n"):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise Unreadable("this is no report") from error
        if not isinstance(found, dict):
            raise Unreadable("this is no report")
        yield found


def _take(report: Report, line: dict[str, Any]) -> None:
    try:
        if "line" in line:
            report.entries[int(line["entry"])] = str(line["line"]).encode()
        elif "nodes" in line:
            report.nodes += map(b64decode, line["nodes"])
        elif "checkpoint" in line:
            report.checkpoint, report.vkey = str(line["checkpoint"]), str(line.get("vkey", ""))
        else:
            report.rows.append(line)
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable("a line of the report is not as it should be") from error


def verify_report(text: str, key: VerifierKey | None, log: tuple[Path, int] | None = None) -> Verdict:
    """`log`: a directory that was verified, and its size, to see that no entry is left out. Raises Unreadable."""
    report, verdict = read_report(text), Verdict(what="report")
    checkpoint = _checkpoint(report, key, verdict)
    if checkpoint is None:
        return verdict
    verdict.origin, verdict.size, verdict.root = checkpoint.origin, checkpoint.size, checkpoint.root
    verdict.entries = len(report.entries)
    _demand_place(report, checkpoint, verdict)
    _demand_root(report, checkpoint, verdict)
    _demand_entries(report, checkpoint, verdict)
    _demand_rows(report, verdict)
    if report.header.get("kind") == "coverage":
        _demand_states(report, verdict)
    if log is not None:
        _demand_complete(report, *log, verdict)
    return verdict


def _checkpoint(report: Report, key: VerifierKey | None, verdict: Verdict) -> Checkpoint | None:
    try:
        return checkpoint_of_log(report.checkpoint, key or VerifierKey.parse(report.vkey))
    except NoteRefused as error:
        verdict.add("the checkpoint is refused", detail=str(error))
        return None


def _demand_place(report: Report, checkpoint: Checkpoint, verdict: Verdict) -> None:
    position = report.header.get("position")
    if not isinstance(position, int) or not 0 <= position <= checkpoint.size:
        verdict.add("the checkpoint does not cover the report")
    if report.header.get("company_id") != company_of(checkpoint.origin):
        verdict.add("the checkpoint is of another company")


def _demand_root(report: Report, checkpoint: Checkpoint, verdict: Verdict) -> None:
    leaves = {position - 1: leaf_hash(entry) for position, entry in report.entries.items()}
    try:
        root = root_of_many(leaves, checkpoint.size, report.nodes)
    except ProofRefused as error:
        verdict.add("the proof is refused", detail=str(error))
        return
    if root != checkpoint.root:
        verdict.add("an entry of the report is not the one that was signed")


def _demand_entries(report: Report, checkpoint: Checkpoint, verdict: Verdict) -> None:
    company, limit = company_of(checkpoint.origin), report.header.get("position")
    for position, entry in report.entries.items():
        said = parsed(entry)
        if said is None or said.get("position") != position or said.get("company_id") != company:
            verdict.add("the entry says that it stands elsewhere", position)
        elif isinstance(limit, int) and position > limit:
            verdict.add("the entry is behind the end of the report", position)


def _demand_rows(report: Report, verdict: Verdict) -> None:
    if report.header.get("rows") != len(report.rows):
        verdict.add("the number of rows is not the one of the header", detail=str(len(report.rows)))
    for number, row in enumerate(report.rows, 1):
        rests_on = row.get("rests_on")
        if not isinstance(rests_on, list) or not all(position in report.entries for position in rests_on):
            verdict.add("a row rests on an entry that is not in the report", detail=f"row {number}")


def _demand_states(report: Report, verdict: Verdict) -> None:
    """Coverage says `on` of exactly those whose own entries bound a factor last, and its totals count its rows.

    Whether a factor is demanded of somebody follows from the policy too, and is not worked out here once more.
    """
    for number, row in enumerate(report.rows, 1):
        said = [parsed(report.entries.get(at, b"")) or {} for at in row.get("rests_on", ())]
        if any(entry.get("stream_id") != row.get("user_id") for entry in said):
            verdict.add("a row rests on an entry about somebody else", detail=f"row {number}")
        bound = [entry.get("type") in _BINDS for entry in said if entry.get("type") in _BINDS | _UNBINDS]
        if (row.get("state") == "on") is not bool(bound and bound[-1]):
            verdict.add("a row does not say what its entries say", detail=f"row {number}")
    totals = report.header.get("totals")
    for state in ("on", "off", "enrolment_required"):
        counted = sum(row.get("state") == state and row.get("account") == "active" for row in report.rows)
        if not isinstance(totals, dict) or totals.get(state) != counted:
            verdict.add("a total is not the number of its rows", detail=state)


def _demand_complete(report: Report, log: Path, size: int, verdict: Verdict) -> None:
    """Of the types that the report names: every entry, or the last one of each stream, is one that a row rests on."""
    header = report.header
    wanted, used = frozenset(header.get("types", ())), _used((header, *report.rows))
    last_only, last = header.get("covers") == "last", dict[object, int]()
    for position, entry in _entries(log, size, int(header.get("position", 0))):
        if report.entries.get(position, entry) != entry:
            verdict.add("the log has another entry here", position)
        said = parsed(entry) or {}
        if said.get("type") not in wanted or position < int(header.get("first_position", 1)):
            continue
        if last_only:
            last[said.get("stream_id")] = position
        elif position not in used:
            verdict.add("the report leaves this entry out", position)
    for position in sorted(set(last.values()) - used):
        verdict.add("the report leaves this entry out", position)


def _used(rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """By a row, or by the report as a whole: of an erased user no row is left."""
    return {position for row in rows for position in row.get("rests_on", ())}


def _entries(log: Path, size: int, limit: int) -> Iterator[tuple[int, bytes]]:
    if limit > size:
        raise Unreadable("the log ends before the report does")
    for tile in tiles_of(size):
        first = tile.number * WIDTH + 1
        if tile.level or first > limit:
            return
        yield from list(enumerate(entries_of(log, tile), first))[: limit - first + 1]
