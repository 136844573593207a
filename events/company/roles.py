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
MOST_OWN_ROLES: Final = 50  # every request reads them

_WORDS: Final = {level.name.lower(): level for level in Level}


def words_of(rights: Rights) -> dict[str, str]:
    """As facts and answers spell them: right -> none, view or full."""
    return {right.value: rights[right].name.lower() for right in Right}


def rights_from(words: Mapping[str, str]) -> Rights:
    """The inverse; a right that is not named, or a word that is not known, is none."""
    return MappingProxyType({right: _WORDS.get(words.get(right.value, "none"), Level.NONE) for right in Right})


def covers(actor: Rights, target: Rights) -> bool:
    """True when every right of `actor` is at least that of `target`: the rank rule."""
    return all(actor[right] >= target[right] for right in Right)


def may_manage_roles(rights: Rights) -> bool:
    """Whoever may do this can give back what was taken from a role."""
    return rights[Right.USERS] is Level.FULL and rights[Right.POLICY] is Level.FULL
