"""What the log says of requests."""

import re
from typing import Any

import httpx
import structlog
from fastapi import FastAPI

from app.api import openapi
from app.db.engine import Database
from app.settings import Settings
from tests.makers.organisations import Organisation


def said(captured: list[Any], event: str) -> list[Any]:
    return [one for one in captured if one["event"] == event]


async def test_a_503_leaves_its_cause_in_the_log(
    service: FastAPI, org: Organisation, chosen: Settings
) -> None:
    unreachable = Database("postgresql://rapport@127.0.0.1:1/rapport", role=chosen.app_role, size=1)
    before = service.state.database
    service.state.database = unreachable
    try:
        with structlog.testing.capture_logs() as captured:
            answer = await org.admin.get("/v1/contacts")
    finally:
        service.state.database = before
        await unreachable.close()
    assert answer.status_code == 503
    (refused,) = said(captured, "request.refused")
    assert refused["code"] == "database_unreachable"
    assert refused["request_id"] == answer.headers["x-request-id"]
    assert "ConnectionRefusedError" in refused["cause"] or "OSError" in refused["cause"]


async def test_every_request_leaves_one_line_with_its_id(api: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as captured:
        answer = await api.get("/livez", headers={"x-request-id": "mine"})
        missing = await api.get("/nowhere")
    assert (answer.status_code, missing.status_code) == (200, 404)
    first, second = said(captured, "request")
    assert (first["log_level"], first["request_id"], first["path"]) == ("info", "mine", "/livez")
    assert (first["status"], second["status"]) == (200, 404)
    assert second["request_id"] == missing.headers["x-request-id"]
    assert "request_id" not in structlog.contextvars.get_contextvars()


async def test_requests_are_counted_by_the_address_that_the_document_shows(
    service: FastAPI, org: Organisation, api: httpx.AsyncClient
) -> None:
    made = await org.admin.post("/v1/contacts", json={"name": "Counted"})
    await org.admin.get(made.headers["location"])
    await api.get("/docs")
    await api.get("/nowhere")
    text = (await api.get("/metrics")).text
    told = set(re.findall(r'^rapport_requests_total\{.*route="([^"]*)"', text, re.MULTILINE))
    assert {"/v1/contacts", "/v1/contacts/{id}", "/docs", "none"} <= told
    undocumented = {"none", "/openapi.json", "/docs"}
    assert {one for one in told - undocumented if not one.startswith("/docs/")} <= openapi.document(service)[
        "paths"
    ].keys()
