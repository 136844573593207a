"""What people fill in: read strictly, shown again as it was typed, with what is wrong at its field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, ClassVar, Final, TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from services.web.values import EMAIL

_MOST_FIELDS: Final = 500
# Of the portal itself, on every form.
TOKEN: Final = "form_token"  # noqa: S105 - a field's name
ONCE: Final = "once"
STEP_UP: Final = "step_up"
KEPT: Final = "kept."
# A name in a path, such as a role's.
SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
# Never shown again.
_SECRET: Final = frozenset({"code", "recovery_code", "password", "old_password", "new_password", "new_password_again"})

Typed = Mapping[str, Sequence[str]]


class Malformed(ValueError):
    """No form at all."""


class Form(BaseModel):
    """The fields of one form. `MANY` names those that may come several times."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    MANY: ClassVar[frozenset[str]] = frozenset()


F = TypeVar("F", bound=Form)


@dataclass(frozen=True, slots=True)
class Errors:
    """What is wrong: of a field, under its name; of the whole, under the empty one. In the reader's language."""

    found: Mapping[str, str] = field(default_factory=dict)
    status: int = 422

    def __bool__(self) -> bool:
        return bool(self.found)

    def at(self, name: str) -> str | None:
        return self.found.get(name)

    @property
    def of_all(self) -> str | None:
        return self.found.get("")

    @property
    def of_fields(self) -> Mapping[str, str]:
        return {name: text for name, text in self.found.items() if name}


@dataclass(frozen=True, slots=True)
class Filled:
    """What was typed, for the same form to be shown again; secrets are not."""

    typed: Typed = field(default_factory=dict, repr=False)
    errors: Errors = Errors()

    def value(self, name: str, stored: object = "") -> str:
        """What stands in a field: what was typed, else what is stored."""
        if name in _SECRET:
            return ""
        return self.typed[name][0] if self.typed.get(name) else "" if self.typed else str(stored or "")

    def values(self, name: str, stored: Sequence[str] = ()) -> Sequence[str]:
        return self.typed.get(name, ()) if self.typed else stored


def read_fields(raw: bytes) -> dict[str, list[str]]:
    """The fields of a body. Raises Malformed."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise Malformed from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\x00" in value or "\x00" in name:
            raise Malformed
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return fields


def parse(model: type[F], typed: Typed) -> F | dict[str, str]:
    """The form, or the kind of error at each field that has one. Raises Malformed for what no form of ours sends."""
    values: dict[str, Any] = {}
    for name, given in typed.items():
        if name not in model.model_fields or (len(given) > 1 and name not in model.MANY):
            raise Malformed
        values[name] = list(given) if name in model.MANY else given[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return {str(one["loc"][0]) if one["loc"] else "": one["type"] for one in found}


def _is_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise PydanticCustomError("time_zone", "no time zone")
    return name


def is_code(text: str) -> bool:
    """Six digits, exactly; nothing is made right that was not given so."""
    return len(text) == 6 and text.isascii() and text.isdigit()


def _six_digits(code: str) -> str:
    if not is_code(code):
        raise PydanticCustomError("code", "not six digits")
    return code


def _is_ticked(given: bool) -> bool:
    if not given:
        raise PydanticCustomError("tick", "not ticked")
    return given


def _day(given: object) -> date | None:
    """As a browser sends a day, within what a calendar of people holds."""
    if not given:
        return None
    try:
        if not isinstance(given, str) or len(given) != 10:
            raise ValueError
        day = date.fromisoformat(given)
    except ValueError as error:
        raise PydanticCustomError("day", "no day") from error
    if not 2000 <= day.year <= 2999:
        raise PydanticCustomError("day", "too far away")
    return day


def begin_of(day: date | None, zone: ZoneInfo) -> datetime | None:
    """The moment when the day begins there."""
    return datetime.combine(day, time(), zone).astimezone(UTC) if day is not None else None


def lines(text: str) -> tuple[str, ...]:
    """What stands on lines of its own, or between commas."""
    return tuple(part.strip() for part in text.replace(",", "\n").split("\n") if part.strip())


Ticked = Annotated[bool, BeforeValidator(lambda given: given == "on")]
Confirmed = Annotated[Ticked, AfterValidator(_is_ticked), Field(validate_default=True)]
Code = Annotated[str, AfterValidator(_six_digits)]
RecoveryCode = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Day = Annotated[date | None, BeforeValidator(_day)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Path = Annotated[str, StringConstraints(max_length=500)]
TimeZone = Annotated[str, AfterValidator(_is_time_zone)]
OrNone = BeforeValidator(lambda given: given or None)
Email = Annotated[Annotated[str, StringConstraints(min_length=3, max_length=254, pattern=EMAIL)] | None, OrNone]
Lines = Annotated[str, StringConstraints(max_length=4000)]
