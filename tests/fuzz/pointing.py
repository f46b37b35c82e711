"""Well-formed requests made to name what is there: ids, external ids, versions."""

import random
from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

from tests.fuzz.world import World

_REAL = 0.7
"""How often."""
_NOBODY = "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"
_REFERENCES = {
    "contact_id": "contacts",
    "company_id": "companies",
    "product_id": "products",
    "owner_id": "users",
    "user_id": "users",
    "team_id": "teams",
    "role_ids": "roles",
    "calendar_id": "calendars",
    "pipeline_id": "pipelines",
}


def point(case: schemathesis.Case, world: World, chance: random.Random) -> None:
    """Change a case in place; what was made to be refused stays as it is, and the caller's own ground is left alone."""
    plural = case.path.split("/")[2] if case.path.startswith("/v1/") else ""
    if (given := case.path_parameters) and _sound(case, ParameterLocation.PATH):
        if str(given.get("id")) in world.own:
            given["id"] = _NOBODY
        elif chance.random() < _REAL:
            _address(given, plural, world, chance)
    if case.headers and "If-Match" in case.headers and _sound(case, ParameterLocation.HEADER):
        case.headers["If-Match"] = chance.choice(["*", "*", "*", '"1"', '"2"'])
    if isinstance(case.body, dict | list) and _sound(case, ParameterLocation.BODY):
        _body(case.body, plural, world, chance)


def _sound(case: schemathesis.Case, location: ParameterLocation) -> bool:
    return case.meta is None or not case.meta.is_negative_at(location)


def _address(given: dict[str, Any], plural: str, world: World, chance: random.Random) -> None:
    if "id" in given and (found := world.ids.get(plural)):
        given["id"] = chance.choice(found)
    if "external_id" in given and (pairs := world.external.get(plural)):
        given["system"], given["external_id"] = chance.choice(pairs)


def _body(body: Any, plural: str, world: World, chance: random.Random) -> None:
    if isinstance(body, list):
        for one in body:
            _body(one, plural, world, chance)
    if not isinstance(body, dict):
        return
    for name, value in body.items():
        noun = plural if name == "parent_id" else _REFERENCES.get(name)
        if noun is not None and value and chance.random() < _REAL and (found := world.ids.get(noun)):
            body[name] = [chance.choice(found)] if isinstance(value, list) else chance.choice(found)
        elif name == "custom" and chance.random() < _REAL:
            body[name] = {}  # which custom fields there are differs by tenant: most keys are refused at once
        elif isinstance(value, dict | list):
            _body(value, plural, world, chance)
