"""How text becomes words to search for: the same for what is stored and for what is asked."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_LONGEST: Final = 100  # characters; Postgres refuses words of 2 KiB
_PARTS: Final = re.compile(r"\w+")
_CAMEL: Final = re.compile(r"[A-Z][a-z]*")
_EDGES: Final = "\"'`.,;:!?()[]{}<>«»„“”‚‘’"


def words_of_text(text: str) -> set[str]:
    """Each run between spaces as it is, and the parts that it has between signs: `anna.admin`, `anna`, `admin`."""
    words: set[str] = set()
    for run in words_asked(text):
        words.add(run)
        words.update(part[:_LONGEST] for part in _PARTS.findall(run))
    return words


def words_asked(text: str) -> list[str]:
    """What has to be found, all of it: a stored word that begins with it is enough. Signs alone are no words."""
    runs = (run.strip(_EDGES)[:_LONGEST] for run in _folded(text).split())
    return [run for run in runs if _PARTS.search(run)]


@lru_cache(maxsize=1024)
def words_of_type(name: str) -> frozenset[str]:
    """`KeyReset` is found as `keyreset`, `key` and `reset`."""
    return frozenset((name.lower(), *(part.lower() for part in _CAMEL.findall(name))))


def _folded(text: str) -> str:
    folded = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return "".join(c if c.isprintable() else " " for c in folded)
