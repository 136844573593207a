"""How a fact is declared: a frozen dataclass with a version and, marked as such, personal fields."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, dataclass_transform, get_args, get_type_hints

from pydantic import AwareDatetime

from events.envelope import STRICT


class _Personal:
    """Marks a field that goes into the sealed subject box and never stands in clear."""


Instant = AwareDatetime
Personal = Annotated[str | None, _Personal()]


class Fact(Protocol):
    """A past-tense fact: its class name is the stored type, `VERSION` the stored shape."""

    VERSION: ClassVar[int]


T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def fact(cls: type[T]) -> type[T]:
    """Make a frozen, slotted dataclass that the codec reads strictly."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made.__pydantic_config__ = STRICT  # type: ignore[attr-defined]
    return made


def personal_fields(cls: type[Any]) -> frozenset[str]:
    """Names of the fields that are sealed under the subject's data key."""
    hints = get_type_hints(cls, include_extras=True)
    return frozenset(f.name for f in fields(cls) if any(isinstance(a, _Personal) for a in get_args(hints[f.name])))


def instant_fields(cls: type[Any]) -> tuple[str, ...]:
    """Names of the fields that are times."""
    hints = get_type_hints(cls)
    return tuple(f.name for f in fields(cls) if Instant in (hints[f.name], *get_args(hints[f.name])))
