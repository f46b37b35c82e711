"""The OpenAPI document: what FastAPI knows, with the doors, the problems, the examples and what all routes share."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

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
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
        "description": "The same key with the same request gets the same answer and does nothing twice.",
    },
}


def door_of(route: RouteContext) -> Door | None:
    """The door that a route is entered by."""
    calls = (dependency.call for dependency in route.dependant.dependencies)
    return next((call for call in calls if isinstance(call, Door)), None)


def routes_of(app: FastAPI) -> list[RouteContext]:
    """Every route of the API, with the whole path that it has in the application."""
    return [route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)]


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
    _close(made)
    made["components"] |= {
        "securitySchemes": _SCHEMES,
        "parameters": _WRITE_PARAMETERS,
        "responses": {
            f"Problem{status}": {
                "description": says,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
            for status, says in _PROBLEMS.items()
        },
    }
    examples = Examples(schemas)
    for route in routes_of(app):
        for method in route.methods or ():
            operation = made["paths"][route.path_format][method.lower()]
            _complete(operation, route)
            _exemplify(operation, examples)
    made["components"]["examples"] = {
        name: {"value": examples.of_shape(name)} for name in sorted(examples.used)
    }
    for schema in schemas.values():
        if schema.get("examples") == []:
            del schema["examples"]
    app.openapi_schema = made
    return made


def _close(part: Any) -> None:
    """Say that an object whose names must match a pattern takes no other names: pydantic refuses them, and leaves that out."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part.setdefault("additionalProperties", False)
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
        operation["security"] = [{"token": []}, {"key": []}]
        if door.scope is not None:
            operation["x-scope"] = str(door.scope)
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "if-match":  # optional to FastAPI only, so that leaving it out is a 428
            parameter |= {
                "name": "If-Match",
                "required": True,
                "schema": {"type": "string", "pattern": r'^(\*|(W/)?"[0-9]{1,9}")$'},
                "example": '"3"',
            }
    if isinstance(door, WriteDoor):
        shared = [{"$ref": f"#/components/parameters/{name}"} for name in _WRITE_PARAMETERS]
        operation["parameters"] = [*operation.get("parameters", []), *shared]
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _statuses(route, door):
        responses[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}


def _statuses(route: RouteContext, door: Door | None) -> list[int]:
    if door is None:
        return [401, 413, 422, 429, 503] if "POST" in (route.methods or ()) else []
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


def _exemplify(operation: dict[str, Any], examples: "Examples") -> None:
    contents = [operation.get("requestBody", {}).get("content", {})]
    contents += [response.get("content", {}) for response in operation["responses"].values()]
    for content in contents:
        for media in content.values():
            if shape := media.get("schema", {}).get("$ref", "").rpartition("/")[2]:
                examples.used.add(shape)
                media["examples"] = {shape: {"$ref": f"#/components/examples/{shape}"}}
            elif media.get("schema"):
                media["example"] = examples.of(media["schema"])


ID = "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"
_FORMATS = {
    "uuid": ID,
    "date-time": "2026-03-01T02:30:00Z",
    "date": "2026-03-01",
    "password": "seven green bicycles",
}
_WHERE = {"all": [{"field": "created_at", "op": "gte", "value": "2026-01-01T00:00:00+08:00"}]}
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "Address": {"country": "CN", "province": "浙江", "city": "杭州", "street": "龙井路 1 号"},
    "ApiKeyMade": {"key": "rk_0197b2a46c1e7d429b1f"},
    "BulkItem": {"index": 0, "status": "created", "id": ID},
    "BulkResult": {"created": 1, "updated": 0, "unchanged": 0, "failed": 0},
    "Consent": {"purpose": "marketing", "channel": "email", "state": "granted", "source": "form"},
    "ConsentOut": {"purpose": "marketing", "channel": "email", "source": "form"},
    "ContactOut": {"email": "wei.zhang@example.com", "phone": "+8613800138000"},
    "ContactSummary": {"orders": {}, "interactions": {}},
    "Count": {"count": 42},
    "CountQuery": {"where": _WHERE},
    "EmailOut": {"normalised": "wei.zhang@example.com"},
    "EventOut": {
        "seq": 4711,
        "type": "contact.edited",
        "noun": "contact",
        "version": 2,
        "actor_kind": "user",
        "before": {"job_title": "采购经理"},
        "after": {"job_title": "采购总监"},
    },
    "Hit": {"title": "张伟"},
    "Hits": {"more": []},
    "Me": {"name": "李娜", "email": "li.na@example.com", "scopes": ["contacts:read"]},
    "OrderLineOut": {
        "quantity": "2.0000",
        "unit_price": "168.0000",
        "discount": "0.0000",
        "amount": "336.0000",
    },
    "OrderOut": {"total": "336.0000", "subtotal": "336.0000", "refunded": "0.0000", "status": "placed"},
    "PhoneOut": {"e164": "+8613800138000"},
    "PriceOut": {"price": "168.0000", "currency": "CNY"},
    "Refresh": {"refresh_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"},
    "RunOut": {
        "kind": "tags.rename",
        "status": "running",
        "params": {"to": "VIP"},
        "done": 400,
        "total": 1000,
    },
    "Ruling": {
        "rule": "scope",
        "subject": "contacts:read",
        "why": "The role sales opens it.",
        "roles": ["sales"],
    },
    "Search": {"where": _WHERE, "sort": "-created_at", "limit": 50},
    "SettingsOut": {"slug": "rapport", "name": "Rapport", "region": "CN", "time_zone": "Asia/Shanghai"},
    "SignIn": {"username": "li.na@example.com"},
    "Spent": {"total": "336.0000", "refunded": "0.0000", "average": "168.0000"},
    "Tokens": {"access_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "expires_in": 900},
}
"""What an example says where neither the shape that is written nor a name or format gives a good word."""
_WORDS = ("text", "CNY", "CN", "zh-CN", "168.00", "contacts:read")
_NAMED = {"currency": "CNY", "base": "CNY", "language": "zh-CN", "name": "华东", "label": "work"}


class Examples:
    """One example for every shape: the one it brings, or one made of what is written, of formats and of words."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self.used: set[str] = set()
        """Shapes whose example stands in the document."""

    def of_shape(self, name: str) -> Any:
        """The example of a named shape; that of an answer tells of the same record as that of its request."""
        schema = self._schemas[name]
        if brought := schema.get("examples"):
            return brought[0]
        written: Mapping[str, Any] = {}
        if name.endswith(("Out", "Made")):
            request = self._schemas.get(re.sub("(Out|Made)$", "Add", name), {})
            written = request.get("examples", [{}])[0]
            written = {**written, **_SHAPES.get(re.sub("Made$", "Out", name), {})}
        return self.of(schema, name, {**written, **_SHAPES.get(name, {})} or None)

    def of(self, schema: Mapping[str, Any], name: str = "", given: Any = None) -> Any:
        """An example of any schema; what is given is kept, and completed where it is an object or a list of them."""
        if reference := schema.get("$ref"):
            shape = reference.rpartition("/")[2]
            if given is None:
                return self.of_shape(shape)
            more = {**_SHAPES.get(shape, {}), **given} if isinstance(given, dict) else given
            return self.of(self._schemas[shape], name, more)
        if given is None and schema.get("examples"):
            return schema["examples"][0]
        if branches := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            nullable = any(branch.get("type") == "null" for branch in branches)
            return None if nullable and given is None else self.of(branches[0], name, given)
        match schema.get("type"):
            case "object" if "properties" in schema:
                return self._object(schema, given or {})
            case "array" if given is not None:
                return [self.of(schema["items"], name, one) for one in given]
            case "array" if "$ref" in schema["items"]:
                return [self.of(schema["items"])]
            case "array":
                return []
        return given if given is not None else self._value(schema, name)

    def _object(self, schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        # An answer shows every field; of a request only what it must have and what was given.
        every = schema.get("additionalProperties") is not False
        return {
            name: self.of(part, name, given.get(name))
            for name, part in schema["properties"].items()
            if every or name in given or name in schema.get("required", ())
        }

    def _value(self, schema: Mapping[str, Any], name: str) -> Any:
        for said in ("const", "default"):
            if said in schema:
                return schema[said]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "string":
                return _text(schema, name)
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case "object":
                return {}
        return None


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    words = (_NAMED[name], *_WORDS) if name in _NAMED else _WORDS
    return next(word for word in words if re.search(schema.get("pattern", ""), word))
