"""Custom fields: what an organisation added to a noun is checked like what is built in."""

import json
from collections.abc import Mapping
from typing import Any

from app.domain.errors import InvalidInput
from app.domain.fields import CUSTOM, Field, parse


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one; to Python true is 1, and false is 0."""
    return bool(one == other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def merged(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """The old keys with the new ones over them, without those set to null."""
    return {key: value for key, value in {**(old or {}), **new}.items() if value is not None}


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """A record's custom fields among its others, as custom.key."""
    custom = values.get("custom") or {}
    plain = {name: value for name, value in values.items() if name != "custom"}
    return plain | {f"{CUSTOM}{key}": value for key, value in custom.items()}


def check_custom(
    values: Mapping[str, Any], fields: Mapping[str, Field], *, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values as they are kept. Raises InvalidInput; a value that was there before may stay as it is."""
    before = before or {}
    for key, value in values.items():
        if key in before and same(before[key], value):
            continue
        if key not in fields:
            raise InvalidInput(
                "custom_field_unknown", f"There is no custom field {key!r} here.", field=f"custom.{key}"
            )
        try:
            parse(fields[key], value)
        except ValueError as fault:
            raise InvalidInput("custom_field_invalid", str(fault), field=f"custom.{key}") from None
    for key, field in fields.items():
        if not field.nullable and key not in values:
            raise InvalidInput(
                "custom_field_missing", f"The custom field {key} is required.", field=f"custom.{key}"
            )
    return dict(values)
