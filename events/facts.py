"""Which stream a fact belongs to, for code that reads facts of all of them."""

from typing import Final, get_args

from typing_extensions import TypeIs

from events.catalogue import Event
from events.company.events import CompanyEvent, EffectEvent, SignInsEvent
from events.user.events import UserEvent

_USER: Final = get_args(UserEvent)
_COMPANY: Final = get_args(CompanyEvent)
_ABOUT_USER: Final = (*get_args(EffectEvent), SignInsEvent)


def is_user_fact(event: Event) -> TypeIs[UserEvent]:
    """Does it stand on a portal user's stream?"""
    return isinstance(event, _USER)


def is_company_fact(event: Event) -> TypeIs[CompanyEvent]:
    """Does it stand on the company's own stream?"""
    return isinstance(event, _COMPANY)


def is_about_user(event: Event) -> TypeIs[EffectEvent | SignInsEvent]:
    """Does it stand elsewhere and name the user that it is about?"""
    return isinstance(event, _ABOUT_USER)
