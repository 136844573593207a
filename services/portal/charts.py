"""Pictures drawn by the server: coloured by the style sheet, each beside a table that says the same."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

_GAP: Final = 0.4
_BAR: Final = Markup('<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">{}</svg>')
_COLUMNS: Final = Markup(
    '<svg class="columns {}" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
)
_COLUMN: Final = Markup('<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}</title></rect>')
_SHAPE: Final = Markup('<rect class="{}" x="{:.2f}" y="0" width="{:.2f}" height="4"/>')


def bar(parts: Sequence[tuple[str, int]]) -> Markup:
    """One bar of (class, number) parts, as wide as their shares; nothing where all are 0."""
    shown = [(name, number) for name, number in parts if number]
    whole = sum(number for _, number in shown)
    shapes, at = [], 0.0
    for place, (name, number) in enumerate(shown, start=1):
        width = 100 * number / whole
        drawn_width = width if place == len(shown) else max(width - _GAP, _GAP)
        shapes.append(_SHAPE.format(name, at, drawn_width))
        at += width
    return _BAR.format(Markup("").join(shapes))


def columns(kind: str, values: Sequence[tuple[str, int]]) -> Markup:
    """One column a (name, number), side by side, as high as their numbers beside the highest one."""
    most, wide = max((number for _, number in values), default=0), 100 / max(len(values), 1)
    shapes = []
    for place, (name, number) in enumerate(values):
        # Few beside many are still seen; none is a line at the bottom.
        height = max(24 * number / most, 1.2) if number else 0.35
        shapes.append(_COLUMN.format(place * wide + _GAP, 24 - height, wide - 2 * _GAP, height, f"{name}: {number}"))
    return _COLUMNS.format(kind, Markup("").join(shapes))
