"""Which database a command works on: the environment's, or the embedded one of a data directory."""

from pathlib import Path
from typing import Any

from services.embedded import postgres, valkey
from services.embedded.errors import EmbeddedError
from services.settings import Settings, from_environ, names_a_database


def settings_for(data_dir: Path | None, **given: Any) -> Settings:
    """Settings with the embedded servers' addresses, unless the environment names a database."""
    if names_a_database():
        return from_environ(data_dir=data_dir, **given)
    # Whatever is wrong with the settings is told before anything that may be wrong with the folder.
    folder = from_environ(data_dir=data_dir, database_url="unused", **given).data_dir
    return from_environ(
        data_dir=folder,
        database_url=postgres.read_urls(folder).app,
        redis_url=_redis_url(folder),
        **given,
    )


def owner_url(settings: Settings) -> str | None:
    return settings.owner_database_url.get_secret_value() if settings.owner_database_url else None


def _redis_url(folder: Path) -> str | None:
    try:
        return valkey.read_url(folder)
    except EmbeddedError:
        return None
