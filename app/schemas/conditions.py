"""Conditions on the wire: their JSON Schema; what they mean, and whether one fits its noun, app.domain.conditions says."""

from typing import Annotated, Any

from pydantic import JsonValue
from pydantic.json_schema import WithJsonSchema

from app.domain.ops import Op
from app.domain.related import MOMENTS, Measure

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


def _some_of(description: str, must: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {**_object(description, **properties), "required": list(must)}


def _parts() -> dict[str, Any]:
    return {"type": "array", "items": _SELF, "maxItems": _MOST}


SCHEMAS: dict[str, dict[str, Any]] = {
    "Condition": {
        "description": f"What must hold of a record: at most {_MOST} tests, at most 8 deep.",
        "oneOf": [
            {"$ref": f"#/components/schemas/Condition{name}"}
            for name in ("All", "Any", "Not", "Test", "Aggregate", "Company", "Segment")
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
                " has_any, has_all and has_none; a list of the lowest and the highest for between. Numbers may be text. Instead"
                ' of a date or a time, {"days_ago": 90} moves with the clock: 90 days before now, of dates in the'
                " organisation's time zone; below zero, ahead of it."
            )
        },
    ),
    "ConditionAggregate": _some_of(
        "Of contacts: a test of what hangs on them, archived records apart. Money is added in the one"
        " currency that where names by eq, or else in the organisation's, at the rate of each order's day; what has no rate is"
        " left out.",
        ("of", "measure", "op", "value"),
        of={"type": "string", "enum": list(MOMENTS)},
        measure={"type": "string", "enum": [measure.value for measure in Measure]},
        field={
            "type": "string",
            "description": "What is measured, of all measures but count: a field of the record; of a line also"
            " product.sku, product.category, order.status and such.",
        },
        where=_SELF,
        days={
            "type": ["array", "null"],
            "items": {"type": ["integer", "null"]},
            "minItems": 2,
            "maxItems": 2,
            "description": "From so many days ago to so many, by when it was placed or happened; null for no end.",
        },
        op={"$ref": "#/components/schemas/ConditionOp"},
        value={"description": "A whole number, a number, or a date or time, as the measure is."},
    ),
    "ConditionCompany": _object("Of contacts: a condition holds of their company.", company=_SELF),
    "ConditionSegment": _object(
        "Of contacts: they are in a segment, or not; nobody is in one that is not there or not for you to know.",
        segment={"type": "string", "format": "uuid"},
        op={"$ref": "#/components/schemas/ConditionOp", "description": "in or not_in."},
    ),
}
"""To stand among the components of the OpenAPI document, because the shape is recursive."""
Where = Annotated[dict[str, JsonValue], WithJsonSchema({"x-shape": "Condition"})]
"""A raw condition: taken as any object here, and read where the noun and the caller are known.

The document puts the reference in place of x-shape: pydantic resolves none but its own.
"""
