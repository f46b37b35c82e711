"""The OpenAPI document is true: what it says of headers and of signing in is what happens."""

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
