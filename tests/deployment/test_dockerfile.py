"""What can be said of the Dockerfile without a container engine."""

import re
import tomllib
from pathlib import Path

from tests.deployment.files import ROOT, Instruction, compose, dockerfile

STAGES = {one.stage for one in dockerfile()}


def named(name: str, stage: str | None = None) -> list[Instruction]:
    return [one for one in dockerfile() if one.name == name and stage in (None, one.stage)]


def test_every_stage_begins_with_another_one_or_with_the_slim_image_of_a_python_that_is_served() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    for one in named("FROM"):
        found = re.fullmatch(r"python:(3\.[0-9]+)-slim", one.words[0])
        assert one.words[0] in STAGES or (found and f">={found[1]}" == needed), one


def test_everything_that_is_copied_exists_and_is_not_kept_out_by_the_ignore_file() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set()
    for one in named("COPY"):
        if not one.words[0].startswith("--from="):
            copied |= set(one.words[:-1])
    assert copied == let_in
    assert all((ROOT / path).exists() for path in copied)


def test_nothing_is_fetched_but_packages_that_the_locks_name_by_hash() -> None:
    assert named("ADD") == []
    for one in named("RUN"):
        line = " ".join(one.words)
        assert "://" not in line
        for install in re.findall(r"pip install[^&]*", line):
            assert "--no-deps" in install
            assert "--require-hashes" in install or "--no-index" in install


def test_what_runs_is_an_ordinary_user_without_a_shell_in_between() -> None:
    for stage in ("factorlog", "mail-sink"):
        assert [one.words for one in named("USER", stage)] == [["10001:10001"]]
    assert [one.words for one in named("ENTRYPOINT", "factorlog")] == [["factorlog"]]
    assert [one.words for one in named("CMD", "factorlog")] == [["serve"]]


def test_the_last_stage_is_the_service_and_nothing_of_the_tools_is_in_it() -> None:
    assert dockerfile()[-1].stage == "factorlog"
    assert [one.words[0] for one in named("COPY", "factorlog")] == ["--from=installed"]
    services = compose({"FACTORLOG_PUBLIC_URL": "https://factorlog.example"})["services"].values()
    targets = {service["build"]["target"] for service in services if "build" in service}
    assert targets == {"factorlog", "mail-sink"} <= STAGES


def test_no_secret_and_no_switch_that_drops_assertions_is_in_the_environment() -> None:
    names = {word.split("=")[0] for one in named("ENV") for word in one.words}
    assert names == {
        "PATH",
        "FACTORLOG_DATA_DIR",
        "PIP_DISABLE_PIP_VERSION_CHECK",
        "PIP_NO_CACHE_DIR",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONUNBUFFERED",
    }
    assert named("ARG") == []


def test_the_runtime_lock_is_the_part_of_the_whole_one_that_runs() -> None:
    whole, part = pins(ROOT / "requirements.lock"), pins(ROOT / "requirements.runtime.lock")
    assert part.items() <= whole.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in project["optional-dependencies"].values() for line in extra]
    assert {name(line) for line in project["dependencies"]} <= part.keys()
    assert part.keys().isdisjoint({name(line) for line in extras} - {name(line) for line in project["dependencies"]})


def pins(lock: Path) -> dict[str, str]:
    """Name -> version and hashes."""
    found = re.findall(r"^([a-z0-9-]+)(==.*(?:\n    .*)*)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return dict(found)


def name(requirement: str) -> str:
    return re.split(r"[^a-z0-9-]", requirement, maxsplit=1)[0]
