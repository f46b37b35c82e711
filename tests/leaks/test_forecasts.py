"""Forecasts tell nobody of deals or fields that they may not see."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.db.deals import DEALS
from app.domain.forecasts import MADE_OF
from tests.api.test_forecasts import AS_OF, FORECASTS, behind, got, run
from tests.makers.organisations import Organisation, found
from tests.makers.sold import Sold, sold

_ALL: dict[str, Any] = {"scopes": ["*"], "read": {"*": ["*"]}, "write": {"*": ["*"]}}
World = tuple[Organisation, Sold, str]


@pytest.fixture(scope="module")
async def world(service: FastAPI, database_url: str) -> Any:
    """A company whose deals were forecast."""
    org = await found(service, database_url)
    known = await sold(org, 1, deals=600)
    yield org, known, await run(org, known.pipeline, AS_OF)
    await org.close()


def addresses(one: str) -> list[str]:
    return [FORECASTS, f"{FORECASTS}/{one}", f"{FORECASTS}/{one}/deals"]


async def test_whoever_sees_some_deals_is_told_sums_over_those(world: World):
    org, known, one = world
    whole = {deal["deal_id"]: deal for deal in await behind(org.admin, one)}
    owned = {deal["id"]: deal["owner_id"] for deal in known.deals}
    for me, client in list(zip(known.people, known.clients, strict=True))[:4]:
        mine = {key: deal for key, deal in whole.items() if owned[key] == me}
        assert {deal["deal_id"]: deal for deal in await behind(client, one)} == mine
        told = await got(client, one)
        total = sum((Decimal(deal["expected"]) for deal in mine.values()), Decimal(0))
        assert (told["over"], Decimal(told["expected"])) == ("seen", total)
        assert {part["part"]: part["deals"] for part in told["parts"]} == {
            part: sum(deal["part"] == part for deal in mine.values())
            for part in ("won", "commit", "best_case", "pipeline")
        }
        assert {owner["owner_id"] for owner in told["owners"]} <= {me}
        assert Decimal(told["low"]) <= Decimal(told["middle"]) <= Decimal(told["high"])
        assert Decimal(told["low"]) >= Decimal(told["won"])
        for name in ("of_new", "backtest", "target", "made_from", "teams", "why", "shock"):
            assert told[name] is None
        listed = (await client.get(FORECASTS)).json()["data"]
        assert [(item["id"], item["expected"], item["actual"]) for item in listed] == [(one, None, None)]


def _money(value: Any) -> list[str]:
    """Everything that looks like money."""
    match value:
        case dict():
            return [one for item in value.values() for one in _money(item)]
        case list():
            return [one for item in value for one in _money(item)]
        case str() if value.lstrip("-").replace(".", "").isdigit() and "." in value:
            return [value]
    return []


@pytest.mark.parametrize("name", ["amount", "currency"])
@pytest.mark.parametrize("sight", [{"*": "all"}, {}])
async def test_without_amounts_there_is_no_money(world: World, name: str, sight: dict[str, str]):
    org, _, one = world
    read = {**{key: ["*"] for key in ("pipeline", "user", "quota")}, "deal": sorted({*DEALS.fields} - {name})}
    role = f"no {name} {len(sight)}"
    await org.role(role, **_ALL | {"read": read}, sight=sight)
    _, client = await org.user("penniless", role)
    for url in addresses(one):
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        assert _money(answer.json()) == []
    assert _money((await org.admin.get(addresses(one)[1])).json())
    told = await got(client, one)
    assert told["why"] is None
    if sight:
        assert (told["made_from"]["without_amount"], told["made_from"]["without_rate"]) == (None, None)


@pytest.mark.parametrize("name", MADE_OF)
async def test_a_hidden_field_that_chances_are_made_of_refuses_them(world: World, name: str):
    org, _, one = world
    read = {**{key: ["*"] for key in ("pipeline", "user", "quota")}, "deal": sorted({*DEALS.fields} - {name})}
    await org.role(f"hides {name}", **_ALL | {"read": read}, sight={"*": "all"})
    _, client = await org.user("blind", f"hides {name}")
    await refused(client, one, "field_hidden")


@pytest.mark.parametrize("scope", ["deals:read", "pipelines:read", "analytics:read"])
async def test_a_scope_that_is_missing_closes_the_numbers(world: World, scope: str):
    org, _, one = world
    rest = [name for name in ("deals:read", "pipelines:read", "analytics:read") if name != scope]
    await org.role(f"lacks {scope}", **_ALL | {"scopes": rest}, sight={"*": "all"})
    _, client = await org.user("lacking", f"lacks {scope}")
    await refused(client, one, "scope_missing")
    answer = await client.post(FORECASTS, json={"kind": "pipeline"})
    assert answer.status_code == 403


async def refused(client: httpx.AsyncClient, one: str, code: str) -> None:
    for url in addresses(one):
        answer = await client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, code), (url, answer.text)


async def test_another_tenant_sees_nothing_of_it(world: World, other: Organisation):
    _, _, one = world
    assert (await other.admin.get(FORECASTS)).json()["data"] == []
    for url in addresses(one)[1:]:
        assert (await other.admin.get(url)).status_code == 404
