"""Which stream a fact belongs to, for code that reads facts of all of them."""

from typing import Final, get_args

from typing_extensions import TypeIs

from events.catalogue import Event
from events.company.clients import ClientEvent
from events.company.events import (
    CompanyEvent,
    NotificationFailed,
    NotificationSent,
    PasswordRejected,
    PersonForgotten,
    SessionsRevoked,
)
from events.company.reports import ReportRequested
from events.user.events import UserEvent

_USER: Final = get_args(UserEvent)
_COMPANY: Final = get_args(CompanyEvent)
_CLIENT: Final = get_args(ClientEvent)
_ABOUT_USER: Final = (SessionsRevoked, NotificationSent, NotificationFailed, PasswordRejected, PersonForgotten)


def is_user_fact(event: Event) -> TypeIs[UserEvent]:
    """Does it stand on a portal user's stream?"""
    return isinstance(event, _USER)


def is_company_fact(event: Event) -> TypeIs[CompanyEvent]:
    """Does it stand on the company's own stream?"""
    return isinstance(event, _COMPANY)


def is_client_fact(event: Event) -> TypeIs[ClientEvent]:
    """May it stand on an API client's stream?"""
    return isinstance(event, _CLIENT)


def is_report_fact(event: Event) -> TypeIs[ReportRequested]:
    """Does it stand on a report's stream?"""
    return isinstance(event, ReportRequested)


def is_about_user(
    event: Event,
) -> TypeIs[SessionsRevoked | NotificationSent | NotificationFailed | PasswordRejected | PersonForgotten]:
    """Does it stand elsewhere and name the user that it is about?"""
    return isinstance(event, _ABOUT_USER)
