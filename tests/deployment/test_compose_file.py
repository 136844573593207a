"""What can be said of compose.yaml without a container engine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.settings import SECRETS, from_environ
from tests.deployment.files import COMPOSE, ROOT, compose

DOCUMENT = compose({"FACTORLOG_PUBLIC_URL": "https://factorlog.example"})
SERVICES: dict[str, Any] = DOCUMENT["services"]
# One ends by itself, the other answers nobody.
WITHOUT_HEALTH_CHECK = {"migrate", "worker"}

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def test_it_is_a_compose_file_by_the_published_schema() -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    said = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", COMPOSE], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout


def test_the_address_of_the_service_has_to_be_said() -> None:
    with pytest.raises(KeyError, match="FACTORLOG_PUBLIC_URL"):
        compose({})


@every_service
def test_a_service_writes_nowhere_and_gains_nothing(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all("noexec" in place for place in service["tmpfs"])
    assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"}
    user = service.get("user", "10001:10001" if "build" in service else "0")
    assert not user.startswith("0")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_tells_its_health_or_has_a_reason(name: str) -> None:
    health = SERVICES[name].get("healthcheck")
    if name in WITHOUT_HEALTH_CHECK:
        assert health == {"disable": True}
    else:
        # The API's is in the image.
        assert name == "api" or health["test"][0] == "CMD"


@every_service
def test_secrets_come_as_files_only(service: dict[str, Any]) -> None:
    for name, value in service.get("environment", {}).items():
        assert "password" not in name.lower() or name.endswith("_FILE")
        assert "://" not in value or name == "FACTORLOG_PUBLIC_URL"
        assert name.removeprefix("FACTORLOG_").lower() not in SECRETS
    named = {value for value in service.get("environment", {}).values() if value.startswith("/run/secrets/")}
    named |= {word for word in service.get("command", []) if word.startswith("/run/secrets/")}
    given = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
    # This one is read by app_role.sql.
    assert given - named <= {"/run/secrets/app_password"}
    assert named <= given


def test_each_file_is_handed_to_those_who_need_it() -> None:
    holders = {
        secret: {name for name, service in SERVICES.items() if secret in service.get("secrets", [])}
        for secret in DOCUMENT["secrets"]
    }
    assert holders == {
        "owner_password": {"postgres"},
        "app_password": {"postgres"},
        "pgpass": {"postgres"},
        "owner_database_url": {"migrate"},
        "database_url": {"api", "worker"},
        "redis_url": {"api", "worker"},
        "key": {"api", "worker"},
        "smtp_url": {"worker"},
        "valkey_acl": {"valkey"},
    }


def test_only_the_api_can_be_reached_and_from_this_machine_alone() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"api"}
    assert SERVICES["api"]["ports"] == ["127.0.0.1:8080:8080"]


def test_everybody_is_in_as_few_networks_as_possible() -> None:
    assert {name: service.get("network_mode") or set(service["networks"]) for name, service in SERVICES.items()} == {
        "postgres": "none",
        "migrate": "none",
        "valkey": {"queue"},
        "api": {"front", "queue"},
        "worker": {"queue", "outward"},
        "mail": "service:worker",
    }
    assert DOCUMENT["networks"]["queue"]["internal"] is True
    assert (
        SERVICES["api"]["environment"]["FACTORLOG_TRUSTED_PROXIES"]
        == (DOCUMENT["networks"]["front"]["ipam"]["config"][0]["gateway"])
    )


def test_the_schema_is_up_to_date_before_anybody_works_on_it() -> None:
    for name in ("api", "worker"):
        waits = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
        assert waits == {
            "postgres": "service_healthy",
            "valkey": "service_healthy",
            "migrate": "service_completed_successfully",
        }
    assert SERVICES["migrate"]["restart"] == "no"


def test_versions_and_places_of_the_stored_data() -> None:
    assert SERVICES["postgres"]["image"] == "postgres:18"
    assert "postgres-data:/var/lib/postgresql" in SERVICES["postgres"]["volumes"]
    assert SERVICES["valkey"]["image"] == "valkey/valkey:9"
    assert SERVICES["valkey"]["volumes"] == ["valkey-data:/data"]


@every_service
def test_every_mounted_file_exists(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert source in DOCUMENT["volumes"] or (ROOT / source).is_file()


def test_only_the_development_profile_has_a_mail_sink() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "mail": ["dev"]
    }


def test_the_settings_of_each_program_are_settings(tmp_path: Path) -> None:
    for name in ("migrate", "api", "worker"):
        environ = dict(SERVICES[name]["environment"])
        for variable in [variable for variable in environ if variable.endswith("_URL_FILE")]:
            secret = tmp_path / variable
            secret.write_text("scheme:///any")
            environ[variable] = str(secret)
        from_environ(environ, database_url=None if name != "migrate" else "unused")
