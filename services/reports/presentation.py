"""What a report says to people, in their language: facts, numbers, a picture, a table. Every form shows this one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from markupsafe import Markup

from services.reports import charts, words
from services.reports.parsed import Parsed, Row

Cell: TypeAlias = str | int | None

_FACTS: Final = ("company", "company_id", "as_of", "from", "to", "time_zone", "position", "rows", "entries")
_STATES: Final = ("on", "enrolment_required", "off")

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "coverage": (
        *("user", "role", "account", "state", "required_by", "since", "grace_until", "order_expires_at"),
        *("locked_until", "exception", "approved_by", "until", "reason"),
    ),
    "coverage_over_time": (
        *("at", "users", "inactive", "on", "enrolment_required", "off", "exempt", "locked"),
        "administrators_without_factor",
    ),
    "factor_changes": (
        *("position", "at", "act", "user", "actor", "reason", "step_up", "re_enrolled_at"),
        "seconds_until_re_enrolled",
    ),
    "administrator_acts": ("position", "at", "type", "actor", "user", "reason", "details"),
    "failed_attempts": ("position", "at", "type", "user", "what", "where", "count", "until"),
    "session_revocations": (
        *("position", "at", "type", "user", "actor", "reason", "sessions", "sign_ins", "told_at"),
        *("milliseconds_to_effect", "receipts"),
    ),
    "policy_history": (
        *("position", "at", "until", "requirement", "roles", "from_at", "networks", "grace_days", "order_hours"),
        *("password_max_age_days", "actor", "reason"),
    ),
    "api_clients": (
        *("name", "state", "scopes", "networks", "expires_at", "created_at", "created_by", "token_since"),
        *("ended_at", "ended_by", "reason"),
    ),
}
_PLAIN: Final = frozenset({"name", "details", "reason", "scopes", "networks", "receipts", "roles", "type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    language: str
    title: str
    company: str
    facts: Sequence[tuple[str, str]]
    numbers: Sequence[tuple[str, int]]
    picture: Markup = field(repr=False)
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]] = field(repr=False)

    @property
    def filled(self) -> list[int]:
        """Columns that say something in at least one row: a page leaves the others out."""
        places = range(len(self.columns))
        return [place for place in places if any(row[place] is not None for row in self.rows)]

    def say(self, text: words.Text) -> str:
        return text.in_language(self.language)


def present(parsed: Parsed, language: str) -> Presentation:
    header = parsed.header

    def say(text: words.Text) -> str:
        return text.in_language(language)

    totals = [(say(words.NUMBERS[name]), number) for name, number in header["totals"].items()]
    columns = COLUMNS[parsed.kind]
    return Presentation(
        language=language,
        title=say(words.TITLES[parsed.kind]),
        company=header["company"],
        facts=[(say(words.FACTS[name]), _text(header[name])) for name in _FACTS if header[name] is not None],
        numbers=totals,
        picture=_picture(parsed, language),
        columns=[say(words.COLUMNS[name]) for name in columns],
        rows=[[_cell(row, name, say) for name in columns] for row in parsed.rows],
    )


def _picture(parsed: Parsed, language: str) -> Markup:
    totals = parsed.header["totals"]
    if parsed.kind == "coverage_over_time":
        names = [words.NUMBERS[name].in_language(language) for name in _STATES]
        months = [(row["at"][:7], [row[name] for name in _STATES]) for row in parsed.rows]
        return charts.columns(months, names)
    shown = _STATES if parsed.kind == "coverage" else [name for name in totals if name not in _WHOLES]
    return charts.bars([(words.NUMBERS[name].in_language(language), totals[name]) for name in shown])


# Sums of the others, and what is no count.
_WHOLES: Final = frozenset({"changes", "acts", "rows", "clients", "milliseconds_median", "milliseconds_longest"})


def _cell(row: Row, name: str, say: Callable[[words.Text], str]) -> Cell:
    value: Any = row.get(name)
    match name:
        case "user":
            return _user(row, say)
        case "exception" if value is not None:
            return _named(value["kind"], say)
        case "approved_by" | "until" | "reason" if isinstance(row.get("exception"), dict):
            return _cell({name: row["exception"][name]}, name, say)
        case "details":
            return "; ".join(f"{key}: {_text(one)}" for key, one in _flat(value))
        case _:
            return _value(value, name, say)


def _value(value: Any, name: str, say: Callable[[words.Text], str]) -> Cell:
    if isinstance(value, dict):
        return _who(value, say) if "label" in value else _proof(value, say)
    if isinstance(value, bool):
        return say(words.YES if value else words.NO)
    if value is None or isinstance(value, int):
        return value
    return _text(value) if name in _PLAIN or isinstance(value, list) else _named(_text(value), say)


def _user(row: Row, say: Callable[[words.Text], str]) -> Cell:
    """By login; by id who is erased."""
    if row["user_id"] is None:
        return None
    return row["login"] or f"{row['user_id']} ({say(words.ERASED)})"


def _who(actor: Mapping[str, Any], say: Callable[[words.Text], str]) -> str:
    kind = _named(actor["kind"], say)
    name = actor["label"] or actor["id"]
    return f"{name} ({kind})" if name else kind


def _proof(proof: Mapping[str, Any], say: Callable[[words.Text], str]) -> str:
    return f"{_named(proof['factor'], say)}, {_text(proof['at'])}"


def _named(value: str, say: Callable[[words.Text], str]) -> str:
    known = words.VALUES.get(value)
    return say(known) if known is not None else value


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = str(value)
    is_moment = text[10:11] == "T" and text.endswith("Z")
    return f"{text[:10]} {text[11:19]}" if is_moment else text
