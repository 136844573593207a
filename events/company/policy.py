"""A company's security policy as a value."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from events.envelope import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a company asks of its users' sign-ins."""

    __pydantic_config__ = STRICT

    requirement: Literal["optional", "required", "required_for_roles"] = "optional"
    roles: tuple[str, ...] = ()
    order_hours: int = 72
    password_max_age_days: int | None = None

    @property
    def order_window(self) -> timedelta:
        """How long an order to enrol stays open."""
        return timedelta(hours=self.order_hours)
