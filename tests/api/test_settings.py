"""The organisation's settings over HTTP."""

import pytest

from app.db.engine import Database
from app.kit import cursor
from tests.makers.organisations import Organisation


async def test_settings_are_read_and_edited_and_leave_an_event(org: Organisation, owner: Database):
    shown = await org.admin.get("/v1/settings")
    assert shown.json()["slug"] == org.slug
    assert "stamp" not in shown.json()
    tag = shown.headers["etag"]
    assert (await org.admin.get("/v1/settings", headers={"If-None-Match": tag})).status_code == 304
    change = {"time_zone": "Europe/Berlin", "region": "DE"}
    edited = await org.admin.patch("/v1/settings", json=change, headers={"If-Match": tag})
    assert edited.status_code == 200, edited.text
    assert edited.json() == (await org.admin.get("/v1/settings")).json()
    assert edited.headers["etag"] == '"2"'
    same = await org.admin.patch("/v1/settings", json=change, headers={"If-Match": "*"})
    assert same.json()["version"] == 2
    async with owner.connection() as connection:
        row = await connection.fetchrow(
            "select before, after, version, noun_id from events where org_id = $1 and type = 'organisation.edited'",
            org.id,
        )
    assert row["before"] == {"time_zone": "Asia/Shanghai", "region": "CN"}
    assert row["after"] == change
    assert (row["version"], row["noun_id"]) == (2, org.id)
    contact = await org.admin.post("/v1/contacts", json={"name": "x", "phones": [{"number": "030 901820"}]})
    assert contact.json()["phone"] == "+4930901820", "the new region counts from the next request on"


async def test_settings_change_only_from_the_version_that_was_read(org: Organisation):
    assert (await org.admin.patch("/v1/settings", json={"name": "a"})).status_code == 428
    await org.admin.patch("/v1/settings", json={"name": "a"}, headers={"If-Match": '"1"'})
    stale = await org.admin.patch("/v1/settings", json={"name": "b"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert stale.json()["conflicts"] == [{"field": "name", "base": "Test", "theirs": "a", "yours": "b"}]


async def test_who_may_change_settings_and_not_read_them_is_told_none(org: Organisation):
    await org.role("setter", scopes=["settings:write"])
    _, setter = await org.user("setter", "setter")
    await org.admin.patch("/v1/settings", json={"name": "a"}, headers={"If-Match": "*"})
    edited = await setter.patch("/v1/settings", json={"region": "DE"}, headers={"If-Match": "*"})
    assert (edited.status_code, edited.content) == (204, b"")
    assert (await org.admin.get("/v1/settings")).json()["region"] == "DE"
    stale = await setter.patch("/v1/settings", json={"name": "b"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["conflicts"]) == (412, [])


async def test_a_conflict_tells_of_a_setting_that_was_moved_and_left_alone(org: Organisation):
    for moved in ({"name": "a"}, {"currency": "EUR"}):
        await org.admin.patch("/v1/settings", json=moved, headers={"If-Match": "*"})
    stale = await org.admin.patch("/v1/settings", json={"language": "de"}, headers={"If-Match": '"1"'})
    told = [(c["field"], c["base"], c["theirs"], c["yours"]) for c in stale.json()["conflicts"]]
    language = (await org.admin.get("/v1/settings")).json()["language"]
    assert told == [
        ("currency", "CNY", "EUR", "CNY"),
        ("language", language, language, "de"),
        ("name", "Test", "a", "Test"),
    ]


@pytest.mark.parametrize(
    "wrong",
    [{"time_zone": "Mars"}, {"time_zone": "localtime"}, {"currency": "yuan"}, {"slug": "x"}, {"name": None}],
)
async def test_what_a_setting_cannot_be_is_refused(org: Organisation, wrong):
    assert (await org.admin.patch("/v1/settings", json=wrong, headers={"If-Match": "*"})).status_code == 422


async def test_settings_are_each_tenants_own_and_ask_for_a_scope(org: Organisation, other: Organisation):
    await org.admin.patch("/v1/settings", json={"name": "ours"}, headers={"If-Match": "*"})
    assert (await other.admin.get("/v1/settings")).json()["name"] == "Test"
    _, seller = await org.user("seller", "sales")
    assert (await seller.get("/v1/settings")).json()["name"] == "ours"
    assert (
        await seller.patch("/v1/settings", json={"name": "x"}, headers={"If-Match": "*"})
    ).status_code == 403


async def test_the_history_of_settings_is_told_to_whoever_may_read_them(org: Organisation):
    for name in ("a", "b"):
        await org.admin.patch("/v1/settings", json={"name": name}, headers={"If-Match": "*"})
    page = (await org.admin.get("/v1/settings/history", params={"limit": 1})).json()
    assert [(e["before"], e["after"]) for e in page["data"]] == [({"name": "a"}, {"name": "b"})]
    rest = await org.admin.get("/v1/settings/history", params={"limit": 1, "cursor": page["next"]})
    assert [(e["before"], e["after"]) for e in rest.json()["data"]] == [({"name": "Test"}, {"name": "a"})]
    assert rest.json()["next"] is None
    logged = (await org.admin.get("/v1/events", params={"noun": "organisation"})).json()
    assert [e["type"] for e in logged["data"]] == ["organisation.edited"] * 2
    await org.role("blind", scopes=["events:read"], sight={"*": "all"}, read={"*": ["*"]})
    _, blind = await org.user("blind", "blind")
    assert (await blind.get("/v1/events", params={"noun": "organisation"})).json()["data"] == []
    assert (await blind.get("/v1/settings/history")).status_code == 403


async def test_the_log_may_grow_beyond_32_bits(org: Organisation):
    await org.admin.patch("/v1/settings", json={"name": "a"}, headers={"If-Match": "*"})
    after = cursor.seal("events", [2**40])
    page = await org.admin.get("/v1/settings/history", params={"cursor": after})
    assert [e["after"] for e in page.json()["data"]] == [{"name": "a"}], page.text
