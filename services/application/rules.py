"""Settings of the use cases, as one value."""

from dataclasses import dataclass
from datetime import timedelta

from events.user.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottleRules:
    """Failed first steps; numbers of the HTTP contract."""

    per_address: int = 30
    per_account: int = 10  # from addresses that never signed in to it
    window: timedelta = timedelta(minutes=10)
    per_known_address: int = 10
    known_window: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    limits: Limits = Limits()
    throttle: ThrottleRules = ThrottleRules()
    refusal_after: timedelta = timedelta(milliseconds=250)  # every refused first step is answered then
    issuer: str = "Factorlog"
    seen_every: timedelta = timedelta(seconds=60)
