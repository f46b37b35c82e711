"""A batch whose items change different things."""

from tests.makers.organisations import Organisation


async def test_a_batch_may_rename_one_and_retag_another(org: Organisation):
    items = [{"name": f"n{i}", "external_ids": {"erp": f"{i}"}} for i in range(3)]
    await org.admin.post("/v1/contacts/bulk", json={"items": items})
    changes = [
        {"name": "欧阳修", "external_ids": {"erp": "0"}},
        {"tags": ["vip"], "external_ids": {"erp": "1"}},
        {"job_title": "x", "external_ids": {"erp": "2"}},
    ]
    done = (await org.admin.post("/v1/contacts/bulk", json={"items": changes})).json()
    assert done["updated"] == 3, done
    found = (await org.admin.get("/v1/contacts", params={"q": "欧阳"})).json()["data"]
    assert [one["name"] for one in found] == ["欧阳修"]
    tagged = (await org.admin.get("/v1/contacts", params={"tag": "vip"})).json()["data"]
    assert [one["name"] for one in tagged] == ["n1"]
    assert [
        one["name"] for one in (await org.admin.get("/v1/contacts", params={"q": "n1"})).json()["data"]
    ] == ["n1"]


async def test_a_batch_may_change_the_lines_of_one_order_and_the_tags_of_another(org: Organisation):
    line = {"description": "茶", "quantity": "1", "unit_price": "10.00"}
    base = {"currency": "CNY", "placed_at": "2026-01-01T00:00:00Z", "lines": [line]}
    items = [base | {"number": f"N{i}"} for i in range(2)]
    assert (await org.admin.post("/v1/orders/bulk", json={"items": items})).json()["created"] == 2
    changes = [{"number": "N0", "lines": [line, line]}, {"number": "N1", "tags": ["rush"]}]
    done = (await org.admin.post("/v1/orders/bulk", json={"items": changes})).json()
    assert done["updated"] == 2, done
    orders = (await org.admin.get("/v1/orders", params={"sort": "number"})).json()["data"]
    assert [(len(one["lines"]), one["total"], one["tags"]) for one in orders] == [
        (2, "20.0000", []),
        (1, "10.0000", ["rush"]),
    ]


async def test_items_that_name_one_record_in_different_ways_go_one_after_the_other(org: Organisation):
    made = await org.admin.post("/v1/contacts", json={"name": "n", "external_ids": {"erp": "1"}})
    record = made.json()["id"]
    changes = [
        {"id": record, "job_title": "a"},
        {"external_ids": {"erp": "1"}, "job_title": "b"},
        {"id": record, "external_ids": {"shop": "s"}},
        {"external_ids": {"shop": "s"}, "job_title": "c"},
        {"external_ids": {"erp": "1"}, "education": "d"},
    ]
    done = (await org.admin.post("/v1/contacts/bulk", json={"items": changes})).json()
    assert done["updated"] == 5, done
    now = (await org.admin.get(f"/v1/contacts/{record}")).json()
    assert (now["version"], now["job_title"], now["education"]) == (6, "c", "d")
    events = (await org.admin.get(f"/v1/contacts/{record}/history")).json()["data"]
    assert [event["version"] for event in events] == [6, 5, 4, 3, 2, 1]
    assert [event["after"].get("job_title") for event in events[1:5]] == [*("c", None, "b", "a")]


async def test_a_list_of_any_form_may_meet_a_custom_field_of_another(org: Organisation):
    field = {"noun": "contact", "key": "notes", "kind": "json", "label": "Notes"}
    assert (await org.admin.post("/v1/custom_fields", json=field)).status_code == 201
    here = (await org.admin.post("/v1/contacts", json={"name": "x"})).headers["location"]
    await org.admin.patch(here, json={"name": "y"}, headers={"If-Match": '"1"'})
    for notes in ([{"a": 1}], [{"a": 1}, [], 3], [{"id": 1}]):
        wanted = {"custom": {"notes": notes}}
        stale = await org.admin.patch(here, json=wanted, headers={"If-Match": '"1"'})
        assert stale.status_code == 412, stale.text
        assert {one["field"] for one in stale.json()["conflicts"]} == {"name", "custom.notes"}
        assert (await org.admin.patch(here, json=wanted, headers={"If-Match": "*"})).status_code == 200
        await org.admin.patch(here, json={"custom": {"notes": [4]}}, headers={"If-Match": "*"})
