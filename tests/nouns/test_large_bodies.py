"""A body that is too large is not read, and a long one keeps nobody waiting."""

import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from app.api.middleware import MOST_BYTES
from app.kit import json as kit_json
from tests.makers.organisations import Organisation
from tests.nouns.nouns import holdings, problem


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_huge_body_is_refused_without_reading_it_all(
    org: Organisation, api: httpx.AsyncClient, chunked: bool
):
    bulk = org.service.state.settings.max_body_bytes
    before = await holdings(org)
    taken = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b"["
        for _ in range(2 * bulk // 2**20):
            taken += 2**20
            yield b"0.1," * 2**18

    for client, method, path, most in (
        (org.admin, "POST", "/v1/contacts/bulk", bulk),
        (org.admin, "POST", "/v1/contacts", MOST_BYTES),
        (org.admin, "POST", "/v1/orders/count", MOST_BYTES),
        (org.admin, "PUT", "/v1/orders/by/erp/a/bulk", MOST_BYTES),
        (api, "POST", "/v1/contacts/count", MOST_BYTES),
        (api, "POST", "/v1/auth/refresh", MOST_BYTES),
    ):
        taken = 0
        length = {} if chunked else {"Content-Length": str(2 * bulk)}
        headers = {"Content-Type": "application/json"} | length
        answer = await client.request(method, path, content=chunks(), headers=headers)
        assert answer.status_code == 413, answer.text
        told = problem(answer)
        assert told["code"] == "body_too_large"
        assert chunked or f"{most:,} bytes" in told["detail"]
        assert taken <= (most + 2**20 if chunked else 0), path
    assert await holdings(org) == before


async def test_a_long_body_is_looked_through_beside_other_requests(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    here, at_once = threading.get_ident(), []

    def noted(read: Callable[..., Any]) -> Callable[..., Any]:
        def reading(*given: Any) -> Any:
            at_once.append(threading.get_ident() == here)
            return read(*given)

        return reading

    monkeypatch.setattr(kit_json, "exactly", noted(kit_json.exactly))
    monkeypatch.setattr(kit_json, "items", noted(kit_json.items))
    numbers = {"items": [{"name": "x", "custom": {"size": [0.1] * 20_000}}]}
    for path, body in (
        ("/v1/contacts/bulk", numbers),
        ("/v1/contacts", numbers["items"][0]),
        ("/v1/contacts", {"name": "x"}),
    ):
        assert (await org.admin.post(path, json=body)).status_code in {200, 201, 422}
    assert at_once == [False, False, True]
