"""May this caller do this, to this target, now? Decided before every act, and again on every retry."""

from collections.abc import Iterable
from datetime import datetime

from events.company.roles import Level, Right, Rights, covers
from events.company.scopes import Scope, rights_of_scopes
from events.decision import Refusal
from events.store.port import StoredUser
from services.application.context import Caller
from services.application.errors import Refused


def demand_right(caller: Caller, right: Right, level: Level) -> None:
    """Raises Refused(FORBIDDEN)."""
    if not caller.may(right, level):
        raise Refused(Refusal.FORBIDDEN)


def demand_fresh(caller: Caller, now: datetime) -> None:
    """A factor proven within the last minutes. Raises Refused(STEP_UP_REQUIRED)."""
    if not caller.is_fresh(now):
        raise Refused(Refusal.STEP_UP_REQUIRED)


def demand_own_factor(caller: Caller) -> None:
    """An own factor that is on: with one, a session is fresh by a code only. Raises Refused(FORBIDDEN)."""
    if not caller.has_own_factor():
        raise Refused(Refusal.FORBIDDEN)


def demand_place(caller: Caller, level: Level) -> None:
    """In another company only the provider's people and programs act, and to change something with a factor."""
    if not caller.is_elsewhere:
        return
    demand_right(caller, Right.COMPANIES, level)
    if level is Level.FULL:
        demand_own_factor(caller)


def demand_person(caller: Caller) -> None:
    """Some acts are a person's only, whatever scopes a program has."""
    if caller.client is not None:
        raise Refused(Refusal.FORBIDDEN)


def demand_rank(caller: Caller, target: StoredUser) -> None:
    """Nobody acts on the own account through an administrator's path, nor on more rights than the own."""
    if target.user_id == caller.user_id and target.company_id == caller.company_id:
        raise Refused(Refusal.FORBIDDEN)
    if not covers(caller.rights(), target.company.rights_of(target.state.role)):
        raise Refused(Refusal.FORBIDDEN)


def demand_grantable(caller: Caller, rights: Rights) -> None:
    """Nobody gives rights above the own ones."""
    if not covers(caller.rights(), rights):
        raise Refused(Refusal.FORBIDDEN)


def demand_scopes_grantable(caller: Caller, scopes: Iterable[Scope]) -> None:
    """Nor scopes. A program has no account of its own, so the right to that is nobody's gift."""
    granted = {**rights_of_scopes(scopes), Right.OWN_SECURITY: Level.NONE}
    demand_grantable(caller, granted)


def demand_own_security(user: StoredUser) -> None:
    """`own_security: view` sees, and starts nothing by oneself. Raises Refused(FORBIDDEN)."""
    if user.company.rights_of(user.state.role)[Right.OWN_SECURITY] < Level.FULL:
        raise Refused(Refusal.FORBIDDEN)
