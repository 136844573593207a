"""Users as lines of a file, CSV or JSON Lines: read one by one, a bad line told instead of raised; cells for Excel."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from pydantic import ConfigDict, Field, ValidationError

from services.api.models import Body, Email, FactorState, Language, Login, RoleName, Time, TimeZone
from services.application.csv_cells import plain_cell
from services.application.errors import Unacceptable
from services.application.logins import check_login
from services.application.moving import Newcomer, Why

LINE_BYTES: Final = 64 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_SECRETS: Final = ("otpauth_uri", "password_hash")
# Looks like a secret: the columns of such a line are mixed up.
_MARKS: Final = ("otpauth:", "$argon2")


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


class WrongHeader(Exception):
    """The file cannot be read at all; the text does not hold what stands in it."""


class Row(Body):
    """One user, as a line tells it. The last ones are what an export says and an import does not take."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    login: Login
    email: Email | None = None
    role: RoleName = "user"
    language: Language = "de"
    time_zone: TimeZone = "Europe/Berlin"
    activation_date: Time | None = None
    expiration_date: Time | None = None
    state: Literal["active", "not_yet_active", "expired", "deactivated"] = "active"
    two_factor: FactorState = "off"
    otpauth_uri: str | None = Field(None, repr=False)
    password_hash: str | None = Field(None, repr=False)
    required_by: str | None = None
    enrolled_at: str | None = None
    last_used_at: str | None = None

    def newcomer(self) -> Newcomer:
        return Newcomer(
            login=self.login,
            email=self.email,
            role=self.role,
            language=self.language,
            time_zone=self.time_zone,
            activation_at=self.activation_date,
            expiration_at=self.expiration_date,
            deactivated=self.state == "deactivated",
            had_factor=self.two_factor != "off",
            otpauth_uri=self.otpauth_uri,
            password_hash=self.password_hash,
        )


COLUMNS: Final = tuple(Row.model_fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a line is no user. Never what stands in it."""

    why: Why
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`login`: only where it can be one. `read`: how many bytes of the file there were up to its end."""

    number: int
    read: int
    content: Newcomer | Fault
    login: str | None = None


def format_of(path: Path) -> Format | None:
    """What the name of a file says about it."""
    return {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL}.get(path.suffix.lower())


def read_users(stream: BinaryIO, file_format: Format) -> Iterator[Line]:
    """The users of a file, one line after another; blank lines are nobody. Raises WrongHeader, at once."""
    if file_format is Format.JSONL:
        lines = _lines(stream, quotes=False)
        return (_line(number, read, _members(raw)) for number, read, raw in lines)
    lines = _lines(stream, quotes=True)
    header, delimiter = _header(next(lines, (1, 0, b""))[2])
    return (_line(number, read, _named(raw, header, delimiter)) for number, read, raw in lines)


def _lines(stream: BinaryIO, *, quotes: bool) -> Iterator[tuple[int, int, bytes | Why]]:
    """(number, bytes so far, line without its end, or why there is none); blank ones are left out.

    Holds one line of LINE_BYTES at most. With `quotes` a line goes on while one is open: a cell that somebody typed
    over several lines, or never closed, must not become users.
    """
    number, read = 0, 0
    while line := stream.readline(LINE_BYTES):
        first, number, read = number + 1, number + 1, read + len(line)
        piece, is_open, why = line, quotes and _has_odd_quote(line), None
        while is_open or not _is_whole(piece):
            why = why or (Why.OPEN_QUOTE if _is_whole(piece) else Why.LINE_TOO_LONG)
            number += _is_whole(piece)
            piece = stream.readline(LINE_BYTES)
            if not piece:
                break
            read += len(piece)
            is_open ^= quotes and _has_odd_quote(piece)
        bare = (line.removeprefix(_BOM) if first == 1 else line).rstrip(b"\r\n")
        if why is not None or bare.strip():
            yield first, read, why or bare


def _is_whole(piece: bytes) -> bool:
    return piece.endswith(b"\n") or len(piece) < LINE_BYTES


def _has_odd_quote(piece: bytes) -> bool:
    return piece.count(b'"') % 2 == 1


def _header(raw: bytes | Why) -> tuple[list[str], str]:
    """(names, delimiter): the one of the two that makes known names of the line."""
    text = _text(raw)
    for delimiter in ",;":
        names = [] if isinstance(text, Fault) else [name.strip().lower() for name in _cells(text, delimiter) or ()]
        if "login" in names and set(names) <= set(COLUMNS) and len(set(names)) == len(names):
            return names, delimiter
    raise WrongHeader(
        f"the first line has to name columns, each once, by comma or semicolon, login among them: {', '.join(COLUMNS)}"
    )


def _text(raw: bytes | Why) -> str | Fault:
    if isinstance(raw, Why):
        return Fault(why=raw)
    if b"\0" in raw:
        return Fault(why=Why.NUL)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Fault(why=Why.NOT_UTF8)


def _cells(text: str, delimiter: str) -> list[str] | None:
    """None for quotes that do not fit."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), None)
    except csv.Error:
        return None


def _named(raw: bytes | Why, header: list[str], delimiter: str) -> dict[str, Any] | Fault:
    """A CSV line by the names of its columns; an empty cell is none."""
    text = _text(raw)
    if isinstance(text, Fault):
        return text
    cells = _cells(text, delimiter)
    if cells is None:
        return Fault(why=Why.NOT_A_ROW)
    if len(cells) != len(header):
        return Fault(why=Why.NUMBER_OF_COLUMNS)
    return {name: plain_cell(cell) for name, cell in zip(header, cells, strict=True) if cell}


def _members(raw: bytes | Why) -> dict[str, Any] | Fault:
    """A JSON line by the names of its members, each once; null is none."""
    text = _text(raw)
    if isinstance(text, Fault):
        return text
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return Fault(why=Why.NOT_A_ROW)
    if not isinstance(found, dict):
        return Fault(why=Why.NOT_A_ROW)
    return {name: value for name, value in found.items() if value is not None}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError("not a JSON number")


def _line(number: int, read: int, values: dict[str, Any] | Fault) -> Line:
    content = values if isinstance(values, Fault) else _content(values)
    login = None if isinstance(values, Fault) or _is_mixed_up(values) else _possible_login(values.get("login"))
    return Line(number=number, read=read, content=content, login=login)


def _content(values: dict[str, Any]) -> Newcomer | Fault:
    if _is_mixed_up(values):
        return Fault(why=Why.SECRET_ELSEWHERE)
    try:
        return Row.model_validate(values).newcomer()
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        wrong = {str(one["loc"][0]) for one in found}
        # The name of a member that is not known may be anything, a secret too.
        if not wrong <= set(COLUMNS):
            return Fault(why=Why.UNKNOWN_MEMBER)
        return Fault(why=Why.INVALID, columns=tuple(name for name in COLUMNS if name in wrong))


def _is_mixed_up(values: dict[str, Any]) -> bool:
    others = (value.lower() for name, value in values.items() if name not in _SECRETS and isinstance(value, str))
    return any(mark in text for text in others for mark in _MARKS)


def _possible_login(text: Any) -> str | None:
    try:
        return check_login(text) if isinstance(text, str) else None
    except Unacceptable:
        return None
