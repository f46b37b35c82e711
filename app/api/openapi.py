"""The OpenAPI document: what FastAPI knows, with the doors, the problems and the parameters that all routes share."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from app.api.doors import Door, WriteDoor
from app.api.problems import MEDIA_TYPE, Problem

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "An access token, or an API key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_PROBLEMS = {
    401: "Nobody knows who you are.",
    403: "You may not.",
    404: "Not there, or not for your eyes.",
    409: "A rule says no, or a unique value is taken.",
    412: "Somebody changed it first; base, theirs and yours per field are in conflicts.",
    413: "Larger than is taken at once.",
    422: "It cannot be understood; the fault is named.",
    428: "Say which version you change.",
    429: "Slow down.",
    503: "Come back in a moment.",
}
_WRITE_PARAMETERS = [
    {
        "name": "dry_run",
        "in": "query",
        "schema": {"type": "boolean", "default": False},
        "description": "Check everything and answer with the outcome, but keep nothing.",
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
        "description": "The same key with the same request gets the same answer and does nothing twice.",
    },
]


def door_of(route: APIRoute) -> Door | None:
    """The door that a route is entered by."""
    calls = [dependency.call for dependency in route.dependant.dependencies]
    return next((call for call in calls if isinstance(call, Door)), None)


def routes_of(app: FastAPI) -> list[APIRoute]:
    """Every route of the API."""
    return [route for route in app.routes if isinstance(route, APIRoute)]


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document, built once."""
    if app.openapi_schema:
        return app.openapi_schema
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description="Errors are RFC 9457 problems, whose codes are listed in problems.md.",
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    made["components"]["securitySchemes"] = _SCHEMES
    for route in routes_of(app):
        for method in route.methods or ():
            _complete(made["paths"][route.path_format][method.lower()], route)
    app.openapi_schema = made
    return made


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    operation["summary"] = (route.endpoint.__doc__ or "").strip().splitlines()[0]
    operation.pop("description", None)
    door = door_of(route)
    if door is None:
        operation["security"] = []
    else:
        operation["security"] = [{"token": []}, {"key": []}]
        if door.scope is not None:
            operation["x-scope"] = str(door.scope)
    if isinstance(door, WriteDoor):
        operation["parameters"] = [*operation.get("parameters", []), *_WRITE_PARAMETERS]
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _statuses(route, door):
        responses[str(status)] = {
            "description": _PROBLEMS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }


def _statuses(route: APIRoute, door: Door | None) -> list[int]:
    if door is None:
        return [401, 422, 429, 503] if "POST" in (route.methods or ()) else []
    found = [401, 403, 422, 503]
    if "{" in route.path:
        found.append(404)
    if isinstance(door, WriteDoor):
        found += [404, 409, 413]
    if any(field.alias == "if-match" for d in route.dependant.dependencies for field in d.header_params):
        found += [412, 428]
    return sorted(set(found))
