"""Settings: the only reader of the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args
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

KeyArn = Annotated[str, Field(pattern=r"^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$")]


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
        Field(description="The key-encryption keys, base64 of 32 bytes a line, mode 0600. Default: in the data dir."),
    ] = None
    journal_file: Annotated[
        Path | None,
        Field(description="What a restore must not undo, outside of the database. Default: in the data dir."),
    ] = None
    signed_dir: Annotated[
        Path | None,
        Field(
            description="Where the last signed checkpoints are kept, outside the database. Default: in the data dir."
        ),
    ] = None
    log_name: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z0-9.:/-]{1,100}$",
            description="What the names of new logs begin with. Default: the host of PUBLIC_URL and `/log`.",
        ),
    ] = None
    key_wrapper: Annotated[
        Literal["file", "vault", "aws"], Field(description="Who wraps data keys: the key file, Vault or AWS KMS.")
    ] = "file"
    vault_address: Annotated[
        str | None, Field(description="Vault; https beyond loopback. Needs the extra `vault`.")
    ] = None
    vault_token_file: Annotated[
        Path | None, Field(description="Vault's token, mode 0600; read at each use, so it may be renewed.")
    ] = None
    vault_key: Annotated[str, Field(pattern=r"^[\w.-]+$", description="Name of the transit key.")] = "factorlog"
    vault_mount: Annotated[str, Field(pattern=r"^[\w./-]+$", description="Where transit is mounted.")] = "transit"
    vault_namespace: Annotated[str | None, Field(description="Vault's namespace, where it has some.")] = None
    vault_ca_file: Annotated[Path | None, Field(description="The authority of Vault's certificate.")] = None
    aws_kms_key: Annotated[KeyArn | None, Field(description="ARN of the KMS key. Needs the extra `aws`.")] = None
    aws_kms_old_keys: Annotated[
        tuple[KeyArn, ...], Field(description="ARNs that may still unwrap during a rotation, by commas.")
    ] = ()
    aws_kms_endpoint: Annotated[str | None, Field(description="Another address of KMS, as in a private network.")] = (
        None
    )
    aws_access_key_id: Annotated[
        str | None, Field(description="With its secret; default: the role of the machine, as the AWS SDK finds it.")
    ] = None
    aws_secret_access_key: Annotated[SecretStr | None, Field(description="Goes with the access key id.")] = None
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
    trace_months: Annotated[
        int, Field(ge=12, le=120, description="Whole months for which the audit trail keeps addresses and programs.")
    ] = 12
    argon2_memory_kib: Annotated[int, Field(ge=19456, le=2097152, description="Argon2id memory, KiB.")] = 19456
    argon2_passes: Annotated[int, Field(ge=2, le=16, description="Argon2id passes.")] = 2
    argon2_lanes: Annotated[int, Field(ge=1, le=16, description="Argon2id lanes.")] = 1
    refusal_milliseconds: Annotated[
        int, Field(ge=0, le=5000, description="Refused first steps are answered so long after they arrive.")
    ] = 250
    database_connections: Annotated[int, Field(ge=1, le=200, description="Connections a process keeps.")] = 8
    database_pooler: Annotated[
        bool, Field(description="A pooler in transaction mode, such as PgBouncer, stands before Postgres.")
    ] = False
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$", description="Lowest level logged.")] = (
        "info"
    )

    @field_validator("trusted_proxies", "aws_kms_old_keys", mode="before")
    @classmethod
    def _by_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if not self.is_loopback and not (self.public_url or "").startswith("https://"):
            raise ValueError("PUBLIC_URL has to be an https address when LISTEN is not loopback")
        return self

    @model_validator(mode="after")
    def _wraps_with_one(self) -> Self:
        """All that the chosen wrapper needs, and nothing of another: a slip must not wrap keys elsewhere."""
        needs = {"vault": ("vault_address", "vault_token_file"), "aws": ("aws_kms_key",), "file": ()}
        for name in needs.pop(self.key_wrapper):
            if getattr(self, name) is None:
                raise ValueError(f"{name.upper()} is needed when KEY_WRAPPER is {self.key_wrapper}")
        for name in (name for names in needs.values() for name in names):
            if getattr(self, name) is not None:
                raise ValueError(f"{name.upper()} is set, and KEY_WRAPPER is {self.key_wrapper}")
        if (self.aws_access_key_id is None) != (self.aws_secret_access_key is None):
            raise ValueError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together")
        if any(_region(arn) != _region(self.aws_kms_key or "") for arn in self.aws_kms_old_keys):
            raise ValueError("AWS_KMS_OLD_KEYS have to be in the region of AWS_KMS_KEY")
        return self

    @field_validator("vault_address", "aws_kms_endpoint")
    @classmethod
    def _encrypted(cls, value: str | None) -> str | None:
        """Data keys go over this link."""
        if value is None:
            return value
        parts = urlsplit(value)
        local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if not parts.hostname or parts.username is not None or not (local or parts.scheme == "https"):
            raise ValueError("has to be an https address, or http on loopback, without a user")
        return value

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

    @property
    def journal_path(self) -> Path:
        return self.journal_file or self.data_dir / "secrets" / "journal"

    @property
    def signed_path(self) -> Path:
        return self.signed_dir or self.data_dir / "secrets" / "signed"

    @property
    def installation_name(self) -> str:
        """What the origins of logs begin with (C2SP tlog-tiles: the address without its scheme)."""
        return self.log_name or f"{urlsplit(self.base_url).netloc}/log"


SECRETS: Final = tuple(
    name
    for name, field in Settings.model_fields.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
)


def from_environ(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Settings of the environment, secrets also of files; `given` ones win. Raises SettingsError."""
    values: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in (os.environ if environ is None else environ).items()
        if name.startswith(PREFIX) and not name.startswith(PREFIX + "TEST_") and name != PREFIX + "SOAK"
    }
    _read_secret_files(values)
    values.update({name: value for name, value in given.items() if value is not None})
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_readable(error)) from error


def names_a_database() -> bool:
    """Does the environment name a database, in whichever form?"""
    return not {PREFIX + "DATABASE_URL", PREFIX + "DATABASE_URL_FILE"}.isdisjoint(os.environ)


def _read_secret_files(values: dict[str, Any]) -> None:
    """`<SECRET>_FILE` becomes `<SECRET>`: containers are handed secrets as files. Raises SettingsError."""
    wrong = []
    for name in SECRETS:
        path = values.pop(f"{name}_file", None)
        if path is None:
            continue
        variable = f"{PREFIX}{name.upper()}"
        try:
            secret = Path(path).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, ValueError):
            wrong.append(f"{variable}_FILE: the file cannot be read")
            continue
        if name in values:
            wrong.append(f"{variable}_FILE: {variable} is given as well")
        elif not secret:
            wrong.append(f"{variable}_FILE: the file is empty")
        values[name] = secret
    if wrong:
        raise SettingsError("\n".join(wrong))


def _region(arn: str) -> str:
    return arn.split(":")[3] if arn else ""


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
