"""Scores tell nobody of contacts, or fields of orders, that they may not see."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.domain.rfm import MADE_OF
from tests.makers.buyers import buyers
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
_ALL = {"scopes": ["*"], "read": {"*": ["*"]}, "write": {"*": ["*"]}}
Look = tuple[httpx.AsyncClient, httpx.AsyncClient, dict[str, str], set[str]]
ADDRESSES = ("/v1/analytics/rfm", "/v1/analytics/rfm/contacts")


@pytest.fixture
async def looking(service: FastAPI, org: Organisation) -> Look:
    """A seller who sees half of the contacts, one who sees all, the ids of all and of those half, after two runs."""
    await org.role("sees own", **_ALL, sight={})
    await org.role("sees all", **_ALL, sight={"*": "all"})
    seller, narrow = await org.user("seller", "sees own")
    _, wide = await org.user("chief", "sees all")

    def sales(n: int) -> list[Any]:
        return [(AS_OF - timedelta(days=7 * n + k), str(100 * n + k)) for k in range(1, n + 2)]

    ids = await buyers(org, {f"mine {n}": sales(n) for n in range(6)}, owner_id=str(seller))
    ids |= await buyers(org, {f"theirs {n}": sales(n + 3) for n in range(5)})
    for day in (30, 0):
        body = {"as_of": (AS_OF - timedelta(days=day)).isoformat()}
        assert (await narrow.post("/v1/rfm/runs", json=body)).status_code == 202
        await work_off(service)
    return narrow, wide, ids, {one for name, one in ids.items() if name.startswith("mine")}


async def _listed(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/analytics/rfm/contacts", params={"limit": 200, **query})
    return {one["contact_id"]: one for one in answer.json()["data"]}


async def test_numbers_are_counted_over_the_contacts_in_sight(looking: Look):
    narrow, wide, ids, mine = looking
    told = (await narrow.get("/v1/analytics/rfm")).json()
    rows, every = await _listed(narrow), await _listed(wide)
    assert every.keys() == set(ids.values())
    assert rows == {one: row for one, row in every.items() if one in mine}
    assert (told["over"], told["contacts"], told["window"]) == ("seen", 6, None)
    assert Decimal(told["revenue"]) == sum(Decimal(row["monetary"]) for row in rows.values())
    for group in (*told["segments"], *told["tiers"]):
        name = "segment" if "segment" in group else "tier"
        own = [row for row in rows.values() if row[name] == group[name]]
        assert group["contacts"] == len(own)
        assert (await _listed(narrow, **{name: group[name]})).keys() == {row["contact_id"] for row in own}
    for measure, column in (
        ("recency", "recency_days"),
        ("frequency", "frequency"),
        ("monetary", "monetary"),
    ):
        ends = [
            one[end] for one in told["distribution"][measure] for end in ("least", "most") if one["contacts"]
        ]
        assert set(map(str, ends)) <= {str(row[column]) for row in rows.values()}
    assert sum(move["contacts"] for move in told["movement"]) == 6
    assert (told["clusters"]["why"], told["clusters"]["candidates"]) == (None, None)
    assert sum(one["contacts"] for one in told["clusters"]["profiles"]) == 6
    whole = (await wide.get("/v1/analytics/rfm")).json()
    assert (whole["over"], whole["contacts"]) == ("all", 11)
    assert whole["window"]["sales"] == sum(row["frequency"] for row in every.values())


async def test_a_contact_out_of_sight_has_no_history_to_see(looking: Look):
    narrow, wide, ids, mine = looking
    for one in ids.values():
        here = f"/v1/contacts/{one}/rfm"
        assert (await narrow.get(here)).status_code == (200 if one in mine else 404)
        assert len((await wide.get(here)).json()["data"]) >= 1


async def test_neither_run_nor_log_tells_how_many_customers_there_are(looking: Look):
    narrow, *_ = looking
    for run in (await narrow.get("/v1/runs", params={"kind": "rfm.score"})).json()["data"]:
        assert (run["done"], run["total"], run["result"]) == (4, 4, {"rfm_run_id": run["id"]})
    events = (await narrow.get("/v1/events", params={"noun": "run", "limit": 200})).json()["data"]
    assert events
    assert "contacts" not in str(events)
    assert "findings" not in str(events)


@pytest.mark.parametrize("name", MADE_OF)
async def test_a_field_hidden_hides_what_is_made_of_it(org: Organisation, looking: Look, name: str):
    _, _, ids, _ = looking
    rest = [one for one in ("id", *MADE_OF) if one != name]
    await org.role("hides", **_ALL | {"read": {"contact": ["*"], "order": rest}}, sight={"*": "all"})
    _, client = await org.user("blind", "hides")
    for url in (*ADDRESSES, f"/v1/contacts/{ids['mine 1']}/rfm"):
        answer = await client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, "field_hidden"), (url, answer.text)


@pytest.mark.parametrize("scope", ["orders:read", "contacts:read", "analytics:read"])
async def test_a_scope_that_is_missing_closes_the_numbers(org: Organisation, looking: Look, scope: str):
    _, _, ids, _ = looking
    rest = [one for one in ("orders:read", "contacts:read", "analytics:read") if one != scope]
    await org.role("lacks", **_ALL | {"scopes": rest}, sight={"*": "all"})
    _, client = await org.user("lacking", "lacks")
    for url in (*ADDRESSES, f"/v1/contacts/{ids['mine 1']}/rfm"):
        answer = await client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), (url, answer.text)
    assert (await client.post("/v1/rfm/runs", json={})).status_code == 403


async def test_a_name_that_is_hidden_stands_beside_no_score(org: Organisation, looking: Look):
    await org.role("nameless", **_ALL | {"read": {"contact": ["id"], "order": ["*"]}}, sight={"*": "all"})
    _, client = await org.user("nameless", "nameless")
    rows = await _listed(client)
    assert len(rows) == 11
    assert not any("name" in row for row in rows.values())


async def test_another_tenant_sees_nothing_of_it(looking: Look, other: Organisation):
    narrow, _, ids, _ = looking
    run = (await narrow.get("/v1/analytics/rfm")).json()["run"]["id"]
    for url in ADDRESSES:
        for query in ({}, {"run": run}):
            assert (await other.admin.get(url, params=query)).status_code == 404
    assert (await other.admin.get(f"/v1/contacts/{ids['mine 1']}/rfm")).status_code == 404
