"""How large a test is: a tenth in `make test`, in full in `make soak`."""

import os
from typing import Final

SOAK: Final = bool(os.environ.get("FACTORLOG_SOAK"))


def sized(tenth: int, full: int) -> int:
    """`full` where FACTORLOG_SOAK is set, else `tenth`."""
    return full if SOAK else tenth
