"""The table and the JSON."""

import json
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.benchmarks.figures import Figure, Sample

_COLUMNS: Final = (
    "reached",
    "floor",
    "ratio",
    "target",
    "",
    "CPU µs",
    "Postgres",
    "floor's",
    "Postgres",
    "CPU ratio",
    "p50 ms",
    "p99 ms",
    "others",
)


def table(figures: list[Figure], machine: dict[str, str]) -> Table:
    """One line a figure."""
    head = ", ".join(f"{name} {value}" for name, value in machine.items())
    made = Table(title="Factorlog beside bare floors", caption=head, title_justify="left", caption_justify="left")
    for name in ("", "what", "beside"):
        made.add_column(name, no_wrap=True)
    for name in _COLUMNS:
        made.add_column(name, justify="right", no_wrap=True)
    group = ""
    for figure in figures:
        if figure.group != group:
            made.add_section()
        made.add_row("" if figure.group == group else figure.group, *_cells(figure))
        group = figure.group
    return made


def _cells(figure: Figure) -> list[str]:
    floor, product = figure.floor, figure.product
    return [
        figure.name,
        figure.floor_name or "",
        f"{_number(figure.reached)} {figure.unit}",
        _number(floor.rate) if floor else "",
        _share(figure.ratio),
        _target(figure),
        {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[figure.met],
        *_costs(product),
        *_costs(floor),
        _share(figure.cpu_ratio),
        *_latencies(product),
        f"{product.others:.0%}" if product else "",
    ]


def _costs(sample: Sample | None) -> list[str]:
    """CPU for one operation: of the process, and of Postgres."""
    if sample is None:
        return ["", ""]
    return [f"{sample.microseconds:,.0f}", f"{sample.postgres_microseconds:,.0f}"]


def _latencies(sample: Sample | None) -> list[str]:
    if sample is None or sample.p50 is None or sample.p99 is None:
        return ["", ""]
    return [f"{sample.p50:.1f}", f"{sample.p99:.1f}"]


def _share(value: float | None) -> str:
    return f"{value:.2f}" if value is not None else ""


def _target(figure: Figure) -> str:
    target = figure.target
    if target is None:
        return ""
    sign = "≤" if target.most else "≥"
    if target.share:
        return f"{sign} {target.value:g} ×"
    scaled = figure.demanded is not None and figure.demanded < target.value
    return f"{sign} {_number(target.value)}" + (f" (here {_number(figure.demanded or 0)})" if scaled else "")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def show(figures: list[Figure], machine: dict[str, str]) -> None:
    console = Console()
    # A file or a pipe has no width of its own; half a table says nothing.
    wide = console if console.is_terminal and console.width >= 230 else Console(width=230)
    wide.print(table(figures, machine))


def write_json(path: Path, figures: list[Figure], machine: dict[str, str], command: str, took: float) -> None:
    document = {
        "machine": machine,
        "command": command,
        "seconds": took,
        "figures": [figure.as_json() for figure in figures],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


_BEGIN, _END = "<!-- figures: written by the command above -->", "<!-- end of figures -->"


def write_page(path: Path, figures: list[Figure], machine: dict[str, str]) -> None:
    """Put this run's figures between the marks of a Markdown page; the words around them stay."""
    before, _, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        raise ValueError(f"{path} has no place for figures")
    lines = [
        "| | reached | floor | ratio | target | | CPU µs | floor's | others |",
        "|---|--:|--:|--:|--:|---|--:|--:|--:|",
    ]
    lines += [_page_line(figure) for figure in figures]
    about = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items())
    text = "\n".join([_BEGIN, "", f"On: {about}.", "", *lines, "", _END])
    path.write_text(before + text + after, encoding="utf-8")


def _page_line(figure: Figure) -> str:
    beside = f" beside {figure.floor_name}" if figure.floor_name else ""
    cells = [
        f"{figure.group}: {figure.name}{beside}",
        f"{_number(figure.reached)} {figure.unit}{_median(figure)}",
        _number(figure.floor.rate) if figure.floor else "",
        _share(figure.ratio),
        _target(figure),
        {True: "met", False: "**missed**", None: ""}[figure.met],
        _both(figure.product),
        _both(figure.floor),
        f"{figure.product.others:.0%}" if figure.product else "",
    ]
    return f"| {' | '.join(cells)} |"


def _median(figure: Figure) -> str:
    """Beside a latency."""
    if figure.value is None or figure.product is None or figure.product.p50 is None:
        return ""
    return f", median {_number(figure.product.p50)}"


def _both(sample: Sample | None) -> str:
    return " + ".join(_costs(sample)) if sample is not None else ""
