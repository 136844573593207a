"""The OpenAPI 3.1 document, made from the route table."""

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, create_model
from pydantic.json_schema import models_json_schema

from services.api import models
from services.api.endpoint import Allow, Route
from services.api.problems import TITLES
from services.api.routes import ROUTES

COMMITTED: Final = Path(__file__).with_name("openapi.json")
_SCHEMA_REF: Final = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """The whole document; the same bytes for the same table."""
    schemas, definitions = _schemas()
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, schemas)
    paths["/healthz"] = {"get": _system("Is the process alive", models.Alive, schemas, ())}
    paths["/readyz"] = {"get": _system("Can the process serve", models.Ready, schemas, ("unavailable",))}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Factorlog",
            "version": "1",
            "summary": "Second-factor sign-in for Cloud-PBX portals, on a verifiable event log.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "signIn": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`fl_signin_…`: a sign-in in progress; a new one at every stage.",
                },
                "session": {"type": "http", "scheme": "bearer", "description": "`fl_session_…`: a session."},
                "apiClient": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`fl_api_…`: an API client; what it may, its scopes say.",
                },
            },
        },
    }


_DESCRIPTION: Final = (
    "Errors are RFC 9457 problem documents; `code` is stable. Checks come in the order 401, 403, 404, 422. "
    "Mutating calls of known callers accept `Idempotency-Key`: the same key with the same body gives the first answer, "
    "or 409 `conflict` where that answer carried a secret. Lists take `limit` and `cursor`."
)


def _schemas() -> tuple[dict[type[BaseModel], dict[str, Any]], dict[str, Any]]:
    used: list[tuple[type[BaseModel], Any]] = [(models.ProblemDocument, "serialization")]
    for route in ROUTES:
        if route.body is not None:
            used.append((route.body, "validation"))
        if route.answer is not None:
            used.append((_answer(route), "serialization"))
    used.append((models.ReceiptOnly, "serialization"))
    used += [(models.Alive, "serialization"), (models.Ready, "serialization")]
    unique = list(dict.fromkeys(used))
    refs, definitions = models_json_schema(unique, ref_template=_SCHEMA_REF)
    return {model: refs[(model, mode)] for model, mode in unique}, dict(sorted(definitions["$defs"].items()))


def _operation(route: Route, schemas: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.tag],
        "security": _security(route),
    }
    if route.rights or route.scopes:
        operation["description"] = _demands(route)
    parameters = _parameters(route)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": schemas[route.body]}}
        operation["requestBody"] = {"required": True, "content": content}
    operation["responses"] = {**_success(route, schemas), **_problems(_refusals(route), schemas)}
    return operation


def _demands(route: Route) -> str:
    person = " and ".join(f"`{right}: {level.name.lower()}`" for right, level in route.rights)
    scopes = " and ".join(f"`{scope}`" for scope in route.scopes)
    if route.allow is Allow.ANYONE:
        return f"An API client with the scope {scopes} may say from where the user comes; no other caller may."
    text = [f"A person needs the right {person}."] if person else []
    if route.fresh:
        text.append("The session has to be fresh.")
    if route.own_factor:
        text.append("An own second factor has to be on.")
    text.append(f"An API client needs the scope {scopes}." if scopes else "Closed to API clients.")
    return " ".join(text)


def _security(route: Route) -> list[dict[str, list[str]]]:
    match route.allow:
        case Allow.ANYONE:
            return [{}, {"apiClient": []}] if route.scopes else []
        case Allow.CLIENT:
            return [{"apiClient": []}]
        case Allow.SIGN_IN:
            return [{"signIn": []}]
        case Allow.SESSION:
            return [{"session": []}, {"apiClient": []}] if route.scopes else [{"session": []}]


_NAME: Final = re.compile(r"\{([a-z_]+)\}")
_UUID: Final = {"type": "string", "format": "uuid"}
_PATH: Final[dict[str, dict[str, Any]]] = {
    "role_id": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
    "position": {"type": "integer", "minimum": 1},
    "level": {"type": "integer", "minimum": 0, "maximum": 63},
    "number": {
        "type": "string",
        "pattern": r"^(x[0-9]{3}/)*[0-9]{3}(\.p/[1-9][0-9]{0,2})?$",
        "description": "As in C2SP tlog-tiles, with `.p/<width>` for a partial tile; slashes as they are.",
    },
}


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _PATH.get(name, _UUID)}
        for name in _NAME.findall(route.template)
    ]
    if route.query is not None:
        schema = route.query.model_json_schema()
        found += [
            {"name": name, "in": "query", "required": False, "schema": _without_null(value)}
            for name, value in schema["properties"].items()
        ]
    if route.mutates and route.allow is not Allow.ANYONE:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    if route.gives_receipts:
        wait = {"type": "string", "enum": ["wait"], "description": "Answer once a signed checkpoint covers the act."}
        found.append({"name": "receipt", "in": "query", "required": False, "schema": wait})
    if "precondition_failed" in route.refusals:
        found.append({"name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"}})
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is given or not; it is never null."""
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "title")}
    if len(options) == 1:
        return {**rest, **options[0]}
    return {**rest, **({"default": schema["default"]} if schema.get("default") is not None else {})}


def _success(route: Route, schemas: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    if route.files:
        content = {kind: {"schema": {"type": "string"}} for kind in route.files}
        return {str(route.status): {"description": "The file.", "content": content}}
    if route.answer is None:
        none: dict[str, Any] = {"204": {"description": "Done."}}
        return {**_receipt_only(schemas), **none} if route.gives_receipts else none
    answer: dict[str, Any] = {
        "description": {200: "Done.", 202: "Accepted."}.get(route.status, "Created."),
        "content": {"application/json": {"schema": schemas[_answer(route)]}},
    }
    if route.etag:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return {str(route.status): answer}


def _receipt_only(schemas: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    content = {"application/json": {"schema": schemas[models.ReceiptOnly]}}
    return {"200": {"description": "Done, asked with `receipt=wait`.", "content": content}}


@cache
def _with_receipt(model: type[BaseModel]) -> type[BaseModel]:
    """The same answer with a receipt that is there when it was asked for."""
    made: type[BaseModel] = create_model(
        f"{model.__name__}OfAct", __base__=model, __doc__=model.__doc__, receipt=(models.Receipt | None, None)
    )
    return made


def _answer(route: Route) -> type[BaseModel]:
    assert route.answer is not None  # noqa: S101 - asked only where there is one
    return _with_receipt(route.answer) if route.gives_receipts else route.answer


def _refusals(route: Route) -> tuple[str, ...]:
    codes = [*route.refusals, "bad_request", "misdirected_request", "validation_failed", "unavailable"]
    codes += ["payload_too_large", "unsupported_media_type"]
    if route.allow is not Allow.ANYONE:
        codes.append("unauthenticated")
    if route.allow in (Allow.SESSION, Allow.CLIENT):
        codes.append("enrolment_required")
    if route.allow is Allow.SESSION and not route.scopes:
        codes.append("forbidden")
    if route.rights or route.scopes:
        codes.append("forbidden")
    if "{" in route.path:
        codes.append("not_found")
    if route.fresh:
        codes.append("step_up_required")
    if route.mutates and route.allow is not Allow.ANYONE:
        codes += ["idempotency_key_reused", "conflict"]
    return tuple(dict.fromkeys(codes))


def _problems(codes: tuple[str, ...], schemas: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(TITLES[code][0], []).append(code)
    content = {"application/problem+json": {"schema": schemas[models.ProblemDocument]}}
    return {
        str(status): {"description": "`" + "`, `".join(sorted(found)) + "`", "content": content}
        for status, found in sorted(by_status.items())
    }


def _system(
    summary: str,
    model: type[BaseModel],
    schemas: dict[type[BaseModel], dict[str, Any]],
    codes: tuple[str, ...],
) -> dict[str, Any]:
    content = {"application/json": {"schema": schemas[model]}}
    return {
        "operationId": summary.lower().replace(" ", "_"),
        "summary": summary,
        "tags": ["System"],
        "security": [],
        "responses": {"200": {"description": "Yes.", "content": content}, **_problems(codes, schemas)},
    }


def text() -> str:
    """The document as it is committed and served."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=False) + "\n"


if __name__ == "__main__":
    COMMITTED.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"wrote {COMMITTED.name}\n")
