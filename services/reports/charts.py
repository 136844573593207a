"""Pictures of a report: plain SVG with attributes only, so that they pass every content security policy."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

_COLOURS: Final = ("#1b7f5c", "#d99a1c", "#8a94a3")
_WIDTH: Final = 720
_LABEL: Final = 230
_LINE: Final = 26
_HEIGHT: Final = 200
_WIDEST: Final = 60

_FRAME: Final = Markup(
    '<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
    'aria-hidden="true" font-family="sans-serif" font-size="13">{}</svg>'
)
_BOX: Final = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>')
_WORD: Final = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="currentColor">{}</text>')


def bars(numbers: Sequence[tuple[str, int]]) -> Markup:
    """One bar a name; nothing where there are none."""
    longest = max((number for _, number in numbers), default=0)
    shapes: list[Markup] = []
    for place, (name, number) in enumerate(numbers):
        y, width = place * _LINE, (_WIDTH - _LABEL - 70) * number / max(longest, 1)
        colour = _COLOURS[place if len(numbers) == len(_COLOURS) else 0]
        shapes += [
            _WORD.format(_LABEL - 10, y + 17, "end", name),
            _BOX.format(_LABEL, y + 4, max(width, 1), _LINE - 8, colour),
            _WORD.format(_LABEL + width + 8, y + 17, "start", number),
        ]
    return _framed(shapes, len(numbers) * _LINE)


def columns(moments: Sequence[tuple[str, Sequence[int]]], names: Sequence[str]) -> Markup:
    """One stacked column a moment, and what its colours mean."""
    highest = max((sum(parts) for _, parts in moments), default=0)
    step = (_WIDTH - 20) / max(len(moments), 1)
    width = min(step * 0.8, _WIDEST)
    every = len(moments) // 12 + 1
    shapes: list[Markup] = []
    for place, (name, parts) in enumerate(moments):
        x, y = 10 + place * step, float(_HEIGHT)
        for number, colour in zip(parts, _COLOURS, strict=True):
            height = (_HEIGHT - 10) * number / max(highest, 1)
            y -= height
            shapes.append(_BOX.format(x + (step - width) / 2, y, width, height, colour))
        if place % every == 0:
            shapes.append(_WORD.format(x + step / 2, _HEIGHT + 18, "middle", name))
    for place, (name, colour) in enumerate(zip(names, _COLOURS, strict=True)):
        x = 10 + place * _LABEL
        shapes += [_BOX.format(x, _HEIGHT + 32, 12, 12, colour), _WORD.format(x + 18, _HEIGHT + 43, "start", name)]
    return _framed(shapes, _HEIGHT + 52)


def _framed(shapes: Sequence[Markup], height: int) -> Markup:
    return _FRAME.format(_WIDTH, height, _WIDTH, height, Markup("").join(shapes)) if shapes else Markup("")
