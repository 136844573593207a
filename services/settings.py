"""Settings: the only reader of the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

PREFIX = "FACTORLOG_"


class SettingsError(Exception):
    """Unknown, missing or wrong settings; the message lists all of them and none of their values."""


class Settings(BaseModel):
    """Everything that can be set. Each is an environment variable `FACTORLOG_<NAME>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: Annotated[SecretStr, Field(description="Postgres, as the restricted role.")]
    owner_database_url: Annotated[
        SecretStr | None, Field(description="Postgres, as the owner: for `migrate` and `up` only.")
    ] = None
    redis_url: Annotated[
        SecretStr | None, Field(description="Valkey or Redis; without it workers look each second.")
    ] = None
    data_dir: Annotated[Path, Field(description="Where files are kept: mails without SMTP, the default key file.")] = (
        Path("var")
    )
    key_file: Annotated[
        Path | None,
        Field(description="The key-encryption key, base64 of 32 bytes, mode 0600. Default: in the data dir."),
    ] = None
    listen: Annotated[str, Field(description="Address of the API, host:port.")] = "127.0.0.1:8080"
    operations_port: Annotated[
        int, Field(ge=0, le=65535, description="Loopback port of readiness details and metrics of `serve`; 0: none.")
    ] = 0
    worker_operations_port: Annotated[int, Field(ge=0, le=65535, description="The same of `work`; 0: none.")] = 0
    public_url: Annotated[
        str | None, Field(description="How people reach this service; https, and needed, beyond loopback.")
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        Field(description="Networks of proxies whose X-Forwarded-For is believed, by commas."),
    ] = ()
    issuer: Annotated[str, Field(min_length=1, max_length=64, description="Name shown in authenticator apps.")] = (
        "Factorlog"
    )
    smtp_url: Annotated[SecretStr | None, Field(description="smtp:// or smtps://; default: .eml files.")] = None
    mail_from: Annotated[str, Field(description="Sender of mails.")] = "factorlog@localhost"
    otp_window: Annotated[int, Field(ge=0, le=1, description="Time steps accepted before and after now.")] = 1
    session_idle_minutes: Annotated[
        int, Field(ge=1, le=60, description="A session ends when it is idle for so long.")
    ] = 60
    session_hours: Annotated[int, Field(ge=1, le=12, description="A session ends after so long in any case.")] = 12
    argon2_memory_kib: Annotated[int, Field(ge=19456, le=2097152, description="Argon2id memory, KiB.")] = 19456
    argon2_passes: Annotated[int, Field(ge=2, le=16, description="Argon2id passes.")] = 2
    argon2_lanes: Annotated[int, Field(ge=1, le=16, description="Argon2id lanes.")] = 1
    refusal_milliseconds: Annotated[
        int, Field(ge=0, le=5000, description="Refused first steps are answered so long after they arrive.")
    ] = 250
    database_connections: Annotated[int, Field(ge=1, le=200, description="Connections a process keeps.")] = 8
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$", description="Lowest level logged.")] = (
        "info"
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _by_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.is_loopback and not (self.public_url or "").startswith("https://"):
            raise ValueError("PUBLIC_URL has to be an https address when LISTEN is not loopback")
        return self

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def _verified(cls, value: SecretStr | None) -> SecretStr | None:
        """Beyond a socket or loopback the link is TLS with verification."""
        if (
            value is not None
            and not _is_local(value.get_secret_value())
            and "sslmode=verify-full" not in value.get_secret_value()
        ):
            raise ValueError("a database on another machine needs sslmode=verify-full")
        return value

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def is_loopback(self) -> bool:
        return self.host in ("127.0.0.1", "::1", "localhost")

    @property
    def base_url(self) -> str:
        return (self.public_url or f"http://{self.listen}").rstrip("/")

    @property
    def key_path(self) -> Path:
        return self.key_file or self.data_dir / "secrets" / "key"


def from_environ(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Settings of the environment; `given` ones win. Raises SettingsError."""
    values: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in (os.environ if environ is None else environ).items()
        if name.startswith(PREFIX) and not name.startswith(PREFIX + "TEST_") and name != PREFIX + "SOAK"
    }
    values.update({name: value for name, value in given.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_readable(error)) from error


def inherited_environ() -> dict[str, str]:
    """A copy of the environment, for child processes."""
    return dict(os.environ)


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    host = parts.hostname or next(iter(parse_qs(parts.query).get("host", [])), "")
    return host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/")


def _readable(error: ValidationError) -> str:
    lines = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        name = PREFIX + str(found["loc"][0]).upper() if found["loc"] else "settings"
        message = "is not a setting" if found["type"] == "extra_forbidden" else found["msg"]
        lines.append(f"{name}: {message}")
    return "\n".join(lines)
