"""May this caller do this, to this target, now? Decided before every act, and again on every retry."""

from datetime import datetime

from events.company.roles import Level, Right, covers, rights_of
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
    if caller.user.state.key is None:
        raise Refused(Refusal.FORBIDDEN)


def demand_rank(caller: Caller, target: StoredUser) -> None:
    """Nobody acts on the own account through an administrator's path, nor on more rights than the own."""
    if target.user_id == caller.user_id and target.company_id == caller.company_id:
        raise Refused(Refusal.FORBIDDEN)
    if not covers(caller.rights(), rights_of(target.state.role)):
        raise Refused(Refusal.FORBIDDEN)


def demand_grantable(caller: Caller, role: str) -> None:
    """Nobody gives a role above the own rights."""
    if not covers(caller.rights(), rights_of(role)):
        raise Refused(Refusal.FORBIDDEN)


def demand_own_security(caller: Caller) -> None:
    """`own_security: view` sees, and starts nothing by oneself."""
    demand_right(caller, Right.OWN_SECURITY, Level.FULL)
