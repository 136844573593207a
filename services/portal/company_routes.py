"""Pages about a company and its users: at `/` for its own people, at `/companies/{company_id}` for the provider."""

from dataclasses import replace
from functools import partial
from typing import Final

from events.company.roles import Level, Right
from services.portal.forms import Form
from services.portal.route import Allow, Route, View
from services.portal.views import (
    audit,
    companies,
    integrations,
    policy,
    reports,
    roles,
    signed_log,
    user,
    user_security,
    users,
    users_bulk,
)

_page = partial(Route, method="GET", allow=Allow.SESSION)
_act = partial(Route, method="POST", allow=Allow.SESSION, fresh=True)

_SEE_USERS: Final = ((Right.USERS, Level.VIEW),)
_SEE_SESSIONS: Final = (*_SEE_USERS, (Right.SESSIONS_OTHERS, Level.VIEW))
_OF_USERS: Final = ((Right.USERS, Level.FULL),)
_OF_FACTORS: Final = (*_SEE_USERS, (Right.TWO_FACTOR_OTHERS, Level.FULL))
_SEE_POLICY: Final = ((Right.POLICY, Level.VIEW),)
_OF_POLICY: Final = ((Right.POLICY, Level.FULL),)
_SEE_AUDIT: Final = ((Right.AUDIT, Level.VIEW),)
_SEE_REPORTS: Final = ((Right.REPORTS, Level.VIEW),)
_SEE_COMPANIES: Final = ((Right.COMPANIES, Level.VIEW),)
_OF_COMPANIES: Final = ((Right.COMPANIES, Level.FULL),)
_OF_ROLES: Final = (*_OF_USERS, *_OF_POLICY)
_OF_SESSIONS: Final = (*_SEE_USERS, (Right.SESSIONS_OTHERS, Level.FULL))

_USER: Final = "/users/{user_id}"


def _asked(
    path: str,
    ask: View,
    act: View,
    form: type[Form],
    rights: tuple[tuple[Right, Level], ...],
    *,
    back: str,
    own_factor: bool = False,
) -> tuple[Route, Route]:
    """A page that names the consequence, and the act."""
    return (
        _page(path=path, view=ask, rights=rights, own_factor=own_factor, back=back),
        _act(path=path, view=act, form=form, page=ask, rights=rights, own_factor=own_factor, back=back),
    )


_account = partial(_asked, rights=_OF_USERS, back=f"{_USER}/settings")
_factor = partial(_asked, rights=_OF_FACTORS, back=f"{_USER}/security", own_factor=True)
_networks = partial(_asked, rights=_OF_USERS, back=f"{_USER}/security")
_sessions = partial(_asked, rights=_OF_SESSIONS, back=f"{_USER}/sessions")

_USERS: Final = (
    _page(path="/users", view=users.show, rights=_SEE_USERS),
    *_asked("/users/add", users.ask_to_add, users.add, users.AddForm, _OF_USERS, back="/users"),
    _act(
        path="/users/many/choice",
        view=users_bulk.choose,
        form=users_bulk.ChoiceForm,
        page=users.show,
        rights=_OF_FACTORS,
        own_factor=True,
        fresh=False,
        back="/users",
    ),
    _act(
        path="/users/many/act",
        view=users_bulk.do,
        form=users_bulk.BulkForm,
        page=users_bulk.ask,
        rights=_OF_FACTORS,
        own_factor=True,
        back="/users",
    ),
    _page(path=f"{_USER}", view=user.to_settings, rights=_SEE_USERS),
    _page(path=f"{_USER}/settings", view=user.show_settings, rights=_SEE_USERS),
    _act(
        path=f"{_USER}/settings",
        view=user.save_settings,
        form=user.SettingsForm,
        page=user.show_settings,
        rights=_OF_USERS,
        back=f"{_USER}/settings",
    ),
    *_account(f"{_USER}/password", user.ask_for_password, user.set_password, user.PasswordForm),
    *_account(f"{_USER}/deactivate", user.ask_to_deactivate, user.deactivate, user.ReasonForm),
    *_account(f"{_USER}/reactivate", user.ask_to_reactivate, user.reactivate, user.ReasonForm),
    *_account(f"{_USER}/erase", user.ask_to_erase, user.erase, user.EraseForm),
    _page(path=f"{_USER}/security", view=user_security.show, rights=_SEE_USERS),
    *_factor(f"{_USER}/enable", user_security.ask_to_enable, user_security.enable, user.ReasonForm),
    *_factor(f"{_USER}/disable", user_security.ask_to_disable, user_security.disable, user.ReasonForm),
    *_factor(f"{_USER}/reset", user_security.ask_to_reset, user_security.reset, user.ReasonForm),
    *_factor(f"{_USER}/unlock", user_security.ask_to_unlock, user_security.unlock, user.ReasonForm),
    *_factor(f"{_USER}/break-glass", user_security.ask_for_break_glass, user_security.break_glass, user.ReasonForm),
    *_factor(
        f"{_USER}/exception", user_security.ask_for_exception, user_security.set_exception, user_security.ExceptionForm
    ),
    *_networks(
        f"{_USER}/networks", user_security.ask_for_networks, user_security.set_networks, user_security.NetworksForm
    ),
    _page(path=f"{_USER}/sessions", view=user.show_sessions, rights=_SEE_SESSIONS),
    *_sessions(f"{_USER}/sessions/end", user.ask_to_end_sessions, user.end_sessions, Form),
    _act(
        path=f"{_USER}/sessions/{{session_id}}/end",
        view=user.end_session,
        rights=_OF_SESSIONS,
        back=f"{_USER}/sessions",
    ),
    _page(path=f"{_USER}/activity", view=user.show_activity, rights=_SEE_USERS),
)

_POLICY: Final = (
    _page(path="/policy", view=policy.show, rights=_SEE_POLICY),
    _act(
        path="/policy/dry-run",
        view=policy.try_out,
        form=policy.PolicyForm,
        page=policy.show,
        rights=_SEE_POLICY,
        fresh=False,
        back="/policy",
    ),
    _act(
        path="/policy",
        view=policy.save,
        form=policy.SaveForm,
        page=policy.show_again,
        rights=_OF_POLICY,
        own_factor=True,
        back="/policy",
    ),
    _page(path="/policy/history", view=policy.show_history, rights=_SEE_POLICY),
)

_AUDIT: Final = (
    _page(path="/audit", view=audit.show, rights=_SEE_AUDIT),
    _page(path="/audit/checkpoint", view=signed_log.checkpoint, rights=_SEE_AUDIT),
    _page(path="/audit/key", view=signed_log.key, rights=_SEE_AUDIT),
    _act(
        path="/audit/export",
        view=audit.export,
        form=audit.ExportForm,
        page=audit.show,
        rights=_SEE_AUDIT,
        only_reads=True,
        fresh=False,
        back="/audit",
    ),
)

_SEE_ROLES: Final = (
    _page(path="/roles", view=roles.show, rights=_SEE_USERS),
    _page(path="/roles/{role_id}", view=roles.show_one, rights=_SEE_USERS),
)

_REPORTS: Final = (
    _page(path="/reports", view=reports.show, rights=_SEE_REPORTS),
    _act(
        path="/reports",
        view=reports.order,
        form=reports.OrderForm,
        page=reports.show,
        rights=((Right.REPORTS, Level.FULL),),
        fresh=False,
        only_reads=True,
        back="/reports",
    ),
    _page(path="/reports/{report_id}", view=reports.show_one, rights=_SEE_REPORTS),
    _page(path="/reports/{report_id}/file", view=reports.fetch, rights=_SEE_REPORTS),
)

_OF_A_COMPANY: Final = (*_USERS, *_POLICY, *_AUDIT, *_REPORTS, *_SEE_ROLES)


def _elsewhere(route: Route) -> Route:
    """The same for the provider, in any company: with the right to companies, and to change something with a factor."""
    changes = route.is_act and not route.only_reads
    level = Level.FULL if changes else Level.VIEW
    return replace(
        route,
        path=f"/companies/{{company_id}}{route.path}",
        back=f"/companies/{{company_id}}{route.back}",
        elsewhere=True,
        rights=(*route.rights, (Right.COMPANIES, level)),
        own_factor=route.own_factor or changes,
    )


_one = partial(_asked, form=user.ReasonForm, rights=_OF_COMPANIES, back="/companies/{company_id}", own_factor=True)
_ONE: Final = "/companies/{company_id}"


def _there(route: Route) -> Route:
    return replace(route, elsewhere=True)


_COMPANIES: Final = (
    _page(path="/companies", view=companies.show, rights=_SEE_COMPANIES),
    *_asked(
        "/companies/add",
        companies.ask_to_add,
        companies.add,
        companies.NameForm,
        _OF_COMPANIES,
        back="/companies",
        own_factor=True,
    ),
    _there(_page(path=_ONE, view=companies.show_one, rights=_SEE_COMPANIES)),
    _there(
        _act(
            path=_ONE,
            view=companies.rename,
            form=companies.RenameForm,
            page=companies.show_one,
            rights=_OF_COMPANIES,
            own_factor=True,
            back=_ONE,
        )
    ),
    *map(_there, _one(f"{_ONE}/suspend", companies.ask_to_suspend, companies.suspend)),
    *map(_there, _one(f"{_ONE}/resume", companies.ask_to_resume, companies.resume)),
)

_role = partial(_asked, rights=_OF_ROLES, own_factor=True)

# Its own people's matter: the provider only looks.
_ROLES: Final = (
    *_role("/roles/add", roles.ask_to_add, roles.add, roles.AddForm, back="/roles"),
    _act(
        path="/roles/{role_id}",
        view=roles.change,
        form=roles.RightsForm,
        page=roles.show_one,
        rights=_OF_ROLES,
        own_factor=True,
        back="/roles/{role_id}",
    ),
    *_role("/roles/{role_id}/delete", roles.ask_to_delete, roles.delete, roles.DeleteForm, back="/roles"),
)

_client = partial(_asked, rights=((Right.INTEGRATIONS, Level.FULL),), own_factor=True, back="/integrations")

_INTEGRATIONS: Final = (
    _page(path="/integrations", view=integrations.show, rights=((Right.INTEGRATIONS, Level.VIEW),)),
    *_client("/integrations/add", integrations.ask_to_add, integrations.add, integrations.AddForm),
    *_client("/integrations/{client_id}/rotate", integrations.ask_to_rotate, integrations.rotate, Form),
    *_client("/integrations/{client_id}/revoke", integrations.ask_to_revoke, integrations.revoke, Form),
)

ROUTES: Final = (*_ROLES, *_INTEGRATIONS, *_OF_A_COMPANY, *_COMPANIES, *(_elsewhere(route) for route in _OF_A_COMPANY))
