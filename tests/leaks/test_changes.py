"""Changes tell nobody of deals or fields that they may not see."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.db.deals import DEALS
from app.kit import clock
from tests.api.test_deals import done, opened, pipeline
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, problem

CHANGES = "/v1/analytics/sales/changes"
_ALL: dict[str, Any] = {"scopes": ["*"], "read": {"*": ["*"]}, "write": {"*": ["*"]}}


def week() -> dict[str, Any]:
    """A week about now."""
    today = clock.now().date()
    return {"since": str(today - timedelta(days=3)), "before": str(today + timedelta(days=4))}


async def asked(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post(CHANGES, json=week() | body)
    assert answer.status_code == 200, answer.text
    return answer.json()["total"]


async def test_only_deals_in_sight_are_told_of(org: Organisation):
    await org.role("sees own", **_ALL, sight={})
    seller, narrow = await org.user("seller", "sees own")
    await pipeline(org)
    mine = await opened(org, amount="10", owner_id=str(seller))
    lost = await opened(org, amount="5")
    await done(org, lost, "lose", reason="价格")
    every, seen = await asked(org.admin), await asked(narrow)
    assert (every["entered"]["deals"], every["lost"]["ids"]) == (2, [lost["id"]])
    assert every["entered"]["totals"] == [{"currency": "CNY", "deals": 2, "amount": "15.0000"}]
    assert seen["entered"]["ids"] == [mine["id"]]
    assert seen["lost"] == {"deals": 0, "totals": [], "ids": []}
    assert (await asked(org.admin, limit=1))["entered"]["ids"] == [mine["id"]], "The largest comes first."


async def test_what_is_of_a_hidden_field_is_not_told(org: Organisation):
    await pipeline(org)
    before = (clock.now() - timedelta(days=6)).isoformat()
    deal = await opened(org, at=before, amount="10", expected_close="2026-01-01")
    edit = {"amount": "20", "expected_close": "2026-02-01"}
    answer = await org.admin.patch(f"/v1/deals/{deal['id']}", json=edit, headers=ANY)
    assert answer.status_code == 200
    for name, gone in (
        ("amount", {"grew", "shrank"}),
        ("currency", {"grew", "shrank"}),
        ("expected_close", {"slipped", "nearer"}),
    ):
        fields = sorted({*DEALS.fields} - {name})
        await org.role(
            f"no {name}", **_ALL | {"read": {"pipeline": ["*"], "deal": fields}}, sight={"*": "all"}
        )
        _, client = await org.user(f"no-{name}", f"no {name}")
        told = await asked(client)
        assert {kind for kind, one in told.items() if one is None} - {"key"} == gone
        shown = (one for kind, one in told.items() if kind not in {*gone, "key"})
        assert name == "expected_close" or all(one["totals"] == [] for one in shown)


@pytest.mark.parametrize("name", ["stage", "status", "opened_at", "entered_at", "closed_at", "pipeline_id"])
async def test_a_hidden_field_that_all_is_made_of_refuses_it(org: Organisation, name: str):
    await pipeline(org)
    fields = sorted({*DEALS.fields} - {name})
    await org.role("hides", **_ALL | {"read": {"pipeline": ["*"], "deal": fields}}, sight={"*": "all"})
    _, client = await org.user("blind", "hides")
    answer = await client.post(CHANGES, json=week())
    assert (answer.status_code, problem(answer)["code"]) == (403, "field_hidden")
    assert answer.json()["field"] == name
