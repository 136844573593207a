"""What a fresh cluster needs before a migration: the restricted role and the database."""

from importlib.resources import files

import asyncpg

from services.embedded.errors import EmbeddedError

ANSWER_TIMEOUT = 3.0  # seconds
REFUSALS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

CREATE_APP_ROLE, CREATE_DATABASE, READ_SETUP, SET_PASSWORD = (
    files("services.embedded").joinpath("sql", f"{name}.sql").read_text()
    for name in ("create_app_role", "create_database", "read_setup", "set_password")
)


async def answers(owner_url: str) -> bool:
    """Whether a server there knows the owner's password: scram proves both sides, so it is ours."""
    try:
        connection = await asyncpg.connect(owner_url, timeout=ANSWER_TIMEOUT)
    except REFUSALS:
        return False
    connection.terminate()
    return True


async def complete(owner_url: str, app_password: str) -> None:
    """Make the restricted role and the database where they are missing. Raises EmbeddedError."""
    try:
        connection = await asyncpg.connect(owner_url, timeout=ANSWER_TIMEOUT)
        try:
            await _make_what_is_missing(connection, app_password)
        finally:
            await connection.close()
    except REFUSALS as error:
        raise EmbeddedError(f"postgres refuses us: {error}") from error


async def _make_what_is_missing(connection: asyncpg.Connection, app_password: str) -> None:
    has_role, has_database = (await connection.fetch(READ_SETUP))[0]
    if not has_role:
        await connection.execute(SET_PASSWORD, app_password)
        await connection.execute(CREATE_APP_ROLE)
    if not has_database:
        await connection.execute(CREATE_DATABASE)
