"""docs/configuration.md, made from the settings model: `python -m services.cli.configuration`."""

import sys
from pathlib import Path
from typing import Final

from pydantic_core import PydanticUndefined

from services.settings import PREFIX, SECRETS, Settings

COMMITTED: Final = Path(__file__).parents[2] / "docs" / "configuration.md"
_HEAD: Final = """# Configuration

Made from the settings model by `python -m services.cli.configuration`; a test compares.

Settings are environment variables. One that is not known stops the program, with a list of everything that is wrong and
none of the values. No secret has a default. `factorlog up` needs none of them: it starts its own Postgres and Valkey.

Secrets may stand in files instead, as containers are handed them; a newline at the end does not count, and giving both
is refused: {files}.

| variable | default | meaning |
|---|---|---|
"""


def text() -> str:
    """The page as it is committed."""
    files = ", ".join(f"`{PREFIX}{name.upper()}_FILE`" for name in SECRETS)
    return _HEAD.format(files=files) + "".join(_line(name) for name in Settings.model_fields)


def _line(name: str) -> str:
    field = Settings.model_fields[name]
    default = field.default
    if default is PydanticUndefined:
        shown = "– (needed)"
    elif default in (None, (), ""):
        shown = "–"
    else:
        shown = f"`{default}`"
    return f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |\n"


if __name__ == "__main__":
    COMMITTED.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"wrote {COMMITTED.name}\n")
