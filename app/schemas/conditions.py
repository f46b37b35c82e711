"""Conditions on the wire: their JSON Schema; what they mean, and whether one fits its noun, app.domain.conditions says."""

from typing import Annotated, Any

from pydantic import JsonValue
from pydantic.json_schema import WithJsonSchema

from app.domain.ops import Op

_MOST = 100
_SELF = {"$ref": "#/components/schemas/Condition"}


def _object(description: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _parts() -> dict[str, Any]:
    return {"type": "array", "items": _SELF, "maxItems": _MOST}


SCHEMAS: dict[str, dict[str, Any]] = {
    "Condition": {
        "description": f"What must hold of a record: at most {_MOST} tests, at most 8 deep.",
        "oneOf": [
            {"$ref": f"#/components/schemas/Condition{name}"} for name in ("All", "Any", "Not", "Test")
        ],
    },
    "ConditionAll": _object("Every part holds; an empty list is true.", all=_parts()),
    "ConditionAny": _object("Some part holds; an empty list is false.", any=_parts()),
    "ConditionNot": _object("The part does not hold.", **{"not": _SELF}),
    "ConditionOp": {
        "type": "string",
        "enum": [op.value for op in Op],
        "description": "GET /v1/nouns says which of them a field takes.",
    },
    "ConditionTest": _object(
        "One test of one field.",
        field={"type": "string", "description": "A field of the noun; custom.<key> for a custom one."},
        op={"$ref": "#/components/schemas/ConditionOp"},
        value={
            "description": (
                "A value of the field's kind; true or false for is_null and is_empty; a list of values for in, not_in,"
                " has_any, has_all and has_none; a list of the lowest and the highest for between. Numbers may be text."
            )
        },
    ),
}
"""To stand among the components of the OpenAPI document, because the shape is recursive."""
Where = Annotated[dict[str, JsonValue], WithJsonSchema({"x-shape": "Condition"})]
"""A raw condition: taken as any object here, and read where the noun and the caller are known.

The document puts the reference in place of x-shape: pydantic resolves none but its own.
"""
