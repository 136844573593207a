"""The menu: what the reader may see of what is there."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from events.company.roles import Level, Right
from services.portal.messages import _
from services.portal.visit import Visit


@dataclass(frozen=True, slots=True)
class Entry:
    """`right`: who may see it; None: everybody. The first of its name's section opens that section."""

    path: str
    name: str
    right: Right | None = None


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    entries: tuple[Entry, ...]


_MENU: Final = (
    Section("", (Entry("/", _("Start")),)),
    Section(
        _("My company"),
        (
            Entry("/profile", _("My profile")),
            Entry("/users", _("Portal users"), Right.USERS),
            Entry("/roles", _("Roles"), Right.USERS),
            Entry("/policy", _("Security policy"), Right.POLICY),
            Entry("/audit", _("Audit log"), Right.AUDIT),
            Entry("/reports", _("Reports"), Right.REPORTS),
            Entry("/integrations", _("Integrations"), Right.INTEGRATIONS),
        ),
    ),
    Section(_("Provider"), (Entry("/companies", _("Companies"), Right.COMPANIES),)),
)


def menu(visit: Visit) -> list[Section]:
    """Sections that have something for the reader."""
    found = [Section(section.name, tuple(_visible(visit, section.entries))) for section in _MENU]
    return [section for section in found if section.entries]


def _visible(visit: Visit, entries: Iterable[Entry]) -> Iterable[Entry]:
    return (entry for entry in entries if entry.right is None or visit.may(entry.right, Level.VIEW))


def is_current(entry: Entry, path: str) -> bool:
    return path == entry.path or (entry.path != "/" and path.startswith(entry.path + "/"))
