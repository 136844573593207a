"""Metrics in Prometheus text: the one file that knows the client library."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Final, get_args

import asyncpg
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from events.decision import Refusal
from events.effects import EffectKind
from events.store.port import Appended, Status, Unavailable
from services.adapters.backlog import Backlog, PostgresBacklog
from services.adapters.passwords import Argon2Passwords
from services.adapters.readiness import ClockCheck
from services.application.meters import FirstStepRefusal, SignInEnd
from services.application.ports import Clock

# One more line for each counter and histogram, which nothing reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

_REQUEST_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 3, 12)
_APPEND_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 10)
_WAITS: Final = (0.001, 0.01, 0.05, 0.1, 0.3, 1, 3, 10)
_COMMANDS: Final = (1, 2, 4, 8, 16, 32, 64)
_KINDS: Final = frozenset(map(str, EffectKind))
_OTHER: Final = "other"  # a kind that a newer program wrote


class Tally:
    """How many values fell under each bound and over the one before; the last place: over all of them."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Tallies(Collector):
    """A histogram for one event loop: without the locks of the library's a value costs a fifth, and every call pays."""

    def __init__(self, name: str, told: str, bounds: Sequence[float], *labels: str) -> None:
        self._name = f"factorlog_{name}"
        self._told = told
        self._bounds = tuple(map(float, bounds))
        self._labels = labels
        self._tallies: dict[tuple[str, ...], Tally] = {}

    def of(self, *labels: str) -> Tally:
        return self._tallies.setdefault(labels, Tally(self._bounds))

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(self._name, self._told, labels=self._labels)
        bounds = [*map(str, self._bounds), "+Inf"]
        for labels, tally in self._tallies.items():
            family.add_metric(labels, list(zip(bounds, accumulate(tally.counts), strict=True)), tally.total)
        yield family


class PrometheusMeters:
    """Meters, with a registry of its own: several may live in one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._sign_ins = _counter(registry, "sign_ins", "Steps of sign-ins, by how they ended.", "outcome")
        self._first_steps = _counter(
            registry, "first_steps_refused", "First steps refused, by the reason that nobody is told.", "reason"
        )
        self._refusals = _counter(
            registry, "refusals", "Refused requests, by what a rule or the door said.", "kind", "route"
        )
        self._lost_races = _counter(
            registry, "lost_races", "Commands that the append refused, by its status.", "status"
        )
        self._replays = Counter(
            "factorlog_idempotent_replays", "Calls that came again and got the first answer.", registry=registry
        )
        self._keys = Counter("factorlog_key_unavailable", "Data keys that could not be opened.", registry=registry)
        told = "Requests, by template of the route."
        self._requests = Tallies("http_request_duration_seconds", told, _REQUEST_SECONDS, "method", "route", "status")
        registry.register(self._requests)
        self._appends = _tally(registry, "append_duration_seconds", "Calls of the append function.", _APPEND_SECONDS)
        self._batches = _tally(registry, "append_commands", "Commands that went in one call.", _COMMANDS)
        self._waits = _tally(registry, "password_wait_seconds", "Waits of a password until it is hashed.", _WAITS)
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """A rate needs the zero before the first one. What is refused begins when it happens: the kinds are many."""
        for outcome in get_args(SignInEnd):
            self._sign_ins.labels(outcome)
        for reason in get_args(FirstStepRefusal):
            self._first_steps.labels(reason)
        for status in Status:
            if status is not Status.APPENDED:
                self._lost_races.labels(status)

    def appended(self, seconds: float, results: Sequence[Appended]) -> None:
        self._appends.add(seconds)
        self._batches.add(len(results))
        for result in results:
            if result.status is not Status.APPENDED:
                self._lost_races.labels(result.status).inc()

    def sign_in(self, outcome: SignInEnd | Refusal) -> None:
        self._sign_ins.labels(_refused(outcome) if isinstance(outcome, Refusal) else outcome).inc()

    def first_step_refused(self, why: FirstStepRefusal) -> None:
        self._first_steps.labels(why).inc()

    def refused(self, kind: str, door: str) -> None:
        self._refusals.labels(kind, door).inc()

    def requests(self, method: str, route: str, status: int) -> Callable[[float], None]:
        return self._requests.of(method, route, f"{status // 100}xx").add

    def replayed(self) -> None:
        self._replays.inc()

    def hashing_waited(self, seconds: float) -> None:
        self._waits.add(seconds)

    def key_unavailable(self) -> None:
        self._keys.inc()


class PrometheusText:
    """What `GET /metrics` answers: what the process counted, and how things stand at that moment.

    Gauges are made anew for each scrape, so what cannot be asked is missing and not what it was before.
    """

    content_type: Final = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(
        self,
        meters: PrometheusMeters,
        pool: "asyncpg.Pool[asyncpg.Record]",
        passwords: Argon2Passwords,
        check: ClockCheck,
        clock: Clock,
    ) -> None:
        self._meters = meters
        self._pool = pool
        self._backlog = PostgresBacklog(pool)
        self._passwords = passwords
        self._check = check
        self._clock = clock

    async def text(self) -> bytes:
        now = CollectorRegistry()
        self._of_this_process(now)
        up = _gauge(now, "database_up", "Did the database answer this scrape in time?")
        try:
            _of_the_database(now, await self._backlog.read(), self._clock.now())
            up.set(1)
        except Unavailable:
            up.set(0)
        return generate_latest(self._meters.registry) + generate_latest(now)

    def _of_this_process(self, now: CollectorRegistry) -> None:
        idle, size = self._pool.get_idle_size(), self._pool.get_size()
        connections = _gauge(now, "database_connections", "Connections of this process.", "state")
        connections.labels("in_use").set(size - idle)
        connections.labels("idle").set(idle)
        _gauge(now, "database_connections_max", "Most of them.").set(self._pool.get_max_size())
        _gauge(now, "passwords_pending", "Passwords that wait or are hashed.").set(self._passwords.pending)
        difference = self._check.difference
        if difference is not None:
            told = "This process's clock less the database's, when they were last compared."
            _gauge(now, "clock_difference_seconds", told).set(difference.total_seconds())


def _of_the_database(now: CollectorRegistry, backlog: Backlog, at: datetime) -> None:
    lag = backlog.lag
    for name, told, value in (
        ("lag_seconds", "Age of the oldest entry that the projection lacks.", _age(lag.since, at)),
        ("lag_positions", "Entries that the projection lacks in the company where it lacks most.", lag.positions),
        ("lagging_companies", "Companies where the projection lacks something.", lag.companies),
        ("stopped_companies", "Companies where the projection stands still at an entry.", lag.stopped),
    ):
        _gauge(now, f"projection_{name}", told, "projection").labels(lag.projection).set(value)
    unsigned = backlog.unsigned
    for name, told, value in (
        ("lag_seconds", "Age of the oldest entry that no signed checkpoint covers.", _age(unsigned.since, at)),
        ("lagging_companies", "Companies whose log goes on behind its checkpoint.", unsigned.companies),
        ("refused_companies", "Companies whose log is not signed, for it contradicts what was.", unsigned.refused),
    ):
        _gauge(now, f"sealing_{name}", told).set(value)
    waiting = _gauge(now, "effects_open", "Effects that are not done.", "kind")
    oldest = _gauge(now, "effect_oldest_open_seconds", "Age of the oldest fact that waits for an effect.", "kind")
    failed = _gauge(now, "effects_failed", "Effects that were given up.", "kind")
    for gauge in (waiting, oldest, failed):
        for known in _KINDS:
            gauge.labels(known)
    for effects in sorted(backlog.open, key=lambda effects: _age(effects.since, at)):
        waiting.labels(_kind(effects.kind)).inc(effects.count)
        oldest.labels(_kind(effects.kind)).set(_age(effects.since, at))
    for kind, count in backlog.failed.items():
        failed.labels(_kind(kind)).inc(count)


def _age(since: datetime | None, at: datetime) -> float:
    return max(0.0, (at - since).total_seconds()) if since is not None else 0.0


def _kind(kind: str) -> str:
    return kind if kind in _KINDS else _OTHER


def _refused(refusal: Refusal) -> str:
    """Apart from outcomes: `enrolment_required` is both."""
    return f"refused_{refusal}"


def _counter(registry: CollectorRegistry, name: str, told: str, *labels: str) -> Counter:
    return Counter(f"factorlog_{name}", told, labels, registry=registry)


def _gauge(registry: CollectorRegistry, name: str, told: str, *labels: str) -> Gauge:
    return Gauge(f"factorlog_{name}", told, labels, registry=registry)


def _tally(registry: CollectorRegistry, name: str, told: str, bounds: Sequence[float]) -> Tally:
    """The one tally of a histogram without labels."""
    tallies = Tallies(name, told, bounds)
    registry.register(tallies)
    return tallies.of()
