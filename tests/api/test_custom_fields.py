"""Custom field definitions over HTTP."""

from typing import Any

import httpx

from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}
SIZE = {"noun": "contact", "key": "size", "kind": "text", "label": "Size"}


async def upsert(client: httpx.AsyncClient, *items: dict[str, Any]) -> list[str]:
    """What came of each item: its outcome, or the code of what refused it."""
    answer = await client.post("/v1/custom_fields/bulk", json={"items": items})
    assert answer.status_code == 200, answer.text
    told = answer.json()["items"]
    return [item["problem"]["code"] if item["status"] == "failed" else item["status"] for item in told]


async def test_a_definition_is_known_by_its_noun_and_key_together(org: Organisation):
    assert await upsert(org.admin, SIZE, SIZE | {"noun": "company"}) == ["created"] * 2
    told = await upsert(
        org.admin,
        {"noun": "contact", "key": "size", "label_zh": "尺码"},
        {"key": "size", "label_zh": "尺码"},
        {"noun": "company", "key": "size", "label": "Size"},
    )
    assert told == ["updated", "incomplete", "unchanged"]
    made = await org.admin.post("/v1/contacts", json={"name": "x", "custom": {"size": "S"}})
    assert made.status_code == 201, made.text


async def test_the_noun_the_key_and_the_kind_of_a_definition_stay(org: Organisation):
    made = (await org.admin.post("/v1/custom_fields", json=SIZE)).json()
    for other in ({"kind": "integer"}, {"key": "grade"}, {"noun": "company"}):
        assert await upsert(org.admin, {"id": made["id"]} | other) == ["field_fixed"]
    assert await upsert(org.admin, SIZE | {"kind": "integer"}) == ["field_fixed"]
    assert (await org.admin.get(f"/v1/custom_fields/{made['id']}")).json() == made


async def test_a_kind_that_is_hidden_cannot_be_guessed_by_a_bulk(org: Organisation):
    await org.role(
        "labels",
        scopes=["custom_fields:write"],
        read={"custom_field": ["label"]},
        write={"custom_field": ["*"]},
    )
    _, client = await org.user("labels", "labels")
    made = (await org.admin.post("/v1/custom_fields", json=SIZE)).json()
    for guess in ("text", "integer"):
        assert await upsert(client, {"id": made["id"], "kind": guess}) == ["field_hidden"]
    assert await upsert(client, {"id": made["id"], "label": "Big"}) == ["updated"]


async def test_only_text_and_labels_have_choices(org: Organisation):
    number = SIZE | {"kind": "integer"}
    wrong = await org.admin.post("/v1/custom_fields", json=number | {"choices": ["1"]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "choices_not_here")
    here = (await org.admin.post("/v1/custom_fields", json=number)).headers["location"]
    edited = await org.admin.patch(here, json={"choices": ["1"]}, headers=ANY)
    assert (edited.status_code, edited.json()["code"]) == (422, "choices_not_here")
    assert await upsert(org.admin, {"noun": "contact", "key": "size", "choices": ["1"]}) == [
        "choices_not_here"
    ]
