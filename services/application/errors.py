"""Why a use case did not do what was asked."""

from datetime import timedelta

from events.decision import Refusal


class Refused(Exception):
    """The wish was refused; the attempt is on record where it matters."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Contended(Exception):
    """Other writers were first, again and again. Nothing is recorded; try later."""


class Throttled(Exception):
    """Too many tries before a password was proven."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.wait = wait


class Replayed(Exception):
    """The idempotency key was used by a call that ran at the same time."""


class Unacceptable(Exception):
    """A value has the right shape and may still not be used: shown at its field."""

    def __init__(self, field: str, problem: str, message: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem
        self.message = message
