"""What a fold of entries makes: rows in a fixed order, each with the positions of the entries it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from events.store.port import RecordedEvent

Covers: TypeAlias = Literal["every", "last"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Stands where people's words belong; they are sealed in this entry and opened for whoever may read the report."""

    recorded: RecordedEvent = field(repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """`values`: plain ones, instants, ids, and in an actor's or a reason's place an `Actor` or a `Reason`.

    `user_id` is the user of the company that the row is about.
    """

    values: Mapping[str, Any]
    rests_on: tuple[int, ...]  # in order


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A whole report. `rests_on`: entries that concern all of its rows."""

    rows: Sequence[Row]
    totals: Mapping[str, int]
    rests_on: tuple[int, ...] = ()


class Fold(Protocol):
    """One kind of report. `types`: of the entries it looks at; others are not read at all.

    `complete`: of each entry of these types in the period some row tells; with `covers` = "last", of the last one of
    each stream.
    """

    types: frozenset[str]
    complete: frozenset[str]
    covers: Covers

    def take(self, recorded: RecordedEvent) -> None:
        """In the order of positions, personal parts unopened."""
        ...

    def told(self) -> Told:
        """After the last one."""
        ...


def names(*facts: type[Any]) -> frozenset[str]:
    """The types, as entries name them."""
    return frozenset(fact.__name__ for fact in facts)
