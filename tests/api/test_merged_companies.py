"""Merging companies over HTTP: what hangs on them goes along, no company stands above itself, and all of it goes back."""

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}
Body = dict[str, Any]
MOVED = frozenset({"version", "updated_at"})


async def add(org: Organisation, plural: str, **body: Any) -> Body:
    answer = await org.admin.post(f"/v1/{plural}", json=body)
    assert answer.status_code == 201, answer.text
    made: Body = answer.json()
    return made


async def company(org: Organisation, name: str, **more: Any) -> Body:
    return await add(org, "companies", name=name, **more)


async def merge(org: Organisation, survivor: Body, *others: Body, **more: Any) -> httpx.Response:
    said = {"others": [one["id"] for one in others], **more}
    return await org.admin.post(f"/v1/companies/{survivor['id']}/merge", json=said, headers=ANY)


async def merged(org: Organisation, survivor: Body, *others: Body, **more: Any) -> Body:
    answer = await merge(org, survivor, *others, **more)
    assert answer.status_code == 200, answer.text
    done: Body = answer.json()
    return done


async def undo(org: Organisation, done: Body) -> Body:
    answer = await org.admin.post(f"/v1/merges/{done['id']}/undo")
    assert answer.status_code == 200, answer.text
    told: Body = answer.json()
    return told


async def shown(org: Organisation, one: Body, plural: str = "companies") -> Body:
    found: Body = (await org.admin.get(f"/v1/{plural}/{one['id']}")).json()
    return found


async def stands(org: Organisation) -> dict[str, Body]:
    """Every record, put away or not, without what every change moves."""
    found: dict[str, Body] = {}
    for plural in ("companies", "contacts", "orders", "interactions"):
        said: dict[str, str | int] = {"limit": 200, "archived": "any", "sort": "id"}
        listed = (await org.admin.get(f"/v1/{plural}", params=said)).json()["data"]
        found |= {one["id"]: {k: v for k, v in one.items() if k not in MOVED} for one in listed}
    return found


async def hung_on(org: Organisation, one: Body) -> list[tuple[str, Body]]:
    at = "2026-01-01T00:00:00Z"
    on = {"company_id": one["id"]}
    return [
        ("contacts", await add(org, "contacts", name="Anna", **on)),
        ("orders", await add(org, "orders", number=one["id"], currency="CNY", placed_at=at, **on)),
        ("interactions", await add(org, "interactions", kind="call", at=at, **on)),
    ]


async def test_the_survivor_takes_what_it_has_none_of_and_all_that_hangs_on_the_others(org: Organisation):
    one = await company(org, "Acme", tags=["a"], external_ids={"erp": "1"}, industry="shoes")
    other = await company(
        org,
        "ACME Ltd",
        domain="acme.example",
        tags=["a", "b"],
        external_ids={"erp": "2", "shop": "9"},
        industry="boots",
        employees=7,
    )
    below = await company(org, "Acme North", parent_id=other["id"])
    hanging = await hung_on(org, other)
    done = await merged(org, one, other)
    assert (done["noun"], done["survivor_id"]) == ("company", one["id"])
    assert [(member["noun"], member["member_id"]) for member in done["members"]] == [
        ("company", one["id"]),
        ("company", other["id"]),
    ]
    now = await shown(org, one)
    assert (now["name"], now["industry"], now["domain"], now["employees"]) == (
        "Acme",
        "shoes",
        "acme.example",
        7,
    )
    assert (now["tags"], now["external_ids"]) == (["a", "b"], {"erp": "1", "shop": "9"})
    assert (await shown(org, below))["parent_id"] == one["id"]
    for plural, each in hanging:
        assert (await shown(org, each, plural))["company_id"] == one["id"]
        past = (await org.admin.get(f"/v1/{plural}/{each['id']}/history")).json()["data"]
        assert past[0]["after"] == {"company_id": one["id"]}
        assert past[0]["type"] != "contact.merged"
    gone = await shown(org, other)
    assert (gone["merged_into_id"], gone["archived_at"] is None) == (one["id"], False)
    assert (await org.admin.get("/v1/companies/by/erp/2")).json()["id"] == one["id"]
    found = (await org.admin.get("/v1/companies", params={"q": "acme.example"})).json()["data"]
    assert [each["id"] for each in found] == [one["id"]]
    again = await merged(org, one, other)
    assert again["id"] == done["id"]


async def test_what_names_a_merged_company_later_goes_to_the_survivor(org: Organisation):
    one, other = await company(org, "a"), await company(org, "b", external_ids={"erp": "2"})
    await merged(org, one, other)
    for plural, each in await hung_on(org, other):
        assert each["company_id"] == one["id"], plural
    assert (await company(org, "c", parent_id=other["id"]))["parent_id"] == one["id"]
    circle = await org.admin.patch(f"/v1/companies/{one['id']}", json={"parent_id": other["id"]}, headers=ANY)
    assert (circle.status_code, circle.json()["code"]) == (409, "circle")
    items = [{"name": "b", "external_ids": {"erp": "2"}, "industry": "tea"}]
    told = (await org.admin.post("/v1/companies/bulk", json={"items": items})).json()["items"]
    assert [(each["status"], each["id"]) for each in told] == [("updated", one["id"])]
    restored = await org.admin.post(f"/v1/companies/{other['id']}/restore", headers=ANY)
    assert (restored.status_code, restored.json()["code"]) == (409, "merged")


async def test_an_undone_merge_of_companies_is_as_if_it_had_not_been(org: Organisation):
    firms = [
        await company(org, f"F {n}", tags=[f"t{n}"], external_ids={"erp": str(n)}, employees=n or None)
        for n in range(3)
    ]
    for one in firms:
        await hung_on(org, one)
        await company(org, f"below {one['name']}", parent_id=one["id"])
    before = await stands(org)
    done = await merged(org, *firms)
    assert await stands(org) != before
    told = await undo(org, done)
    assert (sorted(told["restored"]), told["kept"]) == (sorted(one["id"] for one in firms), [])
    assert await stands(org) == before


async def test_what_somebody_has_changed_of_a_company_since_is_left_and_told(org: Organisation):
    one, other = await company(org, "a"), await company(org, "b", industry="tea", employees=7)
    done = await merged(org, one, other)
    await org.admin.patch(f"/v1/companies/{one['id']}", json={"industry": "coffee"}, headers=ANY)
    told = await undo(org, done)
    assert told["kept"] == [{"company_id": one["id"], "fields": ["industry"]}]
    now = await shown(org, one)
    assert (now["industry"], now["employees"]) == ("coffee", None)


async def test_companies_one_above_the_other_become_one_that_is_not_above_itself(org: Organisation):
    top = await company(org, "top")
    above = await company(org, "above", parent_id=top["id"])
    below = await company(org, "below", parent_id=above["id"])
    before = await stands(org)
    done = await merged(org, below, above)
    assert (await shown(org, below))["parent_id"] == top["id"]
    await undo(org, done)
    assert await stands(org) == before
    done = await merged(org, above, below)
    assert (await shown(org, above))["parent_id"] == top["id"]
    await undo(org, done)
    assert await stands(org) == before


async def test_a_company_that_stands_far_above_another_can_become_part_of_it(org: Organisation):
    top = await company(org, "top")
    middle = await company(org, "middle", parent_id=top["id"])
    bottom = await company(org, "bottom", parent_id=middle["id"])
    before = await stands(org)
    for survivor, other in ((bottom, top), (top, bottom)):
        done = await merged(org, survivor, other)
        assert (await shown(org, survivor))["parent_id"] is None
        assert (await shown(org, middle))["parent_id"] == survivor["id"]
        await undo(org, done)
        assert await stands(org) == before
    for wanted in (middle, bottom):
        refused = await merge(org, top, bottom, values={"parent_id": wanted["id"]})
        assert (refused.status_code, refused.json()["code"]) == (409, "circle"), refused.text
    assert await stands(org) == before


async def test_a_merge_is_not_undone_into_a_circle(org: Organisation):
    far, beyond = await company(org, "far"), await company(org, "beyond")
    above = await company(org, "above", parent_id=far["id"])
    between = await company(org, "between", parent_id=above["id"])
    below = await company(org, "below", parent_id=between["id"])
    done = await merged(org, below, above, values={"parent_id": beyond["id"]})
    for parent in (below["id"], None):
        moved = await org.admin.patch(f"/v1/companies/{far['id']}", json={"parent_id": parent}, headers=ANY)
        assert moved.status_code == 200, moved.text
        if parent:
            before = await stands(org)
            refused = await org.admin.post(f"/v1/merges/{done['id']}/undo")
            assert (refused.status_code, refused.json()["code"]) == (409, "circle"), refused.text
            assert await stands(org) == before
    assert (await undo(org, done))["kept"] == []
    assert (await shown(org, below))["parent_id"] == between["id"]


async def test_a_merge_of_companies_is_for_who_sees_all_of_them_and_may_write_them(org: Organisation):
    said: Body = {"sight": {"*": "own"}, "read": {"*": ["*"]}, "write": {"*": ["*"]}}
    scopes = ["companies:read", "companies:write", "merges:read", "merges:write"]
    await org.role("seller", scopes=scopes, **said)
    await org.role(
        "reader", scopes=["contacts:write", "companies:read", "merges:read", "merges:write"], **said
    )
    me, mine = await org.user("mine", "seller")
    _, reader = await org.user("reader", "reader")
    own, own_too = [await company(org, name, owner_id=str(me)) for name in "ab"]
    them, _ = await org.user("them", "seller")
    other = await company(org, "c", owner_id=str(them))
    here = f"/v1/companies/{own['id']}/merge"
    refused = await mine.post(here, json={"others": [other["id"]]}, headers=ANY)
    assert (refused.status_code, refused.json()["code"]) == (404, "company_not_found")
    refused = await reader.post(here, json={"others": [own_too["id"]]}, headers=ANY)
    assert refused.json()["code"] == "scope_missing"
    hidden = await merged(org, other, own)
    assert (await mine.get(f"/v1/merges/{hidden['id']}")).status_code == 404
    assert (await mine.get("/v1/merges")).json()["data"] == []
    assert (await mine.post(f"/v1/merges/{hidden['id']}/undo")).status_code == 404
    assert (await reader.post(f"/v1/merges/{hidden['id']}/undo")).status_code in {403, 404}
    await undo(org, hidden)
    seen = await mine.post(here, json={"others": [own_too["id"]]}, headers=ANY)
    assert seen.status_code == 200, seen.text
    [listed] = (await mine.get("/v1/merges", params={"noun": "company", "status": "done"})).json()["data"]
    assert listed["id"] == seen.json()["id"]
    assert (await mine.post(f"/v1/merges/{listed['id']}/undo")).status_code == 200


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 4), min_size=4, max_size=4), st.permutations(range(5)), st.integers(1, 2))
async def test_whatever_is_merged_no_company_stands_above_itself_and_all_of_it_goes_back(
    org: Organisation, above: list[int], order: list[int], many: int
):
    firms: list[Body] = [await company(org, "0")]
    for n, place in enumerate(above, start=1):
        firms.append(await company(org, str(n), parent_id=firms[place % n]["id"]))
    before = await stands(org)
    survivor, *others = [firms[place] for place in order[: many + 1]]
    done = await merged(org, survivor, *others)
    now = await stands(org)
    for one in firms:
        path, here = set(), one["id"]
        while here is not None:
            assert here not in path
            path.add(here)
            here = now[here]["parent_id"] if now[here]["archived_at"] is None else None
    gone = {one["id"] for one in others}
    assert not any(one.get("parent_id") in gone for one in now.values() if one["archived_at"] is None)
    assert (await undo(org, done))["kept"] == []
    assert await stands(org) == before
