"""A report as PDF: the page, printed, with the JSON Lines attached. Printed in a process of its own.

That process fetches nothing, ends after a time, and takes its memory with it. `python -m services.reports.pdf`.
"""

import asyncio
import json
import sys
from datetime import datetime
from typing import Any, Final

from services.reports.html import page
from services.reports.parsed import Parsed

MOST_ROWS: Final = 250  # printed; the attachment has all
SECONDS: Final = 60.0
_MISSING: Final = 3  # exit code: the extra or its libraries are not there


class PdfMissing(Exception):
    """The extra `pdf`, or the libraries that it prints with, are not installed."""


class PdfFailed(Exception):
    """It could not be printed."""


async def printed(parsed: Parsed, language: str) -> bytes:
    """Raises PdfMissing, PdfFailed."""
    text = await asyncio.to_thread(page, parsed, language, limit=MOST_ROWS, with_evidence=False)
    moment = parsed.header["as_of"] or parsed.header["to"]
    head = json.dumps({"name": f"{parsed.name}.jsonl", "moment": moment, "page": len(text.encode())})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.reports.pdf"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # Nothing of ours is in its environment; fonts are dated by what is given here.
        env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "0", "LC_ALL": "C.UTF-8"},
    )
    try:
        async with asyncio.timeout(SECONDS):
            made, _ = await process.communicate(b"\n".join((head.encode(), text.encode() + parsed.lines)))
    except TimeoutError as error:
        raise PdfFailed from error
    finally:
        # Also when whoever asked has gone.
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == _MISSING:
        raise PdfMissing
    if process.returncode != 0:
        raise PdfFailed
    return made


def main() -> int:
    try:
        from weasyprint import HTML, Attachment
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError):
        return _MISSING

    class Nothing(URLFetcher):  # type: ignore[misc]  # ships no types
        def fetch(self, url: str, headers: Any = None) -> Any:
            raise ValueError("nothing is fetched")

    head, _, rest = sys.stdin.buffer.read().partition(b"\n")
    about = json.loads(head)
    text, lines = rest[: about["page"]], rest[about["page"] :]
    moment = datetime.fromisoformat(about["moment"])
    attached = Attachment(string=lines, name=about["name"], created=moment, modified=moment)
    made = HTML(string=text.decode(), url_fetcher=Nothing()).write_pdf(
        attachments=[attached], pdf_identifier=about["name"].encode()
    )
    sys.stdout.buffer.write(made or b"")
    return 0


if __name__ == "__main__":
    sys.exit(main())
