"""What is counted while the use cases run. Counting never fails, never waits and holds nothing of anybody."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, TypeAlias

from events.decision import Refusal
from events.store.observer import AppendObserver
from events.store.port import Appended

SignInEnd: TypeAlias = Literal[
    "signed_in", "code_required", "enrolment_required", "password_expired", "throttled", "overloaded"
]
FirstStepRefusal: TypeAlias = Literal["unknown_login", "wrong_password", "throttled"]


class Meters(AppendObserver, Protocol):
    """Arguments are members of closed sets or templates of the route table, never input: they become labels."""

    def sign_in(self, outcome: SignInEnd | Refusal) -> None:
        """A step of a sign-in ended like this."""
        ...

    def first_step_refused(self, why: FirstStepRefusal) -> None:
        """The reason, which nobody outside is told."""
        ...

    def refused(self, kind: str, door: str) -> None:
        """`kind`: a refusal, or the code of a problem; `door`: the template of a route."""
        ...

    def requests(self, method: str, route: str, status: int) -> Callable[[float], None]:
        """To be called with the seconds that each took; `method` and `route` are those of the route table."""
        ...

    def replayed(self) -> None:
        """An idempotent call came again and was not carried out again."""
        ...

    def hashing_waited(self, seconds: float) -> None:
        """So long a password waited until it was hashed."""
        ...

    def key_unavailable(self) -> None:
        """A data key could not be opened."""
        ...


class SilentMeters:
    """Nobody counts."""

    def appended(self, seconds: float, results: Sequence[Appended]) -> None:
        return

    def sign_in(self, outcome: SignInEnd | Refusal) -> None:
        return

    def first_step_refused(self, why: FirstStepRefusal) -> None:
        return

    def refused(self, kind: str, door: str) -> None:
        return

    def requests(self, method: str, route: str, status: int) -> Callable[[float], None]:
        return lambda seconds: None

    def replayed(self) -> None:
        return

    def hashing_waited(self, seconds: float) -> None:
        return

    def key_unavailable(self) -> None:
        return
