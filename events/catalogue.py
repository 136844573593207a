"""The closed set of every fact of every stream. Names and versions never change and are never reused."""

from typing import Final, TypeAlias, get_args

from events.company.clients import ClientEvent
from events.company.events import CompanyEvent, EffectEvent, SignInsEvent
from events.company.reports import ReportEvent
from events.user.events import UserEvent

Event: TypeAlias = UserEvent | CompanyEvent | ClientEvent | ReportEvent | SignInsEvent | EffectEvent

EVENTS: Final[dict[str, type[Event]]] = {cls.__name__: cls for cls in get_args(Event)}
