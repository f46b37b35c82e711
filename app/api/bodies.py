"""What a body says: many items, judged one by one so that a bad one costs the others nothing; one item; numbers."""

import asyncio
from itertools import islice
from typing import Any

from fastapi import Request
from pydantic import ValidationError

from app.api.middleware import MOST_BYTES
from app.domain.errors import InvalidInput
from app.domain.pointers import pointer
from app.kit import json
from app.schemas.base import Shape
from app.usecases.bulk import Item, incomplete_for, item_of

MOST_ITEMS = 10_000


async def items_of(request: Request, add: type[Shape], upsert: type[Shape]) -> list[Item]:
    """The items of a bulk body; those that do not fit their shape have failed already. Raises InvalidInput."""
    read = await asyncio.to_thread(_read, await request.body())
    return await asyncio.to_thread(
        lambda: [_judged(index, raw, odd, add, upsert) for index, (raw, odd) in enumerate(read)]
    )


def _read(body: bytes) -> list[tuple[Any, bool]]:
    """The items as they were sent, and of each whether some number in it needs a look."""
    try:
        found = list(islice(json.items(body, MOST_BYTES), MOST_ITEMS + 1))
    except ValueError:
        found = []
    if not 1 <= len(found) <= MOST_ITEMS:
        raise InvalidInput(
            "items_invalid",
            f'The body is JSON in UTF-8, {{"items": […]}} with 1 to {MOST_ITEMS:,} items and nothing else,'
            f" each of at most {MOST_BYTES:,} characters.",
        )
    return found


def _judged(index: int, raw: Any, odd: bool, add: type[Shape], upsert: type[Shape]) -> Item:
    refusal = inexact(raw) if odd else None
    if refusal is None:
        return item_of(index, raw, add, upsert)
    item = Item(index, {}, None)
    item.fail(refusal)
    return item


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
    at = pointer(found[0])
    return InvalidInput(
        "number_inexact",
        f"The number {str(found[1])[:40]} at {at} has more digits than a JSON number keeps; send fewer, or send it as text.",
        at=at,
    )
