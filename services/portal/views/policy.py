"""Company › Security policy: the form, whom it would concern before it is saved, what it was before."""

from contextlib import suppress
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, StringConstraints

from events.company.policy import Policy
from events.company.roles import Level, Right
from events.decision import Refusal
from events.envelope import ActorKind
from services.application.clients import check_networks
from services.application.companies import PolicyEffect, PolicyVersion
from services.application.context import Tenant
from services.application.errors import Refused, Unacceptable
from services.portal import forms, hindrances, sentences, words
from services.portal.forms import Day, Form, Lines, OrNone, Reason, Ticked, begin_of, lines
from services.portal.languages import zone_of
from services.portal.messages import Said
from services.portal.views.start import named
from services.portal.visit import Answer, Goto, Page, Visit

_NAMED: Final = 50  # of those whom a policy concerns
_VERSIONS: Final = 50

Mark = Annotated[str, StringConstraints(max_length=64)]


class PolicyForm(Form):
    """`seen`: the policy that the form was made from; `tried`: the one that the dry run was about."""

    MANY: ClassVar[frozenset[str]] = frozenset({"roles"})

    requirement: Literal["optional", "required", "required_for_roles", "required_outside_trusted_networks"]
    roles: Annotated[tuple[Annotated[str, StringConstraints(max_length=64)], ...], Field(max_length=60)] = ()
    from_day: Day = None
    networks: Lines = ""
    grace_days: Annotated[int, Field(ge=0, le=365)]
    order_hours: Annotated[int, Field(ge=1, le=720)]
    password_max_age_days: Annotated[Annotated[int, Field(ge=1, le=3650)] | None, OrNone] = None
    seen: Mark = ""
    tried: Mark = ""
    confirm: Ticked = False
    reason: Annotated[Reason | None, OrNone] = None


class SaveForm(PolicyForm):
    """The same, with consequences."""


async def show(visit: Visit) -> Answer:
    return _page(visit, None, None, "")


async def show_again(visit: Visit) -> Answer:
    """What was typed, with what is wrong, and what it would do as far as that can be told."""
    typed = forms.parse(PolicyForm, visit.filled.typed)
    if isinstance(typed, PolicyForm):
        with suppress(Unacceptable):
            return await try_out(visit, typed)
    return _page(visit, None, None, "")


async def try_out(visit: Visit, form: PolicyForm) -> Answer:
    """Whom it would force or lock out, were it saved now. Saves nothing."""
    policy = _policy(visit, form)
    effect = await visit.app.companies.try_policy(visit.caller, policy)
    names = {
        "forced": await named(visit, effect.forced_now[:_NAMED]),
        "locked_out": await named(visit, effect.locked_out[:_NAMED]),
    }
    return _page(visit, effect, names, _mark(policy))


async def save(visit: Visit, form: SaveForm) -> Answer:
    policy = _policy(visit, form)
    if form.tried != _mark(policy):
        return await try_out(visit, form)

    def check(tenant: Tenant) -> None:
        if form.seen != _mark(tenant.state.policy):
            raise Refused(Refusal.PRECONDITION_FAILED)

    await visit.app.companies.change_policy(visit.caller, policy, form.reason, check, confirmed=form.confirm)
    return Goto(path=f"{visit.place}/policy", said=Said.POLICY_SAVED)


async def show_history(visit: Visit) -> Answer:
    versions = await visit.app.companies.policy_history(visit.caller, _VERSIONS)
    authors = {one.recorded.position: await _author(visit, one) for one in versions}
    return Page(template="policy/history.html", values={"versions": versions, "authors": authors, "words": words})


async def _author(visit: Visit, version: PolicyVersion) -> str:
    """Who set it: by login for those who may see users, else by what they are."""
    actor = version.recorded.actor
    is_colleague = actor.kind is ActorKind.USER and actor.id is not None and visit.may(Right.USERS, Level.VIEW)
    known = await named(visit, [actor.id]) if is_colleague and actor.id is not None else ()
    return sentences.actor(actor.kind, known[0][1] if known else None, visit.language)


def _page(visit: Visit, effect: PolicyEffect | None, names: dict[str, Any] | None, tried: str) -> Page:
    company = visit.caller.at.state
    policy = company.policy
    from_day = policy.from_at.astimezone(zone_of(visit.zone)).date() if policy.from_at is not None else ""
    return Page(
        template="policy/show.html",
        values={
            "policy": policy,
            "from_day": from_day,
            "roles": [name for name, _ in company.all_roles()],
            "words": words,
            "requirement_names": [visit.text(name) for name in words.REQUIREMENTS.values()],
            "seen": _mark(policy),
            "tried": tried,
            "effect": effect,
            "names": names,
            "concerns_reader": effect is not None and (effect.caller_forced or effect.caller_locked_out),
            "why_not": hindrances.of_right(visit, Right.POLICY, own_factor=True),
        },
    )


def _policy(visit: Visit, form: PolicyForm) -> Policy:
    """Raises Unacceptable."""
    if form.requirement == "required_for_roles" and not form.roles:
        raise Unacceptable("roles", "missing", "has to name a role")
    zone, before = zone_of(visit.zone), visit.caller.at.state.policy.from_at
    is_untouched = before is not None and before.astimezone(zone).date() == form.from_day
    return Policy(
        requirement=form.requirement,
        roles=tuple(dict.fromkeys(form.roles)) if form.requirement == "required_for_roles" else (),
        from_at=before if is_untouched else begin_of(form.from_day, zone),
        networks=check_networks(lines(form.networks)),
        grace_days=form.grace_days,
        order_hours=form.order_hours,
        password_max_age_days=form.password_max_age_days,
    )


def _mark(policy: Policy) -> str:
    """Tells one policy from another."""
    return sha256(repr(policy).encode()).hexdigest()[:32]
