"""Forms of values that every door reads alike."""

from typing import Final

# `$` is the very end here as in a browser: pydantic's engine knows no end before a last line break.
EMAIL: Final = r"""^[^@\s\x00-\x1f\x7f<>,;"]+@[^@\s\x00-\x1f\x7f<>,;"]+$"""
