"""A report as one page: pictures, table, and the JSON Lines inside, where `factorlog verify` finds them."""

from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from services.reports import words
from services.reports.parsed import Parsed
from services.reports.presentation import present

_ENVIRONMENT: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(parsed: Parsed, language: str, *, limit: int | None = None, with_evidence: bool = True) -> str:
    """`limit`: rows at most, for what is printed."""
    # Whoever builds the lines leaves no `<` in them; nothing may end the block, whoever did.
    lines = parsed.lines.decode().replace("<", "\\u003c")
    evidence = Markup(lines) if with_evidence else None  # noqa: S704 - see above
    return _ENVIRONMENT.get_template("report.html").render(
        shown=present(parsed, language),
        created=parsed.header["as_of"] or parsed.header["to"],
        limit=limit,
        words=words,
        evidence=evidence,
    )
