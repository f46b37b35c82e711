"""Segments over HTTP: defined, built, followed and read."""

from typing import Any

from fastapi import FastAPI

from app.jobs.segments import follow_due
from app.kit import clock
from tests.makers.organisations import Organisation
from tests.makers.work import work_off

ANY = {"If-Match": "*"}
CUSTOMERS = {"field": "stage", "op": "eq", "value": "customer"}
BUYERS = {"of": "orders", "measure": "count", "op": "gte", "value": 2}


async def contact(org: Organisation, **values: Any) -> str:
    made = await org.admin.post("/v1/contacts", json={"name": "张伟"} | values)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def order(org: Organisation, contact: str, number: str, **values: Any) -> str:
    body = {
        "number": number,
        "currency": "CNY",
        "placed_at": clock.now().isoformat(),
        "contact_id": contact,
        "lines": [{"description": "茶", "quantity": "1", "unit_price": "9"}],
    }
    made = await org.admin.post("/v1/orders", json=body | values)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def segment(org: Organisation, condition: Any, **values: Any) -> str:
    made = await org.admin.post("/v1/segments", json={"name": "S", "condition": condition} | values)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def members(org: Organisation, of: str, **params: Any) -> set[str]:
    answer = await org.admin.get(f"/v1/segments/{of}/members", params=params)
    assert answer.status_code == 200, answer.text
    return {one["id"] for one in answer.json()["data"]}


async def settled(org: Organisation) -> None:
    """Follow until nothing is due."""
    for _ in range(20):
        if not await follow_due(org.database, clock.now()):
            return
    raise AssertionError("it never comes to rest")


async def test_a_dynamic_segment_is_built_and_follows_every_change(service: FastAPI, org: Organisation):
    first, second = await contact(org, stage="customer"), await contact(org)
    made = await segment(org, {"any": [CUSTOMERS, BUYERS]})
    assert (await org.admin.get(f"/v1/segments/{made}")).json()["stage"] == "building"
    await work_off(service)
    await settled(org)
    assert (await org.admin.get(f"/v1/segments/{made}")).json()["stage"] == "live"
    assert await members(org, made) == {first}
    await order(org, second, "1")
    await settled(org)
    assert await members(org, made) == {first}
    await order(org, second, "2")
    await org.admin.patch(f"/v1/contacts/{first}", json={"stage": "lead"}, headers=ANY)
    await settled(org)
    assert await members(org, made) == {second}
    moved = (await org.admin.get(f"/v1/segments/{made}/movements")).json()["data"]
    told = {(one["contact_id"], one["entered"], one["why"]) for one in moved}
    assert told == {(first, True, "rebuild"), (second, True, "order"), (first, False, "contact")}


async def test_a_static_segment_is_kept_by_hand(service: FastAPI, org: Organisation):
    first, second, third = [await contact(org) for _ in range(3)]
    made = await segment(org, None, kind="static", tag="chosen")
    url = f"/v1/segments/{made}/members"
    moved = await org.admin.post(url, json={"add": [first, second]})
    assert moved.json() == {"entered": 2, "left": 0}
    moved = await org.admin.post(url, json={"add": [second, third], "remove": [first]})
    assert moved.json() == {"entered": 1, "left": 1}
    assert await members(org, made) == {second, third}
    tags = [(await org.admin.get(f"/v1/contacts/{one}")).json()["tags"] for one in (first, second, third)]
    assert tags == [[], ["chosen"], ["chosen"]]
    told = (await org.admin.get(f"/v1/contacts/{first}/segments?past=true")).json()["data"]
    assert [(one["entered_why"], one["left_why"]) for one in told] == [("by_hand", "by_hand")]
    assert (await org.admin.get(f"/v1/contacts/{first}/segments")).json()["data"] == []
    types = [one["type"] for one in (await org.admin.get(f"/v1/contacts/{first}/history")).json()["data"]]
    assert types[:2] == ["contact.edited", "contact.left_segment"]
    for body, code in (
        ({"add": [made]}, "contact_unknown"),
        ({"add": [first], "remove": [first]}, "member_twice"),
    ):
        assert (await org.admin.post(url, json=body)).json()["code"] == code
    for side in ("add", "remove"):
        assert (await org.admin.post(url, json={side: [made]})).json()["field"] == side
    rebuilt = await org.admin.post(f"/v1/segments/{made}/rebuild")
    assert rebuilt.json()["code"] == "segment_static"


async def test_who_is_archived_leaves_and_who_is_erased_leaves_no_trace(service: FastAPI, org: Organisation):
    archived, erased = [await contact(org, stage="customer") for _ in range(2)]
    made = [await segment(org, None, kind="static", name="a"), await segment(org, CUSTOMERS, name="b")]
    await org.admin.post(f"/v1/segments/{made[0]}/members", json={"add": [archived, erased]})
    await work_off(service)
    await settled(org)
    await org.admin.post(f"/v1/contacts/{archived}/archive", headers=ANY)
    assert (await org.admin.post(f"/v1/contacts/{erased}/erase")).status_code == 202
    await work_off(service)
    await settled(org)
    for one in made:
        assert await members(org, one) == set()
        moved = (await org.admin.get(f"/v1/segments/{one}/movements")).json()["data"]
        assert {row["contact_id"] for row in moved} == {archived}
        assert [row["why"] for row in moved if not row["entered"]] == ["archived"]
    await org.admin.post(f"/v1/contacts/{archived}/restore", headers=ANY)
    await settled(org)
    assert [await members(org, one) for one in made] == [set(), {archived}]


async def test_a_tag_goes_with_its_segment_and_comes_to_rest(service: FastAPI, org: Organisation):
    first = await contact(org, stage="customer", tags=["old"])
    made = await segment(org, CUSTOMERS, tag="buyer")
    await work_off(service)
    await settled(org)
    assert (await org.admin.get(f"/v1/contacts/{first}")).json()["tags"] == ["old", "buyer"]
    await org.admin.patch(f"/v1/contacts/{first}", json={"stage": "lead"}, headers=ANY)
    await settled(org)
    assert (await org.admin.get(f"/v1/contacts/{first}")).json()["tags"] == ["old"]
    assert (await org.admin.patch(f"/v1/segments/{made}", json={"tag": "x"}, headers=ANY)).status_code == 422
    word = (await org.admin.post("/v1/tags", json={"name": "buyer"})).json()["id"]
    renamed = await org.admin.post(f"/v1/tags/{word}/rename", json={"name": "x"}, headers=ANY)
    assert renamed.json()["code"] == "tag_of_segment"
    moving = {"field": "updated_at", "op": "lt", "value": {"days_ago": 90}}
    refused = await org.admin.post("/v1/segments", json={"name": "x", "condition": moving, "tag": "t"})
    assert refused.json()["code"] == "tag_moves_itself"


async def test_a_segment_puts_no_tag_for_who_may_not_write_it(org: Organisation):
    one = await contact(org)
    chosen = await segment(org, None, kind="static", tag="chosen", name="a")
    buyers = await segment(org, CUSTOMERS, tag="buyer", name="b")
    away = await segment(org, CUSTOMERS, tag="away", name="c")
    await org.admin.post(f"/v1/segments/{away}/archive", headers=ANY)
    every = {
        "sight": {"*": "all"},
        "read": {"*": ["*"]},
        "scopes": [f"{noun}:{verb}" for noun in ("contacts", "segments") for verb in ("read", "write")],
    }
    await org.role("keeper", **every, write={"segment": ["*"], "contact": ["name"]})
    await org.role(
        "reader",
        **every | {"scopes": ["contacts:read", "segments:read", "segments:write"]},
        write={"*": ["*"]},
    )
    for role in ("keeper", "reader"):
        _, client = await org.user(role, role)
        for method, url, body in (
            ("POST", "", {"name": "x", "condition": CUSTOMERS, "tag": "t"}),
            ("POST", f"/{chosen}/members", {"add": [one]}),
            ("PATCH", f"/{buyers}", {"condition": BUYERS}),
            ("POST", f"/{away}/restore", None),
        ):
            answer = await client.request(method, f"/v1/segments{url}", json=body, headers=ANY)
            assert answer.status_code == 403, (role, url, answer.text)
        named = await client.patch(f"/v1/segments/{buyers}", json={"name": role}, headers=ANY)
        assert named.status_code == 200, named.text


async def test_no_segment_hangs_on_itself(org: Organisation):
    first = await segment(org, CUSTOMERS, name="first", tag="one")
    second = await segment(org, {"not": {"segment": first, "op": "in"}}, name="second", tag="two")
    third = await segment(org, {"field": "tags", "op": "has", "value": "two"}, name="third")
    for condition, way in (
        ({"segment": first, "op": "in"}, "first → first"),
        ({"all": [CUSTOMERS, {"segment": second, "op": "not_in"}]}, "first → second → first"),
        ({"segment": third, "op": "in"}, "first → third → second → first"),
        ({"field": "tags", "op": "has_any", "value": ["x", "one"]}, "first → first"),
        ({"not": {"field": "tags", "op": "is_empty", "value": True}}, "first → "),
    ):
        answer = await org.admin.patch(f"/v1/segments/{first}", json={"condition": condition}, headers=ANY)
        assert (answer.status_code, answer.json()["code"]) == (409, "segment_circle"), answer.text
        assert way in answer.json()["detail"]
    used = await org.admin.post(f"/v1/segments/{first}/archive", headers=ANY)
    assert used.json()["code"] == "segment_in_use"


async def test_members_as_of_a_time_and_a_preview_before_it_is_kept(service: FastAPI, org: Organisation):
    first, second = await contact(org, stage="customer"), await contact(org)
    shown = await org.admin.post("/v1/segments/preview", json={"condition": CUSTOMERS, "fields": ["name"]})
    assert (shown.json()["count"], [one["id"] for one in shown.json()["data"]]) == (1, [first])
    made = await segment(org, CUSTOMERS)
    before = clock.now().isoformat()
    await work_off(service)
    await settled(org)
    between = clock.now().isoformat()
    await org.admin.patch(f"/v1/contacts/{first}", json={"stage": "lead"}, headers=ANY)
    await org.admin.patch(f"/v1/contacts/{second}", json={"stage": "customer"}, headers=ANY)
    await settled(org)
    assert await members(org, made, as_of=before) == set()
    assert await members(org, made, as_of=between) == {first}
    assert await members(org, made, as_of=clock.now().isoformat()) == await members(org, made) == {second}
    asked = {"where": {"segment": made, "op": "not_in"}}
    assert (await org.admin.post("/v1/contacts/count", json=asked)).json() == {"count": 1}


async def test_another_condition_has_it_built_anew_and_its_dependents_follow(
    service: FastAPI, org: Organisation
):
    first, second = await contact(org, stage="customer"), await contact(org)
    inner = await segment(org, CUSTOMERS, name="inner")
    outer = await segment(org, {"segment": inner, "op": "in"}, name="outer")
    await work_off(service)
    await settled(org)
    assert await members(org, outer) == {first}
    wider = {"field": "income_band", "op": "is_null", "value": True}
    edited = await org.admin.patch(f"/v1/segments/{inner}", json={"condition": wider}, headers=ANY)
    assert edited.json()["stage"] == "building"
    await work_off(service)
    await settled(org)
    assert await members(org, outer) == {first, second}
    # Who may not read the new field knows neither, although the outer one's own condition never named it.
    _, sales = await org.user("sales", "sales")
    for one in (inner, outer):
        assert (await sales.get(f"/v1/segments/{one}")).status_code == 404


async def test_a_product_and_an_interaction_move_who_hangs_on_them(service: FastAPI, org: Organisation):
    first, second = await contact(org), await contact(org)
    product = {"sku": "T", "name": "茶", "price": "9", "currency": "CNY", "category": "pots"}
    tea = (await org.admin.post("/v1/products", json=product)).json()["id"]
    line = {"product_id": tea, "quantity": "1", "unit_price": "9"}
    placed = await order(org, first, "1", lines=[line])
    drinkers = {
        "of": "order_lines",
        "measure": "count",
        "where": {"field": "product.category", "op": "eq", "value": "tea"},
        "op": "gt",
        "value": 0,
    }
    made = await segment(org, drinkers)
    called = await segment(org, {"of": "interactions", "measure": "count", "op": "gt", "value": 0}, name="c")
    await work_off(service)
    await settled(org)
    await org.admin.patch(f"/v1/products/{tea}", json={"category": "tea"}, headers=ANY)
    body = {"kind": "call", "at": clock.now().isoformat(), "contact_id": first}
    call = (await org.admin.post("/v1/interactions", json=body)).json()["id"]
    await settled(org)
    assert (await members(org, made), await members(org, called)) == ({first}, {first})
    # What moves from one person to another moves both.
    await org.admin.patch(f"/v1/orders/{placed}", json={"contact_id": second}, headers=ANY)
    await org.admin.patch(f"/v1/interactions/{call}", json={"contact_id": second}, headers=ANY)
    await settled(org)
    assert (await members(org, made), await members(org, called)) == ({second}, {second})
    moved = (await org.admin.get(f"/v1/segments/{made}/movements")).json()["data"]
    assert {one["why"] for one in moved} == {"product", "order"}


async def test_a_condition_that_cannot_be_read_any_more_stands_still_and_says_so(
    service: FastAPI, org: Organisation
):
    field = {"noun": "contact", "key": "level", "kind": "integer", "label": "Level"}
    level = (await org.admin.post("/v1/custom_fields", json=field)).json()["id"]
    first = await contact(org, custom={"level": 3})
    made = await segment(org, {"field": "custom.level", "op": "gte", "value": 3})
    await work_off(service)
    await settled(org)
    await org.admin.post(f"/v1/custom_fields/{level}/archive", headers=ANY)
    await settled(org)
    stopped = (await org.admin.get(f"/v1/segments/{made}")).json()
    assert "custom.level" in stopped["problem"]
    assert await members(org, made) == {first}
    await org.admin.post(f"/v1/custom_fields/{level}/restore", headers=ANY)
    assert (await org.admin.post(f"/v1/segments/{made}/rebuild")).status_code == 202
    await org.admin.patch(f"/v1/contacts/{first}", json={"custom": {"level": 2}}, headers=ANY)
    await work_off(service)
    await settled(org)
    assert (await org.admin.get(f"/v1/segments/{made}")).json()["problem"] is None
    assert await members(org, made) == set()


async def test_a_building_that_does_not_end_says_so(service: FastAPI, org: Organisation):
    field = {"noun": "contact", "key": "level", "kind": "integer", "label": "Level"}
    level = (await org.admin.post("/v1/custom_fields", json=field)).json()["id"]
    first = await contact(org, stage="customer")
    unreadable = await segment(org, {"field": "custom.level", "op": "gte", "value": 3}, name="a")
    cancelled = await segment(org, CUSTOMERS, name="b")
    await org.admin.post(f"/v1/custom_fields/{level}/archive", headers=ANY)
    run = (await org.admin.get(f"/v1/segments/{cancelled}")).json()["run_id"]
    assert (await org.admin.post(f"/v1/runs/{run}/cancel")).status_code == 200
    await work_off(service)
    await settled(org)
    for one, why in ((unreadable, "custom.level"), (cancelled, "was cancelled")):
        told = (await org.admin.get(f"/v1/segments/{one}")).json()
        assert (told["stage"], why in told["problem"]) == ("building", True), told
    assert (await org.admin.post(f"/v1/runs/{run}/retry")).status_code == 200
    await work_off(service)
    await settled(org)
    told = (await org.admin.get(f"/v1/segments/{cancelled}")).json()
    assert (told["stage"], told["problem"]) == ("live", None)
    assert await members(org, cancelled) == {first}


async def test_two_segments_do_not_put_one_tag(org: Organisation):
    first = await segment(org, CUSTOMERS, name="a", tag="vip")
    body = {"name": "b", "condition": BUYERS, "tag": "vip"}
    refused = await org.admin.post("/v1/segments", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "tag_of_another_segment")
    await org.admin.post(f"/v1/segments/{first}/archive", headers=ANY)
    assert (await org.admin.post("/v1/segments", json=body)).status_code == 201
    restored = await org.admin.post(f"/v1/segments/{first}/restore", headers=ANY)
    assert (restored.status_code, restored.json()["code"]) == (409, "tag_of_another_segment")


async def test_a_tag_moves_no_segment_by_way_of_another(org: Organisation):
    for moving in (
        {"field": "version", "op": "lt", "value": 2},
        {"not": {"field": "updated_at", "op": "lt", "value": {"days_ago": 1}}},
    ):
        fresh = await segment(org, moving, name=str(moving))
        body = {"name": "x", "condition": {"segment": fresh, "op": "in"}}
        refused = await org.admin.post("/v1/segments", json=body | {"tag": "new"})
        assert (refused.status_code, refused.json()["code"]) == (409, "segment_circle"), refused.text
    await segment(org, CUSTOMERS, name="not made of it", tag="bought")


async def test_who_is_archived_meanwhile_leaves_a_static_segment_that_is_restored(
    service: FastAPI, org: Organisation
):
    stays, leaves = await contact(org), await contact(org)
    made = await segment(org, None, kind="static", tag="chosen")
    await org.admin.post(f"/v1/segments/{made}/members", json={"add": [stays, leaves]})
    await org.admin.post(f"/v1/segments/{made}/archive", headers=ANY)
    await org.admin.post(f"/v1/contacts/{leaves}/archive", headers=ANY)
    await org.admin.post(f"/v1/segments/{made}/restore", headers=ANY)
    await org.admin.post(f"/v1/contacts/{leaves}/restore", headers=ANY)
    await settled(org)
    assert await members(org, made) == {stays}
    moved = (await org.admin.get(f"/v1/segments/{made}/movements")).json()["data"]
    assert [(one["contact_id"], one["why"]) for one in moved if not one["entered"]] == [(leaves, "archived")]
    tags = [(await org.admin.get(f"/v1/contacts/{one}")).json()["tags"] for one in (stays, leaves)]
    assert tags == [["chosen"], []]


async def test_what_a_segment_refuses(org: Organisation):
    sold = {"of": "orders", "measure": "latest", "field": "paid_at", "op": "lt", "value": {"days_ago": 9}}
    for body, status, code in (
        ({"kind": "static", "condition": CUSTOMERS}, 422, "segment_kind"),
        ({"kind": "dynamic"}, 422, "segment_kind"),
        (
            {"condition": {"segment": "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10", "op": "in"}},
            422,
            "segment_unknown",
        ),
        ({"condition": sold}, 422, "moment_not_followed"),
        ({"condition": {"any": [{"all": []}] * 101}}, 422, "condition_invalid"),
        ({"condition": {"all": [BUYERS] * 11}}, 422, "condition_invalid"),
    ):
        answer = await org.admin.post("/v1/segments", json={"name": "x"} | body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await org.admin.post("/v1/contacts/count", json={"where": sold})).status_code == 200
