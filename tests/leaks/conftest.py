"""One planted organisation for all of these tests, and one other that has nothing to see in it."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI

from app.db import write
from app.db.duplicates import DUPLICATES
from app.db.merges import MERGES
from app.kit.ids import new_id
from tests.leaks.world import ANY, World, build
from tests.makers.organisations import Organisation, found
from tests.makers.work import work_off


@pytest.fixture(scope="session")
async def world(service: FastAPI, database_url: str) -> AsyncIterator[World]:
    """The planted organisation. Tests leave its records as they found them."""
    org = await found(service, database_url)
    yield await build(org)
    await org.close()


_QUOTA = {
    "measure": "won_deals",
    "begins_on": "2026-01-01",
    "ends_on": "2026-03-31",
    "amount": "12",
    "note": "told apart",
}


_PRICE = {"their_product": "told apart", "price": "9.5", "currency": "CNY", "valid_from": "2026-01-01"}
_COST = {"day": "2026-01-01", "amount": "9.5", "currency": "CNY", "note": "told apart"}
_OBSERVED = {"topic": "told apart", "kind": "other", "observed_on": "2026-01-01", "source": "x"}


@pytest.fixture(scope="session")
async def others(world: World, service: FastAPI) -> dict[str, list[str]]:
    """Ids of records that are not planted, by plural."""
    admin = world.org.admin
    rate = {"currency": "USD", "base": "CNY", "on_date": "2026-01-01", "rate": "7.1"}
    tag = (await admin.post("/v1/tags", json={"name": "told apart"})).json()["id"]
    made = (await admin.post("/v1/exchange_rates", json=rate)).json()["id"]
    counted = {
        "name": "told apart",
        "time_zone": "Asia/Shanghai",
        "week": {"monday": ["09:00-18:00"]},
        "special_days": [{"on": "2026-01-05", "name": "told apart"}],
    }
    calendar = (await admin.post("/v1/calendars", json=counted)).json()["id"]
    quota = (await admin.post("/v1/quotas", json=_QUOTA)).json()["id"]
    competitor = (await admin.post("/v1/competitors", json={"name": "told apart"})).json()["id"]
    asked = {
        "name": "told apart",
        "noun": "contact",
        "condition": {"field": "income_band", "op": "eq", "value": "told apart"},
        "people": [{"user_id": str(world.people["boss"])}],
    }
    rule = (await admin.post("/v1/assignment_rules", json=asked)).json()["id"]
    price = _PRICE | {"competitor_id": competitor}
    priced = (await admin.post("/v1/competitor_prices", json=price)).json()["id"]
    cost = (await admin.post("/v1/costs", json=_COST)).json()["id"]
    observed = (await admin.post("/v1/observations", json=_OBSERVED)).json()["id"]
    renamed = await admin.post(f"/v1/tags/{tag}/rename", json={"name": "told"}, headers=ANY)
    assert renamed.status_code == 202, renamed.text
    content = b"name,email\nSecret,secret@example.com\n"
    file = (await admin.post("/v1/imports", params={"name": "people.csv"}, content=content)).json()["id"]
    whole = (await admin.post("/v1/exports", json={"noun": "contact", "format": "ndjson"})).json()
    banded = {"field": "income_band", "op": "is_null", "value": False}
    made_of = {
        "name": "told apart",
        "condition": {"any": [banded, {"field": "stage", "op": "eq", "value": "customer"}]},
    }
    segment = await admin.post("/v1/segments", json=made_of)
    assert segment.status_code == 201, segment.text
    assert (await admin.post("/v1/rfm/runs", json={})).status_code == 202
    foreseen = [
        await admin.post("/v1/analytics/sales/forecasts", json={"kind": kind})
        for kind in ("pipeline", "revenue")
    ]
    assert [answer.status_code for answer in foreseen] == [202, 202]
    await work_off(service)
    export = whole["params"]["export_id"]
    assert (await admin.get(f"/v1/exports/{export}/file")).status_code == 200
    asks = {
        "name": "asks",
        "title": {"en": "x"},
        "questions": [{"path": "email", "label": {"en": "x"}}],
        "owner_id": str(world.people["boss"]),
    }
    form = (await admin.post("/v1/forms", json=asks)).json()["id"]
    own = {"key": "own", "target": "contact", "mapping": {"Name": "name"}}
    preset = (await admin.post("/v1/presets", json=own)).json()["id"]
    found = {
        "presets": [preset],
        "exchange_rates": [made],
        "calendars": [calendar],
        "quotas": [quota],
        "assignment_rules": [rule],
        "competitors": [competitor],
        "competitor_prices": [priced],
        "observations": [observed],
        "costs": [cost],
        "pipelines": [(await admin.get("/v1/pipelines")).json()["data"][0]["id"]],
        "tags": [tag],
        "exports": [export],
        "imports": [file],
        "forms": [form],
        "analytics/sales/forecasts": [answer.json()["id"] for answer in foreseen],
        "segments": [segment.json()["id"]],
    } | await _told_together(world)
    for plural in ("users", "teams", "roles", "api_keys", "custom_fields", "runs"):
        listed = (await admin.get(f"/v1/{plural}", params={"limit": "1", "sort": "created_at"})).json()
        found[plural] = [listed["data"][0]["id"]]
    return found


async def _told_together(world: World) -> dict[str, list[str]]:
    """Duplicates and merges of what different people see; the contacts and companies themselves stay as they are."""
    told: dict[str, list[str]] = {"duplicates": [], "merges": []}
    async with await world.org.work() as uow:
        for noun in ("contact", "company"):
            keys = [one.id for one in world.of(noun)]
            for one, other in zip(keys, [*keys[1:], *keys[:1]], strict=True):
                duplicate, merge = _duplicate(noun, one, other), _merge(noun, one, other)
                await write.add(uow, DUPLICATES, [duplicate], "duplicate.found")
                await write.add(uow, MERGES, [merge], "merge.done")
                told["duplicates"].append(str(duplicate["id"]))
                told["merges"].append(str(merge["id"]))
        await uow.commit()
    return told


def _duplicate(noun: str, one: str, other: str) -> dict[str, Any]:
    compared = {"contact": "phone", "company": "domain"}[noun]
    reasons = [[compared, "same", 10.0], ["name", "same", 9.0]]
    return {
        "id": new_id(),
        "noun": noun,
        "status": "open",
        "score": Decimal("0.99"),
        "size": 2,
        "run_id": None,
        "merge_id": None,
        "pairs": [{"left": one, "right": other, "score": 0.99, "reasons": reasons}],
        "digests": {},
        "members": [{"noun": noun, "member_id": each} for each in (one, other)],
    }


def _merge(noun: str, one: str, other: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "noun": noun,
        "survivor_id": one,
        "status": "done",
        "undone": [],
        "members": [{"noun": noun, "member_id": each} for each in (one, other)],
    }


@pytest.fixture(scope="session")
async def outside(service: FastAPI, database_url: str) -> AsyncIterator[Organisation]:
    """Another tenant."""
    org = await found(service, database_url)
    yield org
    await org.close()
