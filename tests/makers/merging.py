"""Contacts that are merged over HTTP, with what hangs on them."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.db import write
from app.db.duplicates import DUPLICATES
from app.kit.ids import new_id
from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}
Body = dict[str, Any]
MOVED = frozenset({"version", "updated_at"})
NEW: dict[str, Body] = {
    "orders": {"currency": "CNY", "placed_at": "2026-01-01T00:00:00Z"},
    "tasks": {"title": "回访"},
    "interactions": {"kind": "call", "at": "2026-01-01T00:00:00Z"},
}
BOTH = pytest.mark.parametrize("plural", NEW)
"""What can hang on a contact."""


def fresh(plural: str, code: str, contact: Body | None = None) -> Body:
    """An order or an interaction to be added."""
    own = {"number": code} if plural == "orders" else {"external_ids": {"pbx": code}}
    return {**NEW[plural], **own, **({"contact_id": contact["id"]} if contact else {})}


async def add(org: Organisation, plural: str, body: Body) -> Body:
    """A new record."""
    answer = await org.admin.post(f"/v1/{plural}", json=body)
    assert answer.status_code == 201, answer.text
    made: Body = answer.json()
    return made


async def contact(org: Organisation, name: str, **more: Any) -> Body:
    """A new contact."""
    return await add(org, "contacts", {"name": name, **more})


async def contacts(org: Organisation, *names: str, **more: Any) -> list[Body]:
    """New contacts that have all but their names in common."""
    return [await contact(org, name, **more) for name in names]


async def duplicate(org: Organisation, *people: Body) -> UUID:
    """As a search would have found it."""
    id_ = new_id()
    row = {
        "id": id_,
        "noun": "contact",
        "status": "open",
        "score": Decimal("0.99"),
        "size": len(people),
        "run_id": None,
        "merge_id": None,
        "pairs": [],
        "digests": {},
        "members": [{"noun": "contact", "member_id": UUID(one["id"])} for one in people],
    }
    async with await org.work() as uow:
        await write.add(uow, DUPLICATES, [row], "duplicate.found")
        await uow.commit()
    return id_


async def merge(org: Organisation, survivor: Body, *others: Body, **more: Any) -> httpx.Response:
    """The answer to merging the others into the survivor."""
    said = {"others": [one["id"] for one in others], **more}
    return await org.admin.post(f"/v1/contacts/{survivor['id']}/merge", json=said, headers=ANY)


async def merged(org: Organisation, survivor: Body, other: Body) -> Body:
    """The merge of the other into the survivor, which went well."""
    answer = await merge(org, survivor, other)
    assert answer.status_code == 200, answer.text
    done: Body = answer.json()
    return done


async def stands(org: Organisation, plural: str = "contacts") -> dict[str, Body]:
    """Every record, put away or not, without what every change moves."""
    said: dict[str, str | int] = {"limit": 200, "archived": "any", "sort": "id"}
    found = (await org.admin.get(f"/v1/{plural}", params=said)).json()["data"]
    return {one["id"]: {k: v for k, v in one.items() if k not in MOVED} for one in found}


async def history(org: Organisation, one: Body) -> None:
    """An order of theirs and two calls with them."""
    await add(
        org,
        "orders",
        {
            "number": f"o {one['id']}",
            "currency": "CNY",
            "placed_at": "2026-01-01T00:00:00Z",
            "contact_id": one["id"],
        },
    )
    for day in (1, 2):
        said = {"kind": "call", "at": f"2026-0{day}-01T00:00:00Z", "contact_id": one["id"]}
        await add(org, "interactions", said)
