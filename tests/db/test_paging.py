"""Cursors that somebody made up: they are refused, or open an empty or an ordinary page, and never a fault of ours."""

from typing import Any

import pytest

from app.db import actors, lists, paging
from app.db.contacts import CONTACTS
from app.db.lists import Page
from app.db.nouns import Noun
from app.db.reads import Reads
from app.db.registry import NOUNS
from app.domain.access import Actor
from app.domain.errors import InvalidInput
from app.domain.fields import SCALARS
from app.kit import cursor, json
from tests.makers.organisations import Organisation

ID = "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"
HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 2**15, 2**31, -(2**40), 2**63 - 1, 2**64 - 1, 0.1, 1e308,
    "", "a", "\x00", "'", "z" * 10_001, "0.1", "9" * 16 + "." + "9" * 10, "9" * 400, "1e999999", "nan", "infinity",
    "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00",
    "2026-01-01T00:00:00", ID, ID.replace("-", ""), [], {},
)  # fmt: skip


async def _reads(org: Organisation) -> Reads:
    async def reload() -> Actor:
        return await actors.system(org.database, org.id)

    return Reads(org.database, await reload(), reload)


async def _page(reads: Reads, noun: Noun, sort: str, values: list[Any]) -> list[Any] | None:
    """The records of a page, or None when its cursor is refused."""
    sorts = paging.parse_sort(sort, noun.known(reads.actor))
    sealed = cursor.seal(paging.context(noun.name, sorts), values)
    try:
        listed = await lists.list_page(reads, Page(noun, sort=sort, cursor=sealed))
    except InvalidInput as refused:
        if refused.code != "cursor_invalid":
            raise
        return None
    data: list[Any] = json.loads(listed)["data"]
    return data


@pytest.mark.parametrize("noun", NOUNS.values(), ids=NOUNS)
async def test_no_value_in_a_cursor_is_a_fault(org: Organisation, noun: Noun):
    if noun is CONTACTS:
        for kind in SCALARS:
            body = {"noun": "contact", "key": kind, "kind": kind, "label": kind}
            assert (await org.admin.post("/v1/custom_fields", json=body)).status_code == 201
    reads = await _reads(org)
    for name, field in noun.known(reads.actor).items():
        if not field.sortable or name == "id":
            continue
        taken = [value for value in HOSTILE if await _page(reads, noun, name, [value, ID]) is not None]
        assert taken, f"no value of {name} is taken"
        for value in taken:
            await _page(reads, noun, f"-{name},id", [value, ID])
        for value in HOSTILE:
            await _page(reads, noun, f"id,{name}", [value, taken[-1]])


async def test_nothing_comes_after_a_record_of_which_everything_is_missing(org: Organisation):
    assert (await org.admin.post("/v1/contacts", json={"name": "A"})).status_code == 201
    reads = await _reads(org)
    for sort in ("job_title", "-job_title", "created_at", "job_title,-created_at"):
        values = [None] * (sort.count(",") + 2)
        assert await _page(reads, CONTACTS, sort, values) == [], sort


async def test_no_value_in_a_cursor_of_other_pages_is_a_fault(org: Organisation):
    product = {"sku": "A", "name": "A", "price": "1", "currency": "CNY"}
    made = [
        (await org.admin.post(f"/v1/{nouns}", json=body)).json()["id"]
        for nouns, body in (("contacts", {"name": "A"}), ("products", product))
    ]
    pages = {
        "timeline": f"/v1/contacts/{made[0]}/timeline",
        "prices": f"/v1/products/{made[1]}/prices",
        "events": "/v1/events",
        "logins": "/v1/auth/logins",
    }
    for context, url in pages.items():
        for value in HOSTILE:
            for values in ([], [value], [value, ID]):
                answer = await org.admin.get(url, params={"cursor": cursor.seal(context, values)})
                assert answer.status_code in {200, 422}, (url, values, answer.text)
