"""What was measured, and what it is held against."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One contestant under one load. CPU is of its own process and of Postgres; latencies are milliseconds."""

    operations: int
    seconds: float
    cpu: float
    postgres_cpu: float = 0.0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    others: float = 0.0  # the share of the processors that other programs had meanwhile

    @property
    def rate(self) -> float:
        return self.operations / self.seconds

    @property
    def microseconds(self) -> float:
        """CPU of the process for one operation."""
        return 1e6 * self.cpu / max(1, self.operations)

    @property
    def postgres_microseconds(self) -> float:
        return 1e6 * self.postgres_cpu / max(1, self.operations)

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "rate": self.rate,
            "cpu_us": self.microseconds,
            "postgres_cpu_us": self.postgres_microseconds,
        }


def joined(samples: Sequence[Sample]) -> Sample:
    """Several rounds as one; latencies are of the median round."""
    middle = sorted(samples, key=lambda sample: sample.p99 or 0.0)[len(samples) // 2]
    return Sample(
        operations=sum(s.operations for s in samples),
        seconds=sum(s.seconds for s in samples),
        cpu=sum(s.cpu for s in samples),
        postgres_cpu=sum(s.postgres_cpu for s in samples),
        p50=middle.p50,
        p95=middle.p95,
        p99=middle.p99,
        others=sum(s.others * s.seconds for s in samples) / sum(s.seconds for s in samples),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """At least (`most`: at most) this much. `share`: of the floor's rate, else the value itself.

    `reference`: the floor's rate on the machine that an absolute value was set for; elsewhere it is scaled by it.
    """

    value: float
    share: bool = False
    most: bool = False
    reference: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: a rate beside its floor, or a plain value with a unit, of a product or of none."""

    group: str
    name: str
    product: Sample | None = None
    floor_name: str | None = None
    floor: Sample | None = None
    value: float | None = None
    unit: str = "/s"
    target: Target | None = None

    @property
    def reached(self) -> float:
        if self.value is not None:
            return self.value
        return self.product.rate if self.product is not None else 0.0

    @property
    def ratio(self) -> float | None:
        return self.reached / self.floor.rate if self.floor is not None else None

    @property
    def cpu_ratio(self) -> float | None:
        """The floor's CPU for one operation beside ours, Postgres counted in: what a busy machine disturbs least."""
        if self.product is None or self.floor is None:
            return None
        ours, theirs = (s.microseconds + s.postgres_microseconds for s in (self.product, self.floor))
        return theirs / ours if ours else None

    @property
    def demanded(self) -> float | None:
        """The target in the figure's own unit."""
        if self.target is None:
            return None
        if self.floor is not None and self.target.share:
            return self.target.value * self.floor.rate
        if self.floor is not None and self.target.reference is not None:
            return self.target.value * min(1.0, self.floor.rate / self.target.reference)
        return self.target.value

    @property
    def met(self) -> bool | None:
        if self.target is None or self.demanded is None:
            return None
        return self.reached <= self.demanded if self.target.most else self.reached >= self.demanded

    def as_json(self) -> dict[str, Any]:
        return {
            "group": self.group,
            "name": self.name,
            "reached": self.reached,
            "unit": self.unit,
            "product": self.product.as_json() if self.product else None,
            "floor_name": self.floor_name,
            "floor": self.floor.as_json() if self.floor else None,
            "ratio": self.ratio,
            "cpu_ratio": self.cpu_ratio,
            "target": asdict(self.target) if self.target else None,
            "demanded": self.demanded,
            "met": self.met,
        }
