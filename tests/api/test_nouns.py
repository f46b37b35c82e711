"""Nouns, described over HTTP: what is listed works, what is hidden is not listed."""

from typing import Any

import httpx
import pytest

from app.db.registry import NOUNS
from app.domain.fields import Kind
from app.domain.ops import OPS
from tests.makers.organisations import Organisation

_VALUES: dict[str, Any] = {
    "text": "x",
    "integer": 1,
    "number": "1.50",
    "boolean": True,
    "date": "2026-01-31",
    "time": "2026-01-31T08:30:00Z",
    "id": "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10",
    "labels": "x",
}


def value_of(field: dict[str, Any], op: str) -> Any:
    if op in {"is_null", "is_empty"}:
        return True
    one = field["choices"][0] if field["choices"] else _VALUES[field["kind"]]
    if op == "between":
        return [one, one]
    return [one] if op in {"in", "not_in", "has_any", "has_all", "has_none"} else one


async def nouns(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    answer = await client.get("/v1/nouns")
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return {noun["name"]: noun for noun in answer.json()["data"]}


def names(noun: dict[str, Any], having: str = "name") -> set[str]:
    return {field["name"] for field in noun["fields"] if field[having]}


async def custom_field(org: Organisation, key: str, kind: str = "text", **more: Any) -> None:
    body = {"noun": "contact", "key": key, "kind": kind, "label": key, **more}
    answer = await org.admin.post("/v1/custom_fields", json=body)
    assert answer.status_code == 201, answer.text


async def test_one_who_may_do_everything_sees_every_noun_with_every_field(org: Organisation):
    await custom_field(org, "shoe", "integer")
    found = await nouns(org.admin)
    assert found.keys() == NOUNS.keys()
    for name, noun in found.items():
        custom = {"custom.shoe"} if name == "contact" else set()
        assert names(noun) == NOUNS[name].fields.keys() | custom
    assert (await org.admin.get("/v1/nouns/contact")).json() == found["contact"]
    shoe = next(field for field in found["contact"]["fields"] if field["name"] == "custom.shoe")
    assert shoe["kind"] == "integer"
    assert set(shoe["ops"]) == OPS[Kind.INTEGER]


async def test_a_new_label_is_told_at_the_next_request(org: Organisation):
    await custom_field(org, "shoe", "integer")
    assert (await nouns(org.admin))["contact"]
    defined = (await org.admin.get("/v1/custom_fields")).json()["data"][0]
    here = f"/v1/custom_fields/{defined['id']}"
    edited = await org.admin.patch(here, json={"label": "Size of shoes"}, headers={"If-Match": "*"})
    assert edited.status_code == 200, edited.text
    shoe = next(f for f in (await nouns(org.admin))["contact"]["fields"] if f["name"] == "custom.shoe")
    assert shoe["summary"] == "Size of shoes"


@pytest.mark.parametrize("noun", ["contact", "order", "product"])
async def test_every_op_and_sort_that_is_listed_is_taken_and_no_other(org: Organisation, noun: str):
    if noun == "contact":
        await custom_field(org, "born", "date")
    described = (await org.admin.get(f"/v1/nouns/{noun}")).json()
    where = f"/v1/{described['plural']}/search"
    for field in described["fields"]:
        tests = [{"field": field["name"], "op": op, "value": value_of(field, op)} for op in field["ops"]]
        taken = await org.admin.post(where, json={"where": {"all": tests}})
        assert taken.status_code == 200, taken.text
        if not field["filterable"]:
            test = {"field": field["name"], "op": "eq", "value": "x"}
            assert (await org.admin.post(where, json={"where": test})).status_code == 422
        sorted_by = await org.admin.post(where, json={"sort": field["name"]})
        assert (sorted_by.status_code == 200) == field["sortable"], sorted_by.text


async def test_what_a_role_hides_is_not_listed(org: Organisation):
    await custom_field(org, "secret")
    await custom_field(org, "shown")
    await org.role(
        "narrow",
        scopes=["contacts:read", "contacts:write", "orders:read"],
        read={"contact": ["name", "custom.shown"], "order": ["number"]},
        write={"contact": ["name", "job_title"], "order": ["number"]},
    )
    _, client = await org.user("narrow", "narrow")
    found = await nouns(client)
    assert found.keys() == {"contact", "order"}
    always = {"id", "version", "created_at", "updated_at", "archived_at"}
    contact = found["contact"]
    assert names(contact) == always | {"name", "custom.shown", "job_title"}
    assert names(contact, "readable") == always | {"name", "custom.shown"}
    assert names(contact, "writable") == {"name", "job_title"}
    assert "job_title" not in names(contact, "filterable") | names(contact, "sortable")
    assert names(found["order"], "writable") == set(), "there is no scope to write orders"
    for hidden in ("product", "nothing_like_it"):
        answer = await client.get(f"/v1/nouns/{hidden}")
        assert (answer.status_code, answer.json()["code"]) == (404, "noun_not_found")


async def test_a_noun_is_told_to_no_stranger(api: httpx.AsyncClient):
    assert (await api.get("/v1/nouns")).status_code == 401
    assert (await api.get("/v1/nouns/contact")).status_code == 401
