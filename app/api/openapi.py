"""The OpenAPI document: what FastAPI knows, with the doors, the problems, the examples and what all routes share."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic.json_schema import models_json_schema

from app.api import docs, etag
from app.api.doors import Door, WriteDoor
from app.api.examples import ID, Examples, problem
from app.api.problems import MEDIA_TYPE
from app.schemas import conditions

_SCHEMES = {
    "login": {
        "type": "oauth2",
        "description": "E-mail address and password; what one may do comes from one's roles.",
        "flows": {"password": {"tokenUrl": "v1/auth/token", "scopes": {}}},
    },
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
_PROBLEM_HEADERS = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}
_WRITE_PARAMETERS = {
    "DryRun": {
        "name": "dry_run",
        "in": "query",
        "schema": {"type": "boolean", "default": False},
        "description": "Check everything and answer with the outcome, but keep nothing.",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "description": (
            "The same key with the same request gets the same answer for two days, and does nothing twice;"
            " with another request it is a 422."
        ),
    },
}
_READ_PARAMETERS = {
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "schema": {"type": "string"},
        "description": "The ETag that you have, or *; while it stands, the answer is 304 without a body.",
    },
}
_HEADERS = {
    "ETag": (
        "string",
        "The version of the record and what you are shown of it; send it as If-Match to change it.",
        etag.EXAMPLE,
    ),
    "Location": ("string", "Where the new record is.", f"/v1/contacts/{ID}"),
    "Retry-After": ("integer", "Seconds to wait.", 1),
    "WWW-Authenticate": ("string", "How to say who you are.", "Bearer"),
    "X-Request-ID": ("string", "Your own X-Request-ID, or a new one; it is in the log.", ID),
    "Rapport-Dry-Run": ("string", "true where nothing was kept.", "true"),
}
_TAGS = {
    "auth": "Signing in and out, and who one is.",
    "contacts": "People: how to reach them, what they agreed to, what happened with them.",
    "companies": "Firms and other bodies.",
    "products": "What is sold, with the prices it had.",
    "orders": "What was bought, and how far it is.",
    "deals": "What may be sold: where it stands, since when, and what may happen to it.",
    "pipelines": "The stages that deals go through, and the rules for going.",
    "quotas": "What is to be reached, by whom and by when.",
    "assignment_rules": "Who gets the records that come in and are nobody's.",
    "competitors": "Who else sells to the same customers, and what they are good and bad at.",
    "tasks": "What somebody is to do, until when, and what became of it.",
    "competitor_prices": "What competitors ask for what they sell, from which day on.",
    "costs": "What was spent on winning customers, day by day.",
    "observations": "What was seen of the market: demand, trends, policies and prices, with where it is from.",
    "interactions": "Calls, visits, messages and whatever else passed between people.",
    "custom_fields": "Fields of the organisation's own.",
    "exchange_rates": "What currencies are worth, day by day.",
    "calendars": "The hours and holidays by which business time is counted.",
    "search": "Words, over all kinds of record at once.",
    "nouns": "The kinds of record, and the fields of each that you may use.",
    "events": "Every change, in order.",
    "tags": "Labels for records.",
    "imports": "Files made into records, and taken back.",
    "presets": "What the columns of files mean that come again and again.",
    "segments": "Groups of contacts, kept by hand or by a condition that follows every change.",
    "exports": "Lists made into files.",
    "duplicates": "Contacts that may be one person.",
    "merges": "Contacts that were made one, and how to take that back.",
    "rfm": "How lately, how often and for how much customers bought.",
    "funnel": "How far deals come, where they are lost, and how long that takes.",
    "changes": "How a pipeline differs between two moments.",
    "velocity": "How fast deals are closed, and what comes of it.",
    "revenue": "What orders bring, of new customers and of those who return.",
    "acquisition": "What a new customer costs.",
    "activity": "What is done for deals that are won, and for those that are lost.",
    "forecasts": "What will be won, how surely, and how good such forecasts have been.",
    "forms": "What anybody may fill in, and what comes of it.",
    "runs": "Work in the background, and how far it is.",
    "privacy": "Erasure.",
    "users": "People who sign in.",
    "teams": "Who works with whom.",
    "roles": "Who may do, see and change what.",
    "api_keys": "Keys for programs.",
    "access": "Why one may, or may not.",
    "settings": "The organisation.",
    "health": "For supervisors and Prometheus.",
}


def door_of(route: RouteContext) -> Door | None:
    """The door that a route is entered by."""
    calls = (dependency.call for dependency in route.dependant.dependencies)
    return next((call for call in calls if isinstance(call, Door)), None)


def routes_of(app: FastAPI) -> list[RouteContext]:
    """Every route of the API, with the whole path that it has in the application."""
    return [route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)]


def templates(app: FastAPI) -> dict[Any, str]:
    """The address of every endpoint as the document writes it, /v1/contacts/{id}."""
    return {route.endpoint: str(route.path_format) for route in iter_route_contexts(app.routes)}


def _bulk_items(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The shapes of bulk items that are not in the document by another route already."""
    apart = [shape for shape in docs.BULK if shape.__name__ not in schemas]
    _, found = models_json_schema(
        [(shape, "validation") for shape in apart], ref_template="#/components/schemas/{model}"
    )
    return {shape.__name__: found["$defs"][shape.__name__] for shape in apart}


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document, built once."""
    if app.openapi_schema:
        return app.openapi_schema
    made = _known_to_fastapi(app)
    schemas = made["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= deepcopy(conditions.SCHEMAS) | _bulk_items(schemas)
    _close(made)
    made["components"] |= _shared()
    made["components"]["examples"] = _complete_all(app, made["paths"], Examples(schemas))
    for schema in schemas.values():
        if schema.get("examples") == []:
            del schema["examples"]
    app.openapi_schema = made
    return made


def _known_to_fastapi(app: FastAPI) -> dict[str, Any]:
    return get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description="Errors are RFC 9457 problems, whose codes are listed in problems.md.",
        routes=app.routes,
        separate_input_output_schemas=False,
        servers=[{"url": "/"}],
        tags=[{"name": name, "description": says} for name, says in _TAGS.items()],
    )


def _shared() -> dict[str, Any]:
    """The components that all routes share."""
    return {
        "securitySchemes": _SCHEMES,
        "parameters": _WRITE_PARAMETERS | _READ_PARAMETERS,
        "headers": {
            name: {"description": says, "schema": {"type": kind}, "example": example}
            for name, (kind, says, example) in _HEADERS.items()
        },
        "responses": {f"Problem{status}": _refusal(status, says) for status, says in _PROBLEMS.items()},
    }


def _refusal(status: int, says: str) -> dict[str, Any]:
    shape = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": problem(status)}
    headers = _headers("X-Request-ID", *_PROBLEM_HEADERS.get(status, ()))
    return {"description": says, "headers": headers, "content": {MEDIA_TYPE: shape}}


def _complete_all(app: FastAPI, paths: Mapping[str, Any], examples: Examples) -> dict[str, Any]:
    """Complete every operation; the examples that they show."""
    for route in routes_of(app):
        for method in route.methods or ():
            operation = paths[str(route.path_format)][method.lower()]
            _complete(operation, route)
            _exemplify(operation, examples)
    return {name: {"value": examples.of_shape(name)} for name in sorted(examples.used)}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _close(part: Any) -> None:
    """Say that an object whose names must match a pattern takes no other names: pydantic refuses them, and leaves that out. Name our own shapes."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part.setdefault("additionalProperties", False)
        if "x-shape" in part:
            part["$ref"] = f"#/components/schemas/{part.pop('x-shape')}"
        for inner in part.values():
            _close(inner)
    elif isinstance(part, list):
        for inner in part:
            _close(inner)


def _complete(operation: dict[str, Any], route: RouteContext) -> None:
    assert route.endpoint is not None
    operation["summary"] = (route.endpoint.__doc__ or "").strip().splitlines()[0]
    operation.pop("description", None)
    door = door_of(route)
    if door is None:
        operation["security"] = []
    else:
        operation["security"] = [{name: []} for name in _SCHEMES]
        if door.scope is not None:
            operation["x-scope"] = str(door.scope)
    for parameter in operation.get("parameters", ()):
        if parameter.get("name") == "if-match":  # optional to FastAPI only, so that leaving it out is a 428
            parameter |= {
                "name": "If-Match",
                "required": True,
                "schema": {"type": "string", "pattern": etag.PATTERN},
                "example": etag.EXAMPLE,
            }
    if isinstance(door, WriteDoor):
        shared = [{"$ref": f"#/components/parameters/{name}"} for name in _WRITE_PARAMETERS]
        operation["parameters"] = [*operation.get("parameters", []), *shared]
    responses = operation["responses"]
    responses.pop("422", None)
    kept = ("X-Request-ID", "Rapport-Dry-Run") if isinstance(door, WriteDoor) else ("X-Request-ID",)
    for response in responses.values():
        response["headers"] = response.get("headers", {}) | _headers(*kept)
    named = {int(status) for status, response in responses.items() if "$ref" in response}
    pages = any("text/html" in response.get("content", {}) for response in responses.values())
    for status in sorted({*_statuses(route, door), *named}):
        responses[str(status)] = docs.problem_or_page(status) if pages else docs.problem(status)


def _statuses(route: RouteContext, door: Door | None) -> list[int]:
    if door is None:
        if "POST" in (route.methods or ()):
            return [401, 413, 422, 429, 503]
        return [422] if route.dependant.query_params else []
    found = {401, 403, 422, 503}
    if "{" in (route.path or ""):
        found.add(404)
    if "POST" in (route.methods or ()):
        found.add(413)
    if isinstance(door, WriteDoor):
        found |= {404, 409, 413}
    if any(field.alias == "if-match" for d in route.dependant.dependencies for field in d.header_params):
        found |= {412, 428}
    return sorted(found)


def _exemplify(operation: dict[str, Any], examples: Examples) -> None:
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [response.get("content", {}) for response in operation["responses"].values()]
    for content in contents:
        for media in content.values():
            if shape := media.get("schema", {}).get("$ref", "").rpartition("/")[2]:
                examples.used.add(shape)
                media["examples"] = {shape: {"$ref": f"#/components/examples/{shape}"}}
            elif media.get("schema"):
                media["example"] = examples.of(media["schema"])
