"""Bulk bodies: read once, judged item by item, so that one bad row does not cost the others."""

import asyncio
from functools import cache
from typing import Any

from fastapi import Request
from pydantic import ValidationError

from app.api.problems import faults_of
from app.domain.errors import InvalidInput
from app.kit import json
from app.schemas.base import Shape
from app.usecases.plain import Item

MOST_ITEMS = 10_000


async def items_of(request: Request, add: type[Shape], upsert: type[Shape]) -> list[Item]:
    """The items of a bulk body; those that do not fit their shape have failed already. Raises InvalidInput."""
    try:
        body, odd = await asyncio.to_thread(json.exactly, await request.body())
    except ValueError:
        raise InvalidInput("json_invalid", 'The body is not JSON in UTF-8; send {"items": […]}.') from None
    raw = body.get("items") if isinstance(body, dict) else None
    if not isinstance(raw, list) or len(body) != 1 or not 1 <= len(raw) <= MOST_ITEMS:
        raise InvalidInput(
            "items_invalid", f'The body is {{"items": […]}} with 1 to {MOST_ITEMS:,} items and nothing else.'
        )
    judge = _item_of_any_numbers if odd else _item
    return await asyncio.to_thread(lambda: [judge(index, one, add, upsert) for index, one in enumerate(raw)])


@cache
def _defaults(add: type[Shape]) -> dict[str, Any]:
    return {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in add.model_fields.items()
        if not field.is_required()
    }


def _item(index: int, raw: Any, add: type[Shape], upsert: type[Shape]) -> Item:
    try:
        shape = add.model_validate(raw)
    except ValidationError as not_new:
        return _edit(index, raw, upsert, not_new)
    given = shape.model_dump(exclude_unset=True)
    return Item(index, given, lambda: {**_defaults(add), **given})


def _item_of_any_numbers(index: int, raw: Any, add: type[Shape], upsert: type[Shape]) -> Item:
    refusal = inexact(raw)
    if refusal is None:
        return _item(index, raw, add, upsert)
    item = Item(index, {}, None)
    item.fail(refusal)
    return item


def _edit(index: int, raw: Any, upsert: type[Shape], not_new: ValidationError) -> Item:
    """An item that would not do as a new record may still edit one that is there."""

    def incomplete() -> dict[str, Any]:
        raise incomplete_for(not_new)

    try:
        shape = upsert.model_validate(raw)
    except ValidationError as fault:
        item = Item(index, {}, None)
        item.fail(invalid(fault))
        return item
    return Item(index, shape.model_dump(exclude_unset=True), incomplete)


def one_item(body: Shape, add: type[Shape], system: str, external_id: str) -> Item:
    """A single upsert, known by what another system calls it."""
    given = body.model_dump(exclude_unset=True)
    given["external_ids"] = (given.get("external_ids") or {}) | {system: external_id}

    def complete() -> dict[str, Any]:
        try:
            shape = add.model_validate(body.model_dump(exclude_unset=True, exclude={"id"}, by_alias=True))
        except ValidationError as fault:
            raise incomplete_for(fault) from None
        return {**shape.model_dump(), "external_ids": given["external_ids"]}

    return Item(0, given, complete)


def inexact(raw: Any) -> InvalidInput | None:
    """The refusal of a number in a body that would be kept as another, if there is one."""
    found = json.inexact(raw)
    if found is None:
        return None
    at, number = found
    return InvalidInput(
        "number_inexact",
        f"The number {str(number)[:40]} at {at} has more digits than a JSON number keeps; send fewer, or send it as text.",
        at=at,
    )


def invalid(fault: ValidationError) -> InvalidInput:
    """A shape's findings as our error."""
    faults, named = _found(fault)
    return InvalidInput("request_invalid", f"This item cannot be understood. {named}", errors=faults[:20])


def incomplete_for(fault: ValidationError) -> InvalidInput:
    """What would do as an edit, but knows no record that is there, and is not enough for a new one."""
    faults, named = _found(fault)
    return InvalidInput(
        "incomplete", f"There is no such record yet, and a new one needs more. {named}", errors=faults[:20]
    )


def _found(fault: ValidationError) -> tuple[list[dict[str, str]], str]:
    faults = faults_of(list(fault.errors(include_url=False, include_input=False)))
    return faults, "; ".join(f"{one['at']}: {one['detail']}" for one in faults[:3])
