"""Roles as sets of rights, and who may act on whom."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class Right(StrEnum):
    USERS = "users"
    TWO_FACTOR_OTHERS = "two_factor_others"
    SESSIONS_OTHERS = "sessions_others"
    POLICY = "policy"
    AUDIT = "audit"
    REPORTS = "reports"
    INTEGRATIONS = "integrations"
    COMPANIES = "companies"
    OWN_SECURITY = "own_security"


class Level(IntEnum):
    NONE = 0
    VIEW = 1
    FULL = 2


Rights: TypeAlias = Mapping[Right, Level]


def _rights(letters: str) -> Rights:
    level = {"f": Level.FULL, "v": Level.VIEW, "-": Level.NONE}
    return MappingProxyType({right: level[letter] for right, letter in zip(Right, letters, strict=True)})


NO_RIGHTS: Final = _rights("---------")

# Letters in the order of `Right`: the table of the product's specification.
BUILT_IN: Final[Mapping[str, Rights]] = MappingProxyType(
    {
        "administrator": _rights("ffffvff-f"),
        "security_officer": _rights("vffvvf--f"),
        "auditor": _rights("----vf--f"),
        "user": _rights("--------f"),
        "operator": _rights("ffffvffff"),
        "provider_auditor": _rights("----vf-vf"),
    }
)
PROVIDER_ONLY: Final = frozenset({"operator", "provider_auditor"})


def rights_of(role: str) -> Rights:
    """Rights of a role; an unknown role has none."""
    return BUILT_IN.get(role, NO_RIGHTS)


def covers(actor: Rights, target: Rights) -> bool:
    """True when every right of `actor` is at least that of `target`: the rank rule."""
    return all(actor[right] >= target[right] for right in Right)
