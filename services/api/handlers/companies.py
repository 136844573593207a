"""Companies, their policy and their roles."""

from events.company.policy import Policy
from services.api import answers, models
from services.api.endpoint import Context, demand_match
from services.api.problems import invalid
from services.application.acting import Check
from services.application.clients import check_networks
from services.application.context import Tenant


async def list_companies(context: Context) -> models.CompanyList:
    query: models.PageQuery = context.query
    after = answers.read_place(query.cursor)
    found = await context.app.companies.page(context.caller, query.limit + 1, after)
    page = found[: query.limit]
    cursor = answers.make_cursor(page[-1].state.name, str(page[-1].id)) if len(found) > query.limit else None
    return models.CompanyList(items=[answers.company(tenant) for tenant in page], next_cursor=cursor)


async def create_company(context: Context, body: models.CompanyBody) -> models.Company:
    return answers.company(await context.app.companies.create(context.caller, body.name))


async def read_company(context: Context) -> models.Company:
    return answers.company(context.caller.at)


async def rename_company(context: Context, body: models.CompanyBody) -> models.Company:
    def check(tenant: Tenant) -> None:
        demand_match(context, answers.company(tenant))

    return answers.company(await context.app.companies.rename(context.caller, body.name, check))


async def suspend_company(context: Context, body: models.ReasonBody) -> models.Company:
    return answers.company(await context.app.companies.suspend(context.caller, body.reason))


async def resume_company(context: Context, body: models.ReasonBody) -> models.Company:
    return answers.company(await context.app.companies.resume(context.caller, body.reason))


async def read_policy(context: Context) -> models.Policy:
    return answers.policy(context.caller.at.state.policy)


async def change_policy(context: Context, body: models.PolicyBody) -> models.Policy:
    def check(tenant: Tenant) -> None:
        demand_match(context, answers.policy(tenant.state.policy))

    changed = await context.app.companies.change_policy(
        context.caller, _policy(body), body.reason, check, confirmed=body.confirm
    )
    return answers.policy(changed.state.policy)


async def try_policy(context: Context, body: models.PolicyBody) -> models.DryRun:
    return answers.dry_run(await context.app.companies.try_policy(context.caller, _policy(body)))


async def list_policy_history(context: Context) -> models.PolicyHistory:
    query: models.LimitQuery = context.query
    return answers.policy_history(await context.app.companies.policy_history(context.caller, query.limit))


def _policy(body: models.PolicyBody) -> Policy:
    if body.requirement == "required_for_roles" and not body.roles:
        raise invalid(["body", "roles"], "has to name a role", "missing")
    return Policy(
        requirement=body.requirement,
        roles=tuple(dict.fromkeys(body.roles)),
        from_at=body.from_at,
        networks=check_networks(tuple(body.networks)),
        grace_days=body.grace_days,
        order_hours=body.order_hours,
        password_max_age_days=body.password_max_age_days,
    )


async def list_roles(context: Context) -> models.RoleList:
    roles = context.caller.at.state.all_roles()
    return models.RoleList(items=[answers.role(name, rights) for name, rights in roles])


async def create_role(context: Context, body: models.NewRoleBody) -> models.Role:
    words = {str(right): str(level) for right, level in body.rights.items()}
    made = await context.app.companies.create_role(context.caller, body.name, words)
    return answers.role_of(made.state, body.name)


async def change_role(context: Context, body: models.RoleChangeBody) -> models.Role:
    words = {str(right): str(level) for right, level in body.rights.items()}
    changed = await context.app.companies.change_role(
        context.caller, context.slug, words, _same_role(context), confirmed=body.confirm
    )
    return answers.role_of(changed.state, context.slug)


async def delete_role(context: Context) -> None:
    await context.app.companies.delete_role(context.caller, context.slug, _same_role(context))


def _same_role(context: Context) -> Check:
    def check(tenant: Tenant) -> None:
        demand_match(context, answers.role_of(tenant.state, context.slug))

    return check
