"""compose.yaml and the Dockerfile, read as their programs would read them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
COMPOSE: Final = ROOT / "compose.yaml"
DOCKERFILE: Final = ROOT / "Dockerfile"

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def compose(environ: Mapping[str, str]) -> dict[str, Any]:
    """The document with variables filled in; one that is needed and missing is a KeyError."""

    def value(match: re.Match[str]) -> str:
        name, sign, default = match.groups()
        return environ.get(name) or (default if sign == "-" else environ[name])

    document: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(value, COMPOSE.read_text(encoding="utf-8")))
    return document


@dataclass(frozen=True, slots=True)
class Instruction:
    """One of a Dockerfile's; `words` is the rest of the line, or the parsed JSON form."""

    name: str
    words: list[str]
    stage: str


def dockerfile() -> list[Instruction]:
    """All instructions with the stage that they stand in."""
    return list(_instructions(DOCKERFILE.read_text(encoding="utf-8")))


def instruction(stage: str, name: str) -> Instruction:
    """The only one of that name in a stage."""
    [found] = [one for one in dockerfile() if (one.stage, one.name) == (stage, name)]
    return found


def _instructions(text: str) -> Iterator[Instruction]:
    stage = ""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", "").splitlines():
        if not line.strip():
            continue
        name, rest = line.split(maxsplit=1)
        stage = rest.split()[-1] if name == "FROM" else stage
        form = rest[rest.index("[") :] if "[" in rest else ""
        yield Instruction(name, json.loads(form) if form.endswith("]") else rest.split(), stage)
