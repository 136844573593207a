"""One line of the route table: what is served, to whom, by which view."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from events.company.roles import Level, Right
from events.user.events import Stage
from services.portal.forms import Form
from services.portal.visit import Answer, Visit
from services.web.bodies import MAX_BODY

View: TypeAlias = Callable[..., Awaitable[Answer]]
STAGE_PATHS: Final = {
    Stage.CODE: "/sign-in/code",
    Stage.ENROLMENT: "/sign-in/enrolment",
    Stage.PASSWORD: "/sign-in/password",
}


class Allow(Enum):
    """Whom a route serves; nobody else."""

    ANYONE = "anyone"
    SIGN_IN = "sign_in"
    SESSION = "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the route table. Of an act, `page` is the view that shows its form, also when something is wrong."""

    method: str
    path: str
    view: View
    allow: Allow
    form: type[Form] = Form
    page: View | None = None
    stages: tuple[Stage, ...] = ()  # of a sign-in: where else, it is sent on
    rights: tuple[tuple[Right, Level], ...] = ()  # all of them
    fresh: bool = False
    own_factor: bool = False
    only_reads: bool = False  # an act that leaves the company as it is, such as an export
    back: str = "/"  # where to go when an act cannot be shown again; may name ids of the path
    elsewhere: bool = False  # {company_id} names the company in which the caller acts
    max_body: int = MAX_BODY

    @property
    def is_act(self) -> bool:
        return self.method == "POST"

    @property
    def operation(self) -> str:
        return f"portal_{self.view.__name__}" + ("_elsewhere" if self.elsewhere else "")

    def way_back(self, visit: Visit) -> str:
        return self.back.format_map({**visit.ids, "role_id": visit.slug})
