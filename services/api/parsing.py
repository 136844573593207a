"""Bodies, queries and addresses, read strictly: one form is right, everything else is a problem that echoes nothing."""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from services.api.problems import Problem, ProblemError, invalid, problem
from services.web import bodies

M = TypeVar("M", bound=BaseModel)

MAX_DEPTH: Final = 10


class _Refused(ValueError):
    """A JSON text with duplicate members, constants that are no JSON, or NUL."""


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body's bytes. Raises 413 and 415 problems."""
    try:
        return await bodies.read_body(request, limit, "application/json")
    except bodies.BodyTooLarge as error:
        raise problem("payload_too_large") from error
    except bodies.BodyOfOtherKind as error:
        raise problem("unsupported_media_type") from error


def parse_body(model: type[M], raw: bytes) -> M:
    """The body as its model. Raises a 422 problem."""
    _check_json(raw)
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise _as_problem(error, "body") from error


def expect_no_body(raw: bytes) -> None:
    """For calls without a body: nothing, or an empty object."""
    if raw.strip() not in (b"", b"{}"):
        raise invalid(["body"], "this call takes no body", "extra_forbidden")


def parse_query(model: type[M], query: MultiMapping[str]) -> M:
    """The query as its model; a parameter given twice or unknown is a 422 problem."""
    values: dict[str, str] = {}
    for name, value in query.items():
        if name in values:
            raise invalid(["query"], "a parameter is given twice", "duplicate")
        if "\x00" in value:
            raise invalid(["query"], "a parameter holds a NUL character", "nul")
        values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _as_problem(error, "query") from error


def _check_json(raw: bytes) -> None:
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise invalid(["body"], "the body is not valid JSON with unique members", "json_invalid") from error
    if not isinstance(document, dict):
        raise invalid(["body"], "the body has to be a JSON object", "object_type")
    if not _is_plain(document, MAX_DEPTH):
        raise invalid(["body"], "the body is nested too deeply or holds a NUL character", "json_invalid")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused
    return members


def _no_constant(name: str) -> Any:
    raise _Refused(name)


def _is_plain(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return "\x00" not in value
    if isinstance(value, dict):
        return depth > 0 and all("\x00" not in k and _is_plain(v, depth - 1) for k, v in value.items())
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(item, depth - 1) for item in value)
    return True


def _as_problem(error: ValidationError, where: str) -> ProblemError:
    errors = tuple(
        {
            "loc": [where, *(_known(part) for part in found["loc"])],
            "msg": _plain_message(found),
            "type": found["type"],
        }
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return ProblemError(Problem(code="validation_failed", errors=errors))


def _known(part: int | str) -> int | str:
    """A field's name; a name that the caller made up is cut to a harmless length and alphabet."""
    if isinstance(part, int):
        return part
    return part if part.isidentifier() and part.isascii() and len(part) <= 40 else "?"


def _plain_message(found: Mapping[str, Any]) -> str:
    if found["type"] == "extra_forbidden":
        return "this field is not known here"
    if found["type"] == "json_invalid":
        return "the body is not valid JSON"
    return str(found["msg"])
