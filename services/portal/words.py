"""Words of the domain in the reader's language: roles, rights, levels, states of accounts."""

from collections.abc import Mapping
from typing import Final

from services.portal.languages import Language
from services.portal.messages import _

_ROLES: Final = {
    "administrator": _("Administrator"),
    "security_officer": _("Security officer"),
    "auditor": _("Auditor"),
    "user": _("User"),
    "operator": _("Operator"),
    "provider_auditor": _("Auditor of the provider"),
}
RIGHTS: Final = {
    "users": _("Portal users"),
    "two_factor_others": _("Second factor of others"),
    "sessions_others": _("Sessions of others"),
    "policy": _("Security policy"),
    "audit": _("Audit log"),
    "reports": _("Reports"),
    "integrations": _("Integrations"),
    "companies": _("Companies"),
    "own_security": _("Own security"),
}
LEVELS: Final = {"none": _("None"), "view": _("View"), "full": _("Full")}
SCOPES: Final[Mapping[str, str]] = {
    "users.read": _("See users"),
    "users.write": _("Change users"),
    "two_factor.read": _("See second factors"),
    "two_factor.write": _("Change second factors"),
    "sessions.read": _("See sessions"),
    "sessions.write": _("End sessions"),
    "sessions.introspect": _("Ask whose a session is"),
    "policy.read": _("See the security policy"),
    "policy.write": _("Change the security policy"),
    "sign_ins.write": _("Sign users in from its own page"),
    "audit.read": _("Read the audit log"),
    "reports.read": _("Read reports"),
    "reports.write": _("Order reports"),
    "companies.read": _("See companies"),
    "companies.write": _("Change companies"),
    "webhooks.read": _("See webhooks"),
    "webhooks.write": _("Change webhooks"),
}
_ACCOUNTS: Final = {
    "active": _("Active"),
    "not_yet_active": _("Not yet active"),
    "expired": _("Expired"),
    "deactivated": _("Deactivated"),
}
# What the list of users can be narrowed to.
STANDINGS: Final = {
    "on": _("On"),
    "enrolment_required": _("Awaiting enrolment"),
    "off": _("Off"),
    "locked": _("Locked"),
}
REQUIREMENTS: Final = {
    "optional": _("Everybody decides alone"),
    "required": _("Required for everybody"),
    "required_for_roles": _("Required for some roles"),
    "required_outside_trusted_networks": _("Required outside the company's networks"),
}


def role(name: str, language: Language) -> str:
    """A built-in role by its word, one of the company's own as it was named."""
    return language.text(_ROLES[name]) if name in _ROLES else name


def account(state: str, language: Language) -> str:
    return language.text(_ACCOUNTS[state])
