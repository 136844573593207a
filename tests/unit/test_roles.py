"""Roles against the table of the product's specification, and the rank rule."""

from itertools import product
from typing import Final

import pytest

from events.company.roles import BUILT_IN, NO_RIGHTS, PROVIDER_ONLY, Level, Right, covers
from events.company.state import CompanyState

HEADER: Final = (
    "role | users | two_factor_others | sessions_others | policy | audit | reports | integrations | companies"
    " | own_security"
)
ROWS: Final = """
administrator    | f | f | f | f | v | f | f | – | f
security_officer | v | f | f | v | v | f | – | – | f
auditor          | – | – | – | – | v | f | – | – | f
user             | – | – | – | – | – | – | – | – | f
operator         | f | f | f | f | v | f | f | f | f
provider_auditor | – | – | – | – | v | f | – | v | f
"""
LETTERS: Final = {"f": Level.FULL, "v": Level.VIEW, "–": Level.NONE}
CELLS: Final = [
    (cells[0], Right(column), LETTERS[cell])
    for row in ROWS.strip().splitlines()
    if (cells := [part.strip() for part in row.split("|")])
    for column, cell in zip(HEADER.split(" | ")[1:], cells[1:], strict=True)
]

# Who may act on whom: an actor's line names everybody whose every right is at most the actor's.
ACTS_ON: Final = {
    "administrator": {"administrator", "security_officer", "auditor", "user"},
    "security_officer": {"security_officer", "auditor", "user"},
    "auditor": {"auditor", "user"},
    "user": {"user"},
    "operator": {"administrator", "security_officer", "auditor", "user", "operator", "provider_auditor"},
    "provider_auditor": {"auditor", "user", "provider_auditor"},
}


@pytest.mark.parametrize(("role", "right", "level"), CELLS)
def test_a_role_has_the_right_of_the_table(role: str, right: Right, level: Level) -> None:
    assert BUILT_IN[role][right] is level


def test_the_table_is_complete() -> None:
    """T-01: every built-in role has every right at some level."""
    assert {role for role, _, _ in CELLS} == set(BUILT_IN)
    assert len(CELLS) == len(BUILT_IN) * len(Right)


@pytest.mark.parametrize(("actor", "target"), list(product(ACTS_ON, ACTS_ON)))
def test_rank_decides_who_acts_on_whom(actor: str, target: str) -> None:
    """S-05: no upward reach; a security officer does not reset an administrator."""
    assert covers(BUILT_IN[actor], BUILT_IN[target]) is (target in ACTS_ON[actor])


def test_an_unknown_role_has_no_right() -> None:
    """T-01: default deny."""
    assert CompanyState().rights_of("wizard") == NO_RIGHTS
    assert not any(NO_RIGHTS.values())


def test_only_the_provider_has_rights_on_companies() -> None:
    assert {role for role in BUILT_IN if BUILT_IN[role][Right.COMPANIES]} == PROVIDER_ONLY


def test_nobody_may_change_a_role_by_accident() -> None:
    with pytest.raises(TypeError):
        BUILT_IN["user"][Right.POLICY] = Level.FULL  # type: ignore[index]
