"""Why a control does nothing for its reader, in a sentence: said before anybody presses it."""

from events.company.roles import Level, Right
from events.store.port import StoredUser
from services.application import access
from services.application.errors import Refused
from services.portal.visit import Visit


def of_right(visit: Visit, *rights: Right, own_factor: bool = False) -> str | None:
    """What keeps the reader from changing something of the company; None: nothing."""
    needed = [*rights, Right.COMPANIES] if visit.caller.is_elsewhere else rights
    if not all(visit.may(right, Level.FULL) for right in needed):
        return visit.text("Your role may look at this and not change it.")
    if (own_factor or visit.caller.is_elsewhere) and not visit.caller.has_own_factor():
        return visit.text("For this you need two-factor authentication of your own. Switch it on in your profile.")
    return None


def of_act(visit: Visit, target: StoredUser, right: Right, *, own_factor: bool = False) -> str | None:
    """What keeps the reader from acting on this user; None: nothing."""
    if target.user_id == visit.caller.user_id and not visit.caller.is_elsewhere:
        return visit.text("This is your own account. You change it in your profile.")
    hindered = of_right(visit, right, own_factor=own_factor)
    if hindered is None and not _outranks(visit, target):
        return visit.text("This user has rights that you do not have, so you cannot change this account.")
    return hindered


def _outranks(visit: Visit, target: StoredUser) -> bool:
    try:
        access.demand_rank(visit.caller, target)
    except Refused:
        return False
    return True
