"""What a body says: many items, judged one by one so that a bad one costs the others nothing; one item; numbers."""

import asyncio
from functools import partial
from itertools import islice
from typing import Any

from fastapi import Request
from pydantic import ValidationError

from app.api.middleware import MOST_BYTES
from app.domain.errors import InvalidInput
from app.domain.pointers import pointer
from app.kit import json
from app.schemas.base import Shape
from app.schemas.problems import incomplete_for
from app.usecases.bulk import Item, Whole, asked
from app.usecases.plain import Values

MOST_ITEMS = 10_000


async def items_of(request: Request, add: type[Shape], upsert: type[Shape]) -> list[Item]:
    """The items of a bulk body, to be judged by their shapes when their turn comes. Raises InvalidInput."""
    read = await asyncio.to_thread(_read, await request.body())
    return [
        Item(index, partial(_asked, raw, odd, add, upsert), raw if isinstance(raw, dict) else {})
        for index, (raw, odd) in enumerate(read)
    ]


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


def _asked(raw: Any, odd: bool, add: type[Shape], upsert: type[Shape]) -> tuple[Values, Whole]:
    if odd and (refusal := inexact(raw)):
        raise refusal
    return asked(raw, add, upsert)


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

    return Item(0, lambda: (given, complete), given)


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
