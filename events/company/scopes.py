"""What an API client may, and which rights of people that amounts to."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from events.company.roles import NO_RIGHTS, Level, Right, Rights


class Scope(StrEnum):
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    TWO_FACTOR_READ = "two_factor.read"
    TWO_FACTOR_WRITE = "two_factor.write"
    SESSIONS_READ = "sessions.read"
    SESSIONS_WRITE = "sessions.write"
    SESSIONS_INTROSPECT = "sessions.introspect"
    POLICY_READ = "policy.read"
    POLICY_WRITE = "policy.write"
    SIGN_INS_WRITE = "sign_ins.write"
    AUDIT_READ = "audit.read"
    REPORTS_READ = "reports.read"
    REPORTS_WRITE = "reports.write"
    COMPANIES_READ = "companies.read"
    COMPANIES_WRITE = "companies.write"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"


# Whoever makes a client has to have these rights; the client never has more.
RIGHT_OF: Final[Mapping[Scope, tuple[Right, Level]]] = MappingProxyType(
    {
        Scope.USERS_READ: (Right.USERS, Level.VIEW),
        Scope.USERS_WRITE: (Right.USERS, Level.FULL),
        Scope.TWO_FACTOR_READ: (Right.USERS, Level.VIEW),
        Scope.TWO_FACTOR_WRITE: (Right.TWO_FACTOR_OTHERS, Level.FULL),
        Scope.SESSIONS_READ: (Right.SESSIONS_OTHERS, Level.VIEW),
        Scope.SESSIONS_WRITE: (Right.SESSIONS_OTHERS, Level.FULL),
        Scope.SESSIONS_INTROSPECT: (Right.SESSIONS_OTHERS, Level.VIEW),
        Scope.POLICY_READ: (Right.POLICY, Level.VIEW),
        Scope.POLICY_WRITE: (Right.POLICY, Level.FULL),
        Scope.SIGN_INS_WRITE: (Right.INTEGRATIONS, Level.FULL),
        Scope.AUDIT_READ: (Right.AUDIT, Level.VIEW),
        Scope.REPORTS_READ: (Right.REPORTS, Level.VIEW),
        Scope.REPORTS_WRITE: (Right.REPORTS, Level.FULL),
        Scope.COMPANIES_READ: (Right.COMPANIES, Level.VIEW),
        Scope.COMPANIES_WRITE: (Right.COMPANIES, Level.FULL),
        Scope.WEBHOOKS_READ: (Right.INTEGRATIONS, Level.VIEW),
        Scope.WEBHOOKS_WRITE: (Right.INTEGRATIONS, Level.FULL),
    }
)


def rights_of_scopes(scopes: Iterable[Scope]) -> Rights:
    """A client's rights for the rank rule. It has no account, so the right to an own one stands in nobody's way."""
    rights = {**NO_RIGHTS, Right.OWN_SECURITY: Level.FULL}
    for scope in scopes:
        right, level = RIGHT_OF[scope]
        rights[right] = max(rights[right], level)
    return MappingProxyType(rights)
