"""Pages of what grows at its beginning: older ones by the position before which they lie, and the way back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from services.portal.visit import Visit

_MOST: Final = 20  # pages back; whoever came further goes on from the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Addresses of other pages; None where there is none."""

    newest: str | None
    newer: str | None
    older: str | None


def position(visit: Visit) -> int | None:
    """Where the page before ended; what is no position is not looked at."""
    return _position(visit.query.get("before", ""))


def pages(visit: Visit, path: str, asked: Mapping[str, str], last: int | None) -> Pages:
    """`asked`: what else the address asks for; `last`: the position after which there is more, if there is.

    The way back stands in the address: the same pages again, whatever came in meanwhile.
    """
    here, way = position(visit), _way(visit)
    older = _address(path, asked, last, (*way, here or 0)[-_MOST:]) if last is not None else None
    if here is None:
        return Pages(newest=None, newer=None, older=older)
    newer = _address(path, asked, way[-1] or None, way[:-1]) if way else None
    return Pages(newest=_address(path, asked, None, ()), newer=newer, older=older)


def _address(path: str, asked: Mapping[str, str], before: int | None, way: tuple[int, ...]) -> str:
    place = {"before": str(before), "back": ".".join(map(str, way))} if before is not None else {}
    given = {name: value for name, value in {**asked, **place}.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def _way(visit: Visit) -> tuple[int, ...]:
    """Where the pages before this one began; 0 is the newest one."""
    found = [_position(part) for part in visit.query.get("back", "").split(".")[-_MOST:]]
    return tuple(one for one in found if one is not None)


def _position(given: str) -> int | None:
    return int(given) if given.isascii() and given.isdigit() and 0 < len(given) < 19 else None
