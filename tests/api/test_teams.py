"""Teams over HTTP: the tree, and what it shows to whom."""

from uuid import UUID

import pytest

from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}


async def made(org: Organisation, name: str, parent: str | None = None) -> str:
    answer = await org.admin.post("/v1/teams", json={"name": name, "parent_id": parent})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_a_team_is_added_edited_archived_and_restored(org: Organisation):
    top = await made(org, "华东销售")
    here = f"/v1/teams/{top}"
    assert (await org.admin.post("/v1/teams", json={"name": "华东销售"})).json()["code"] == "name_taken"
    edited = await org.admin.patch(here, json={"name": "East"}, headers={"If-Match": '"1"'})
    assert edited.json()["version"] == 2
    assert (await org.admin.patch(here, json={"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await org.admin.post(f"{here}/archive", headers=ANY)).json()["archived_at"]
    assert (await org.admin.post(f"{here}/restore", headers=ANY)).json()["archived_at"] is None
    history = (await org.admin.get(f"{here}/history")).json()["data"]
    assert [event["type"] for event in history] == [
        "team.restored",
        "team.archived",
        "team.edited",
        "team.added",
    ]


async def test_no_team_stands_above_itself(org: Organisation):
    top = await made(org, "top")
    below = await made(org, "below", top)
    lowest = await made(org, "lowest", below)
    for parent in (below, lowest, top):
        answer = await org.admin.patch(f"/v1/teams/{top}", json={"parent_id": parent}, headers=ANY)
        assert (answer.status_code, answer.json()["code"]) == (409, "circle")


async def test_a_team_with_people_or_teams_in_it_stays(org: Organisation):
    top = await made(org, "top")
    below = await made(org, "below", top)
    user, _ = await org.user("one", team=UUID(below))
    for team in (top, below):
        answer = await org.admin.post(f"/v1/teams/{team}/archive", headers=ANY)
        assert (answer.status_code, answer.json()["code"]) == (409, "team_not_empty")
    await org.admin.post(f"/v1/users/{user}/archive", headers=ANY)
    for team in (below, top):
        assert (await org.admin.post(f"/v1/teams/{team}/archive", headers=ANY)).status_code == 200
    into = await org.admin.post("/v1/teams", json={"name": "x", "parent_id": top})
    assert into.json()["code"] == "team_archived"
    back = await org.admin.post(f"/v1/teams/{below}/restore", headers=ANY)
    assert back.json()["parent_id"] is None
    await org.admin.post(f"/v1/teams/{below}/archive", headers=ANY)
    returned = await org.admin.post(f"/v1/users/{user}/restore", headers=ANY)
    assert returned.json()["team_id"] is None, returned.text


async def test_a_move_in_the_tree_is_seen_at_once(org: Organisation):
    top, aside = await made(org, "top"), await made(org, "aside")
    _, manager = await org.user("boss", "manager", team=UUID(top))
    seller, client = await org.user("seller", "sales", team=UUID(aside))
    contact = (await client.post("/v1/contacts", json={"name": "王芳"})).json()
    here = f"/v1/contacts/{contact['id']}"

    async def seen() -> int:
        return (await manager.get(here)).status_code

    assert await seen() == 404
    await org.admin.patch(f"/v1/teams/{aside}", json={"parent_id": top}, headers=ANY)
    assert await seen() == 200
    await org.admin.patch(f"/v1/teams/{aside}", json={"parent_id": None}, headers=ANY)
    assert await seen() == 404
    await org.admin.patch(f"/v1/users/{seller}", json={"team_id": top}, headers=ANY)
    assert await seen() == 200
    await org.admin.patch(f"/v1/users/{seller}", json={"team_id": None}, headers=ANY)
    assert await seen() == 404


@pytest.mark.parametrize("path", ["", "/history"])
async def test_another_tenant_finds_no_team(org: Organisation, other: Organisation, path: str):
    team = await made(org, "ours")
    assert (await other.admin.get(f"/v1/teams/{team}{path}")).status_code == 404
    assert (await other.admin.patch(f"/v1/teams/{team}", json={"name": "x"}, headers=ANY)).status_code == 404
    below = await other.admin.post("/v1/teams", json={"name": "x", "parent_id": team})
    assert below.json()["code"] == "reference_unknown"
