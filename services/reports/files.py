"""Every form in which a report is handed out."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from services.reports import csv, html, pdf, xlsx
from services.reports.parsed import Parsed, parse


class FileFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    HTML = "html"
    PDF = "pdf"
    XLSX = "xlsx"


CONTENT_TYPES = {
    FileFormat.JSONL: "application/jsonl",
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.HTML: "text/html; charset=utf-8",
    FileFormat.PDF: "application/pdf",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class ReportFile:
    """`name` is the same for the same order; nothing in it needs to be quoted."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


async def file_of(lines: bytes, form: FileFormat, language: str) -> ReportFile:
    """Same lines, same language, same bytes. Raises PdfMissing, PdfFailed."""
    parsed = await asyncio.to_thread(parse, lines)
    content = await _content(parsed, form, language)
    return ReportFile(f"{parsed.name}.{form}", CONTENT_TYPES[form], content)


async def _content(parsed: Parsed, form: FileFormat, language: str) -> bytes:
    match form:
        case FileFormat.JSONL:
            return parsed.lines
        case FileFormat.CSV:
            return (await asyncio.to_thread(csv.table, parsed)).encode()
        case FileFormat.HTML:
            return (await asyncio.to_thread(html.page, parsed, language)).encode()
        case FileFormat.PDF:
            return await pdf.printed(parsed, language)
        case FileFormat.XLSX:
            return await asyncio.to_thread(xlsx.workbook, parsed, language)
        case _:
            assert_never(form)
