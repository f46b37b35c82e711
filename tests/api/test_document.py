"""The OpenAPI document is true: what it says of headers and of signing in is what happens."""

import re
from typing import Any

import httpx
import pytest

from app.main import openapi_document
from tests.makers.organisations import Organisation

_DOCUMENT = openapi_document()
ANY = {"If-Match": "*"}


def headers_of(path: str, method: str, status: int) -> set[str]:
    response: Any = _DOCUMENT["paths"][path][method]["responses"][str(status)]
    if "$ref" in response:
        response = _DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return {name.lower() for name in response["headers"]}


def told(answer: httpx.Response) -> set[str]:
    return {name.lower() for name in _DOCUMENT["components"]["headers"]} & set(answer.headers)


async def test_the_headers_that_come_are_those_that_are_written(org: Organisation, api: httpx.AsyncClient):
    made = await org.admin.post("/v1/tags", json={"name": "vip"})
    where = made.headers["location"]
    changed = await org.admin.patch(where, json={"colour": "red"}, headers=ANY, params={"dry_run": "true"})
    answers = {
        ("/v1/tags", "post", 201): made,
        ("/v1/tags/{id}", "get", 200): await org.admin.get(where),
        ("/v1/tags/{id}", "get", 304): await org.admin.get(
            where, headers={"If-None-Match": made.headers["etag"]}
        ),
        ("/v1/tags/{id}", "patch", 200): changed,
        ("/v1/tags/{id}", "patch", 428): await org.admin.patch(where, json={}),
        ("/v1/tags/{id}/rename", "post", 202): await org.admin.post(
            f"{where}/rename", json={"name": "VIP"}, headers=ANY
        ),
        ("/v1/tags", "get", 200): await org.admin.get("/v1/tags"),
        ("/v1/tags", "get", 401): await api.get("/v1/tags"),
        ("/v1/settings", "patch", 200): await org.admin.patch("/v1/settings", json={}, headers=ANY),
    }
    for (path, method, status), answer in answers.items():
        assert answer.status_code == status, answer.text
        dry = {"rapport-dry-run"} if answer is not changed else set()
        assert told(answer) == headers_of(path, method, status) - dry, (path, method, status)


async def test_one_signs_in_as_the_document_says_with_the_form_that_swagger_sends(
    org: Organisation, api: httpx.AsyncClient
):
    flow = _DOCUMENT["components"]["securitySchemes"]["login"]["flows"]["password"]
    [server] = _DOCUMENT["servers"]
    user = {"email": "wang@document.example", "name": "王芳", "password": "seven green bicycles"}
    assert (await org.admin.post("/v1/users", json=user)).status_code == 201
    answer = await api.post(
        server["url"] + flow["tokenUrl"],
        data={
            "grant_type": "password",
            "scope": "",
            "username": user["email"],
            "password": user["password"],
        },
        headers={"Authorization": "Basic Og=="},
    )
    assert answer.status_code == 200, answer.text
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await api.get("/v1/auth/me", headers=bearer)).status_code == 200


@pytest.mark.parametrize("tag", [tag["name"] for tag in _DOCUMENT["tags"]])
def test_a_tag_that_is_described_is_used(tag: str):
    assert any(tag in one["tags"] for item in _DOCUMENT["paths"].values() for one in item.values())


def test_a_tag_that_is_used_is_described():
    described = {tag["name"] for tag in _DOCUMENT["tags"]}
    assert all(set(one["tags"]) <= described for item in _DOCUMENT["paths"].values() for one in item.values())


async def test_an_answer_shows_decimals_times_and_keys_as_its_example_does(org: Organisation):
    examples = _DOCUMENT["components"]["examples"]
    asked = {"sku": "DOC-1", "name": "x", "price": "168.00", "cost": "92.50", "currency": "CNY"}
    product = (await org.admin.post("/v1/products", json=asked)).json()
    shown = examples["ProductOut"]["value"]
    assert (product["price"], product["cost"]) == (shown["price"], shown["cost"])
    rate = examples["ExchangeRateAdd"]["value"]
    made = (await org.admin.post("/v1/exchange_rates", json=rate)).json()
    assert made["rate"] == examples["ExchangeRateOut"]["value"]["rate"]
    call = examples["InteractionAdd"]["value"]
    made = (await org.admin.post("/v1/interactions", json=call)).json()
    assert made["at"] == examples["InteractionOut"]["value"]["at"]
    order = examples["OrderAdd"]["value"]
    made = (await org.admin.post("/v1/orders", json=order)).json()
    example = examples["OrderOut"]["value"]
    for name in ("placed_at", "subtotal", "total", "discount", "tax", "refunded"):
        assert made[name] == example[name], name
    for name in ("quantity", "unit_price", "discount", "amount"):
        assert made["lines"][0][name] == example["lines"][0][name], name
    key = (await org.admin.post("/v1/api_keys", json={"name": "x"})).json()
    example = examples["ApiKeyMade"]["value"]
    assert len(key["key"]) == len(example["key"])
    assert len(key["prefix"]) == len(example["prefix"])
    assert example["key"].startswith(example["prefix"])
    assert key["key"][:4] == example["key"][:4]


async def test_the_contacts_of_a_company_need_both_scopes_before_anything_else(org: Organisation):
    operation = _DOCUMENT["paths"]["/v1/companies/{id}/contacts"]["get"]
    assert operation["x-scopes"] == ["contacts:read", "companies:read"]
    company = (await org.admin.post("/v1/companies", json={"name": "x"})).json()["id"]
    for scope in operation["x-scopes"]:
        await org.role(scope, scopes=[scope], read={"contact": ["*"], "company": ["*"]})
        _, client = await org.user("half", scope)
        for asked in (company, "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"):
            answer = await client.get(f"/v1/companies/{asked}/contacts")
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
            assert answer.json()["scope"] != scope
    here = f"/v1/companies/{company}/contacts"
    await org.admin.post("/v1/contacts", json={"name": "of the company", "company_id": company})
    await org.admin.post("/v1/contacts", json={"name": "of none"})
    assert [one["name"] for one in (await org.admin.get(here)).json()["data"]] == ["of the company"]
    assert (await org.admin.get(here, params={"company_id": asked})).status_code == 422


async def test_the_etag_that_is_shown_is_one_that_may_be_sent(org: Organisation):
    shown = _DOCUMENT["components"]["headers"]["ETag"]["example"]
    came = (await org.admin.post("/v1/tags", json={"name": "x"})).headers["etag"]
    taken = [
        parameter
        for item in _DOCUMENT["paths"].values()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
        if parameter.get("name") == "If-Match"
    ]
    assert len(taken) > 30
    for parameter in taken:
        for tag in (shown, came, parameter["example"], "*"):
            assert re.search(parameter["schema"]["pattern"], tag), tag


@pytest.mark.parametrize(
    ("archived", "names"),
    [(None, ["here"]), (False, ["here"]), (True, ["gone"]), ("any", ["gone", "here"])],
)
async def test_lists_searches_and_counts_say_archived_in_the_same_words(
    org: Organisation, archived: Any, names: list[str]
):
    made = await org.admin.post("/v1/companies", json={"name": "gone"})
    await org.admin.post(f"{made.headers['location']}/archive", headers=ANY)
    await org.admin.post("/v1/companies", json={"name": "here"})
    said = {} if archived is None else {"archived": archived}
    listed = await org.admin.get(
        "/v1/companies", params={"sort": "name"} | {name: str(one).lower() for name, one in said.items()}
    )
    found = await org.admin.post("/v1/companies/search", json={"sort": "name"} | said)
    for answer in (listed, found):
        assert [one["name"] for one in answer.json()["data"]] == names, answer.text
    counted = await org.admin.post("/v1/companies/count", json=said)
    assert counted.json() == {"count": len(names)}
