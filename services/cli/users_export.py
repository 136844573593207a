"""`factorlog users export`: a company's users with their effective second-factor state, and without any secret."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TextIO, TypeAlias
from uuid import UUID

import typer

from events.company.state import CompanyState
from events.decision import Refusal
from events.policy import effective
from events.store.states import user_state
from events.user.state import UserState, account_state
from services.adapters.users import PostgresUsers
from services.application.csv_cells import safe_cell
from services.application.errors import Refused
from services.application.ports import UserFilter
from services.bootstrap import Runtime, runtime
from services.cli.exits import USAGE, explained, fail
from services.cli.places import settings_for
from services.cli.private_files import output
from services.cli.user_files import Format
from services.settings import Settings

_PAGE: Final = 200
COLUMNS: Final = (
    "login",
    "email",
    "role",
    "language",
    "time_zone",
    "activation_date",
    "expiration_date",
    "state",
    "two_factor",
    "required_by",
    "enrolled_at",
    "last_used_at",
)

Exported: TypeAlias = dict[str, str | None]
Write: TypeAlias = Callable[[Exported], object]


def export_users(
    company: Annotated[UUID, typer.Option(help="The company's id.")],
    file_format: Annotated[Format, typer.Option("--format", help="How a user is written.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option(help="A file, mode 0600. Default: standard output.")] = None,
    excel: Annotated[bool, typer.Option("--excel", help="Semicolons and a byte order mark, for CSV.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")] = None,
) -> None:
    """Write a company's users, without passwords, keys and codes.

    Cells that a spreadsheet would take for formulas get a ' in front, which an import takes away again.
    """
    if excel and file_format is not Format.CSV:
        fail("--excel goes with CSV only", USAGE)
    with explained():
        settings = settings_for(data_dir)
        with output(out, "utf-8-sig" if excel else "utf-8") as stream:
            asyncio.run(_export(settings, company, writer(stream, file_format, ";" if excel else ",")))


async def _export(settings: Settings, company_id: UUID, write: Write) -> None:
    async with runtime(settings) as parts:
        async for user in users_of(parts, company_id):
            write(user)


async def users_of(parts: Runtime, company_id: UUID) -> AsyncIterator[Exported]:
    """By login, page after page."""
    company = (await parts.store.company(company_id))[1]
    if not company.exists:
        raise Refused(Refusal.NOT_FOUND)
    users, now, after = PostgresUsers(parts.pool), parts.clock.now(), None
    while rows := await users.page(company_id, company, UserFilter(), now, _PAGE, after):
        for _, _, doc in rows:
            yield exported(user_state(doc), company, now)
        after = (user_state(rows[-1][2]).login, rows[-1][0])


def exported(user: UserState, company: CompanyState, now: datetime) -> Exported:
    factor = effective(user, company.rules, now)
    return {
        "login": user.login,
        "email": user.email,
        "role": user.role,
        "language": user.language,
        "time_zone": user.time_zone,
        "activation_date": _time(user.activation_at),
        "expiration_date": _time(user.expiration_at),
        "state": account_state(user, now),
        "two_factor": factor.state,
        "required_by": factor.required_by,
        "enrolled_at": _time(factor.enrolled_at),
        "last_used_at": _time(factor.last_used_at),
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at is not None else None


def writer(stream: TextIO, file_format: Format, delimiter: str) -> Write:
    if file_format is Format.JSONL:
        return lambda user: stream.write(json.dumps(user, ensure_ascii=False) + "\n")
    sheet = csv.DictWriter(stream, COLUMNS, delimiter=delimiter)
    sheet.writeheader()
    return lambda user: sheet.writerow({name: safe_cell(text or "") for name, text in user.items()})
