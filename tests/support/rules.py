"""A company's rules as its history makes them."""

from datetime import datetime

from events.company.events import CompanyCreated, PolicyChanged
from events.company.policy import CompanyRules, Policy
from events.company.state import fold


def company(*changes: tuple[datetime, Policy]) -> CompanyRules:
    """The rules of a company that had these policies, one after the other."""
    facts = (PolicyChanged(policy=policy, changed_at=at) for at, policy in changes)
    return fold([CompanyCreated(name="Acme GmbH"), *facts]).rules
