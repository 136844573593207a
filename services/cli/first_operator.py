"""The provider and its first operator: how the first person gets into a new installation."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Final

import typer

from events.decision import Refusal
from services.application.console import Console
from services.application.errors import Refused
from services.bootstrap import runtime
from services.cli.exits import REFUSED, explained, fail
from services.cli.places import settings_for
from services.settings import Settings

LOGIN: Final = "operator"


def first_operator(
    data_dir: Annotated[Path | None, typer.Option(help="Data directory of the embedded servers.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Create the provider and its first operator, once; the password is printed, and good for one sign-in."""
    with explained():
        password = asyncio.run(create_first_operator(settings_for(data_dir)))
        if password is None:
            fail(f"there is a user {LOGIN} already", REFUSED)
        if as_json:
            typer.echo(json.dumps({"login": LOGIN, "password": password}))
        else:
            typer.echo(f"login: {LOGIN}\npassword: {password}")


async def create_first_operator(settings: Settings) -> str | None:
    """The password of an operator who enrols and sets an own one at the first sign-in; None when there is one."""
    async with runtime(settings) as parts:
        if await _is_known(parts.console):
            return None
        company_id = await parts.console.create_company("Provider", provider=True)
        user, password = await parts.console.create_user(
            company_id, login=LOGIN, role="operator", must_change_password=True
        )
        await parts.console.order_enrolment(user, "first start")
        return password


async def _is_known(console: Console) -> bool:
    try:
        await console.find_user(LOGIN)
    except Refused as error:
        if error.refusal is not Refusal.NOT_FOUND:
            raise
        return False
    return True
