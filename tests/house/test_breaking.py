"""The checker for breaking changes, on documents made by hand."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.house.breaking import breaches

_SCHEMAS: dict[str, Any] = {
    "Colour": {"type": "string", "enum": ["red", "green"]},
    "TagAdd": {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string"},
            "colour": {"anyOf": [{"$ref": "#/components/schemas/Colour"}, {"type": "null"}]},
            "weight": {"type": "number"},
        },
    },
    "TagOut": {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "name": {"type": "string"},
            "parent": {"$ref": "#/components/schemas/TagOut"},
            "words": {"type": "array", "items": {"type": "string"}},
        },
    },
}
_OLD: dict[str, Any] = {
    "components": {
        "schemas": _SCHEMAS,
        "parameters": {"Dry": {"name": "dry_run", "in": "query", "schema": {"type": "boolean"}}},
    },
    "paths": {
        "/tags": {
            "post": {
                "operationId": "add_tag",
                "x-scope": "tags:write",
                "parameters": [{"$ref": "#/components/parameters/Dry"}],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TagAdd"}}}
                },
                "responses": {
                    "201": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TagOut"}}}
                    },
                    "409": {"description": "Taken."},
                },
            }
        }
    },
}
_OPERATION = ("paths", "/tags", "post")
_ADD = ("components", "schemas", "TagAdd")
_OUT = ("components", "schemas", "TagOut", "properties")
Change = Callable[[Any], Any]


def _at(place: tuple[str, ...], change: Change) -> dict[str, Any]:
    made = copy.deepcopy(_OLD)
    node = made
    for part in place:
        node = node[part]
    change(node)
    return made


BREAKS: dict[str, tuple[tuple[str, ...], Change, str]] = {
    "path": (("paths",), lambda n: n.clear(), "POST /tags is gone."),
    "method": (("paths", "/tags"), lambda n: n.update(put=n.pop("post")), "POST /tags is gone."),
    "name": (_OPERATION, lambda n: n.update(operationId="make_tag"), "POST /tags is gone."),
    "scope": (
        _OPERATION,
        lambda n: n.update({"x-scope": "tags:all"}),
        "It asks for the scope tags:all instead of tags:write.",
    ),
    "parameter": (_OPERATION, lambda n: n["parameters"].clear(), "The query parameter dry_run is gone."),
    "new parameter": (
        _OPERATION,
        lambda n: n["parameters"].append(
            {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}
        ),
        "The header parameter If-Match is required.",
    ),
    "parameter type": (
        ("components", "parameters", "Dry", "schema"),
        lambda n: n.update(type="string"),
        "dry_run was boolean and is string.",
    ),
    "media type": (
        (*_OPERATION, "requestBody", "content"),
        lambda n: n.update({"text/csv": n.pop("application/json")}),
        "It takes no application/json any more.",
    ),
    "required field": (_ADD, lambda n: n["required"].append("weight"), "body.weight is required."),
    "new required field": (
        _ADD,
        lambda n: (n["required"].append("size"), n["properties"].update(size={"type": "integer"})),
        "body.size is required.",
    ),
    "field taken": (_ADD, lambda n: n["properties"].pop("weight"), "body.weight is gone."),
    "words": (
        ("components", "schemas", "Colour"),
        lambda n: n["enum"].remove("red"),
        "body.colour takes green only.",
    ),
    "words where all were taken": (
        (*_ADD, "properties", "name"),
        lambda n: n.update(enum=["vip"]),
        "body.name takes vip only.",
    ),
    "null taken": (
        (*_ADD, "properties", "colour", "anyOf"),
        lambda n: n.pop(),
        "body.colour was null or string and is string.",
    ),
    "narrower number": (
        (*_ADD, "properties", "weight"),
        lambda n: n.update(type="integer"),
        "body.weight was number and is integer.",
    ),
    "status": (
        (*_OPERATION, "responses"),
        lambda n: n.update({"202": n.pop("201")}),
        "It answers 201 no more.",
    ),
    "answer field": (_OUT, lambda n: n.pop("name"), "answer 201.name is gone."),
    "answer type": (
        (*_OUT, "name"),
        lambda n: n.update(type="integer"),
        "answer 201.name was string and is integer.",
    ),
    "answer format": (
        (*_OUT, "id"),
        lambda n: n.pop("format"),
        "answer 201.id was string (uuid) and is string.",
    ),
    "answer null": (
        (*_OUT, "name"),
        lambda n: n.update(anyOf=[{"type": n.pop("type")}, {"type": "null"}]),
        "answer 201.name was string and is null or string.",
    ),
    "answer item": (
        (*_OUT, "words", "items"),
        lambda n: n.update(type="integer"),
        "answer 201.words.[] was string and is integer.",
    ),
    "answer to anything": (
        (*_OUT, "name"),
        lambda n: n.clear(),
        "answer 201.name was string and is anything.",
    ),
}
HARMLESS: dict[str, tuple[tuple[str, ...], Change]] = {
    "nothing": ((), lambda _: None),
    "scope asked for no more": (_OPERATION, lambda n: n.pop("x-scope")),
    "new operation": (
        ("paths",),
        lambda n: n.update({"/x": {"get": {"operationId": "get_x", "responses": {}}}}),
    ),
    "new field": ((*_ADD, "properties"), lambda n: n.update(size={"type": "integer"})),
    "field needed no more": (_ADD, lambda n: n["required"].clear()),
    "new word": (("components", "schemas", "Colour"), lambda n: n["enum"].append("blue")),
    "wider field": ((*_ADD, "properties", "name"), lambda n: n.update(type=["string", "null"])),
    "new answer field": (_OUT, lambda n: n.update(size={"type": "integer"})),
    "new description": ((*_ADD, "properties"), lambda n: n["name"].update(description="What it is called.")),
    "new parameter": (
        _OPERATION,
        lambda n: n["parameters"].append({"name": "x", "in": "query", "schema": {"type": "string"}}),
    ),
    "problem": ((*_OPERATION, "responses"), lambda n: n.pop("409")),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_a_client_is_named(name: str):
    place, change, sentence = BREAKS[name]
    assert sentence in breaches(_OLD, _at(place, change))["add_tag"]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_breaks_no_client_is_let_through(name: str):
    place, change = HARMLESS[name]
    assert breaches(_OLD, _at(place, change)) == {}
