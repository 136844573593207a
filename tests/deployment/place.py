"""The services of compose.yaml as processes of this machine: their commands and variables, other places and ports."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from services.embedded.account import server_account
from services.embedded.binaries import postgres_programs, valkey_server
from services.embedded.postgres import EmbeddedPostgres
from tests.deployment.files import ROOT, compose, instruction
from tests.support.people import Portal
from tests.support.processes import Child, Said, command, environment, free_port, spawn

HOST: Final = "factorlog.example"
OPERATIONS: Final = ROOT / "docs" / "operations"
# Not loopback to the program, so what holds beyond loopback holds; loopback to the machine.
LISTEN: Final = "127.0.0.2"


@dataclass
class Place:
    """One machine with everything that compose.yaml starts."""

    folder: Path
    postgres: EmbeddedPostgres
    ports: dict[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("8080", "9090", "6379", "8025")}
    )
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def services(self) -> dict[str, Any]:
        environ = {
            "FACTORLOG_PUBLIC_URL": f"https://{HOST}",
            "FACTORLOG_TRUSTED_PROXIES": "127.0.0.0/8",
            "FACTORLOG_SECRETS": str(self.secrets),
        }
        services: dict[str, Any] = compose(environ)["services"]
        return services

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def data_dir(self) -> Path:
        return self.folder / "var-lib-factorlog"

    @property
    def socket(self) -> Path:
        return self.folder / "pg" / "postgres" / "socket"

    @property
    def url(self) -> str:
        return f"http://{LISTEN}:{self.ports['8080']}"

    def here(self, text: str) -> str:
        """A word of compose.yaml or of a secret with this machine's places and ports."""
        text = text.replace("/run/secrets/", f"{self.secrets}/").replace("host=/run/postgresql", f"host={self.socket}")
        text = text.replace("@valkey:", "@127.0.0.1:").replace("0.0.0.0:", f"{LISTEN}:")
        # A password of hexadecimal digits may hold such a number by chance.
        return re.sub(r"(?<![0-9a-f])(8080|9090|6379|8025)(?![0-9a-f])", lambda port: str(self.ports[port[0]]), text)

    def environment(self, service: str) -> dict[str, str]:
        """What the image and compose.yaml set."""
        variables = {name: self.here(value) for name, value in self.services[service].get("environment", {}).items()}
        return environment(FACTORLOG_DATA_DIR=str(self.data_dir), **variables)

    def run(self, service: str, *words: str, **more: str) -> Said:
        """`docker compose run SERVICE WORDS`, to its end; without words the service's own command."""
        return command(*(words or self.services[service]["command"]), env=self.environment(service) | more)

    def start(self, service: str) -> None:
        child = spawn(self.folder, *self.services[service]["command"], env=self.environment(service))
        self.children[service] = child

    def start_valkey(self) -> None:
        """Its own command, beside an address and a folder of ours."""
        (self.folder / "valkey").mkdir()
        ours = ["--port", str(self.ports["6379"]), "--bind", "127.0.0.1", "--dir", str(self.folder / "valkey")]
        words = [str(valkey_server(None)), *map(self.here, self.services["valkey"]["command"][1:])]
        self._spawn("valkey", [*words, *ours])

    def start_mail_sink(self) -> None:
        """What the Dockerfile's stage runs."""
        entry, words = (instruction("mail-sink", name).words for name in ("ENTRYPOINT", "CMD"))
        self._spawn("mail", [sys.executable, *entry[1:], *map(self.here, words)])

    def _spawn(self, name: str, words: list[str]) -> None:
        out, err = self.folder / f"{name}.out", self.folder / f"{name}.err"
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with out.open("wb") as said, err.open("wb") as complained:
            process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=complained)
        self.children[name] = Child(process, out, err)

    def is_healthy(self, service: str) -> bool:
        """The health check of compose.yaml, or else the image's."""
        own = self.services[service].get("healthcheck")
        words = own["test"][1:] if own else instruction("factorlog", "HEALTHCHECK").words
        words = [sys.executable, *map(self.here, words[1:])]
        if service == "api":
            words = [word.replace("127.0.0.1", LISTEN) for word in words]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    @property
    def programs(self) -> Path:
        """Those of Postgres, psql and pg_dump among them."""
        return postgres_programs(None)

    def as_owner(self, program: str, *words: str, **more: Any) -> "subprocess.CompletedProcess[bytes]":
        """`docker compose exec postgres PROGRAM WORDS`: the password comes from the file."""
        env = {**os.environ, "PGPASSFILE": str(self.secrets / "pgpass"), "PGHOST": str(self.socket)}
        words = ("--no-password", "--username=factorlog_owner", *words)
        return subprocess.run([self.programs / program, *words], env=env, check=True, capture_output=True, **more)

    @asynccontextmanager
    async def portal(self) -> AsyncIterator[Portal]:
        """People behind the proxy."""
        headers = {"Host": HOST, "X-Forwarded-For": "203.0.113.7"}
        async with aiohttp.ClientSession(headers=headers) as http:
            yield Portal((self.url,), http)


@contextmanager
def prepared() -> Iterator[Place]:
    """Secrets are made and Postgres runs as its image leaves it: no schema yet."""
    folder = Path(tempfile.mkdtemp(prefix="fl-"))
    place = Place(folder, EmbeddedPostgres(folder / "pg", _settings()))
    try:
        place.data_dir.mkdir()
        subprocess.run([OPERATIONS / "make-secrets.sh", place.secrets], check=True)
        for name in ("owner_database_url", "database_url", "redis_url", "smtp_url"):
            file = place.secrets / name
            file.write_text(place.here(file.read_text()))
        asyncio.run(_first_start(place))
        yield place
    finally:
        for child in place.children.values():
            child.kill()
        asyncio.run(place.postgres.stop())
        shutil.rmtree(folder, ignore_errors=True)


def _settings() -> dict[str, str]:
    words = compose({"FACTORLOG_PUBLIC_URL": f"https://{HOST}"})["services"]["postgres"]["command"][1:]
    return dict(word.removeprefix("--").split("=", 1) for word in words)


async def _first_start(place: Place) -> None:
    """What the image does: the owner's password, an empty database, then the script."""
    urls = await place.postgres.start()
    password = (place.secrets / "owner_password").read_text()
    psql = [str(place.programs / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    commands = ["DROP DATABASE factorlog", "DROP ROLE factorlog_app", "CREATE DATABASE factorlog"]
    commands += [f"ALTER ROLE factorlog_owner PASSWORD '{password}'"]
    url = urls.owner.replace("@/factorlog?", "@/postgres?")
    subprocess.run([*psql, url, *(f"--command={each}" for each in commands)], check=True)
    # The server reads the file itself, as a user that may not look into our folder: it gets a copy in its own.
    data = place.folder / "pg" / "postgres" / "data"
    copy = data / "app_password"
    shutil.copyfile(place.secrets / "app_password", copy)
    account = server_account(data)
    if account is not None:
        os.chown(copy, account.uid, account.gid)
    script = (OPERATIONS / "app_role.sql").read_text().replace("/run/secrets/app_password", "app_password")
    place.as_owner("psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--dbname=factorlog", input=script.encode())
