"""A dry run answers what the real one will answer, and keeps nothing."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY, PLAIN, SERVED, Plain, holdings, made, marked, puts, serves

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
NOW = re.compile(
    r'"(created_at|updated_at|archived_at|paid_at|shipped_at|refunded_at|cancelled_at|opened_at|entered_at|closed_at|at)": ?"[^"]*"'
)
SECRET = re.compile(r'"(key|prefix|password)":"[^"]*"')
BODIES: dict[str, Any] = {
    "win": {},
    "lose": {"reason": "x"},
    "pay": {},
    "ship": {},
    "cancel": {},
    "refund": {"amount": "1"},
    "consents": {"purpose": "marketing", "channel": "email", "state": "granted", "source": "form"},
}


def masked(answer: httpx.Response) -> tuple[int, str, str | None]:
    """An answer without what differs from one run to the next."""
    text = SECRET.sub("secret", NOW.sub("time", ID.sub("id", answer.text)))
    return answer.status_code, text, answer.headers.get("etag")


async def both(
    org: Organisation, method: str, path: str, body: Any, headers: dict[str, str]
) -> AsyncIterator[httpx.Response]:
    """The dry answer, checked against the holdings, then the real one."""
    before = await holdings(org)
    dry = await org.admin.request(
        method, f"{path}?dry_run=true", json=body, headers=headers | {"Idempotency-Key": "dry"}
    )
    assert await holdings(org) == before, (method, path)
    assert dry.status_code >= 400 or dry.headers["rapport-dry-run"] == "true"
    yield dry
    real = await org.admin.request(method, path, json=body, headers=headers)
    assert "rapport-dry-run" not in real.headers
    yield real


async def same(
    org: Organisation, method: str, path: str, body: Any, status: int, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Both answers say the same; the real one."""
    dry, real = [answer async for answer in both(org, method, path, body, headers or {})]
    assert real.status_code == status, real.text
    assert masked(dry) == masked(real), (method, path)
    return real


@pytest.mark.parametrize("plain", PLAIN, ids=str)
async def test_every_plain_write_is_tried_before_it_is_done(org: Organisation, plain: Plain):
    real = await same(org, "POST", plain.path, plain.make(0), 201)
    here = f"{plain.path}/{real.json()['id']}"
    assert (await org.admin.get(here)).status_code == 200
    await same(org, "POST", plain.path, plain.make(1) | {"no_such_field": 1}, 422)
    await same(org, "PATCH", here, marked(plain, 1), 200, {"If-Match": '"1"'})
    await same(org, "PATCH", here, marked(plain, 2), 412, {"If-Match": '"1"'})
    await same(org, "POST", f"{here}/archive", None, 200, ANY)
    await same(org, "POST", f"{here}/archive", None, 409, ANY)
    await same(org, "PATCH", here, marked(plain, 3), 409, ANY)
    await same(org, "POST", f"{here}/restore", None, 200, ANY)
    if serves(plain, "POST", "/bulk"):
        items = [plain.make(0), plain.make(2), {"no_such_field": 1}, plain.make(2) | marked(plain, 4)]
        await same(org, "POST", f"{plain.path}/bulk", {"items": items}, 200)
    if puts(plain):
        await same(org, "PUT", f"{plain.path}/by/shop/1", plain.make(3), 201)
        await same(org, "PUT", f"{plain.path}/by/shop/1", plain.make(3) | marked(plain, 5), 200)


@pytest.mark.parametrize("plain", PLAIN, ids=str)
async def test_every_verb_is_tried_before_it_is_done(org: Organisation, plain: Plain):
    prefix = f"/{plain.noun.plural}/{{id}}/"
    verbs = [
        path.removeprefix(prefix) for method, path in SERVED if method == "POST" and path.startswith(prefix)
    ]
    known = [verb for verb in verbs if verb in BODIES]
    for n, verb in enumerate(sorted(known)):
        record = await made(org, plain, 20 + n)
        here = f"{plain.path}/{record['id']}"
        if verb == "refund":
            assert (await org.admin.post(f"{here}/pay", json={}, headers=ANY)).status_code == 200
        await same(org, "POST", f"{here}/{verb}", BODIES[verb], 200, ANY)


async def test_a_dry_run_finds_what_only_the_database_refuses(org: Organisation):
    product = {"sku": "S", "name": "n", "price": "1", "currency": "CNY"}
    await same(org, "POST", "/v1/products", product, 201)
    refused = [answer async for answer in both(org, "POST", "/v1/products", product, {})]
    assert [answer.json()["code"] for answer in refused] == ["sku_taken", "sku_taken"]
    unknown = {"name": "n", "company_id": "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"}
    refused = [answer async for answer in both(org, "POST", "/v1/contacts", unknown, {})]
    assert [answer.json()["code"] for answer in refused] == ["reference_unknown", "reference_unknown"]
