"""`factorlog users …`: the command line's acts on users, through the same use cases as everybody's."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.console import Console as Terminal
from rich.table import Table

from events.decision import Refusal
from events.policy import effective
from events.store.port import StoredUser
from events.store.states import user_state
from events.user.state import account_state
from services.adapters.users import PostgresUsers
from services.application.errors import Refused
from services.application.ports import UserFilter
from services.bootstrap import Runtime, runtime
from services.cli.exits import explained
from services.cli.places import settings_for

app = typer.Typer(no_args_is_help=True, help="Create, list, reset, unlock, import and export users.")

R = TypeVar("R")

DataDir = Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Why = Annotated[str, typer.Option(help="The reason, for the audit trail.")]


@app.command()
def create(
    login: str,
    company: Annotated[UUID, typer.Option(help="The company's id.")],
    role: Annotated[str, typer.Option(help="A role's name.")] = "user",
    email: Annotated[str | None, typer.Option(help="Where mails go.")] = None,
    language: Annotated[str, typer.Option(help="de, en or pt-BR.")] = "de",
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create a user; a password that was made up is printed once."""
    given = sys.stdin.readline().rstrip("\n") if password_stdin else None

    async def act(parts: Runtime) -> tuple[StoredUser, str]:
        return await parts.console.create_user(
            company, login=login, role=role, password=given, email=email, language=language
        )

    user, password = _run(data_dir, act)
    shown: dict[str, Any] = {"id": str(user.user_id), "login": login}
    if given is None:
        shown["generated_password"] = password
    _print(shown, as_json)


@app.command("list")
def list_(
    company: Annotated[UUID, typer.Option(help="The company's id.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List a company's users with their effective second-factor state."""
    users = _run(data_dir, lambda parts: _all_users(parts, company))
    if as_json:
        typer.echo(json.dumps({"items": users}, ensure_ascii=False))
        return
    table = Table("login", "role", "state", "second factor", "id")
    for user in users:
        table.add_row(user["login"], user["role"], user["state"], user["two_factor"], user["id"])
    Terminal().print(table if users else "This company has no users.")


@app.command()
def reset(login: str, reason: Why = "command line", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Void a user's key; the next sign-in enrols anew."""

    async def act(parts: Runtime) -> None:
        await parts.console.reset_key(await parts.console.find_user(login), reason)

    _run(data_dir, act)
    _print({"login": login, "done": "reset"}, as_json)


@app.command()
def unlock(login: str, reason: Why = "command line", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Clear pause, lock and count of a user's second factor."""

    async def act(parts: Runtime) -> None:
        await parts.console.unlock(await parts.console.find_user(login), reason)

    _run(data_dir, act)
    _print({"login": login, "done": "unlock"}, as_json)


async def _all_users(parts: Runtime, company_id: UUID) -> list[dict[str, Any]]:
    company = (await parts.store.company(company_id))[1]
    if not company.exists:
        raise Refused(Refusal.NOT_FOUND)
    users, found, after, now = PostgresUsers(parts.pool), [], None, parts.clock.now()
    while rows := await users.page(company_id, company, UserFilter(), now, 200, after):
        for user_id, _, doc in rows:
            state = user_state(doc)
            found.append(
                {
                    "id": str(user_id),
                    "login": state.login,
                    "role": state.role,
                    "state": account_state(state, now),
                    "two_factor": effective(state, company.rules, now).state,
                }
            )
        after = (found[-1]["login"], rows[-1][0])
    return found


def _run(data_dir: Path | None, act: Callable[[Runtime], Awaitable[R]]) -> R:
    async def inside() -> R:
        async with runtime(settings_for(data_dir)) as parts:
            return await act(parts)

    with explained():
        return asyncio.run(inside())


def _print(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(values, ensure_ascii=False))
        return
    for name, value in values.items():
        typer.echo(f"{name}: {value}")
