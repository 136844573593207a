"""SQL statements live in files beside the module that runs them; this loads one at import."""

from pathlib import Path


def statement(module_file: str, name: str) -> str:
    """The text of `sql/<name>.sql` beside the module."""
    return (Path(module_file).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
