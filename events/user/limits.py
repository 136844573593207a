"""Numbers of the second factor's life; settings may tighten them."""

from dataclasses import dataclass
from datetime import timedelta

PAUSES = (60, 120, 240, 480, 960)  # seconds after the 5th … 9th failure in a row
FIRST_PAUSE_AT = 5
LOCK_AT = 10  # PCI DSS 8.3.4
LOCK = timedelta(minutes=30)
DISABLE_AT = 100  # NIST SP 800-63B 3.2.2
CODES_IN_A_SET = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Lifetimes and bounds of sign-ins, sessions and pending keys."""

    sign_in: timedelta = timedelta(minutes=5)
    sign_in_tries: int = 5
    sign_ins: int = 50  # in progress at once; the oldest ends
    pending: timedelta = timedelta(minutes=10)
    pending_tries: int = 5
    session: timedelta = timedelta(hours=12)
    session_idle: timedelta = timedelta(minutes=60)
    sessions: int = 20  # at once; the oldest ends
    step_up: timedelta = timedelta(minutes=5)
    break_glass: timedelta = timedelta(minutes=15)
    session_wrong_passwords: int = 5
    window: int = 1  # time steps before and after now, RFC 6238 §5.2
