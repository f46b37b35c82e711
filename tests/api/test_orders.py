"""Orders over HTTP."""

import pytest

from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}
ORDER = {
    "number": "SO-1",
    "currency": "CNY",
    "placed_at": "2026-03-01T10:30:00+08:00",
    "lines": [{"description": "茶", "quantity": "2", "unit_price": "168.00"}],
}


async def targets(org: Organisation, here: str) -> dict[str, bool]:
    """Whether each verb is allowed, the refund in part and whole as one."""
    told = (await org.admin.get(f"{here}/targets")).json()["data"]
    return {one["verb"]: one["allowed"] for one in told}


@pytest.mark.parametrize("way", [(), ("pay",), ("ship",), ("ship", "pay"), ("pay", "refund"), ("cancel",)])
async def test_what_is_told_to_be_allowed_can_be_done_and_the_rest_cannot(org: Organisation, way: tuple):
    here = (await org.admin.post("/v1/orders", json=ORDER)).headers["location"]
    for verb in way:
        assert (await org.admin.post(f"{here}/{verb}", json={}, headers=ANY)).status_code == 200
    for one in (await org.admin.get(f"{here}/targets")).json()["data"]:
        body = {"amount": "1"} if one["status"] == "refunded_in_part" else {}
        tried = await org.admin.post(
            f"{here}/{one['verb']}", json=body, headers=ANY, params={"dry_run": "true"}
        )
        if one["allowed"]:
            assert (tried.status_code, tried.json()["status"]) == (200, one["status"])
        else:
            assert tried.status_code == 409
            assert one["reason"]
    await org.admin.post(f"{here}/archive", headers=ANY)
    assert set((await targets(org, here)).values()) == {False}


async def test_who_may_not_read_what_decides_is_told_nothing(org: Organisation):
    grant = {
        "name": "blind",
        "scopes": ["orders:read"],
        "sight": {"*": "all"},
        "read": {"order": ["number", "status"]},
        "write": {},
    }
    org.roles["blind"] = (await org.admin.post("/v1/roles", json=grant)).json()["id"]
    _, blind = await org.user("blind", "blind")
    here = (await org.admin.post("/v1/orders", json=ORDER)).headers["location"]
    refused = await blind.get(f"{here}/targets")
    assert (refused.status_code, refused.json()["code"]) == (403, "field_hidden")
