"""Pages of other sites: those that are named may call and read, others may not."""

import httpx
import pytest
from pydantic import ValidationError

from app.main import create_app
from app.settings import Settings

_PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "If-Match"}
OURS = ("https://crm.example", "http://localhost:5173")


def browser(origins: str) -> httpx.AsyncClient:
    app = create_app(Settings().model_copy(update={"cors_origins": origins}))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


@pytest.mark.parametrize("origin", OURS)
async def test_a_page_of_a_named_site_may_call_and_read(origin: str):
    async with browser(", ".join(OURS)) as client:
        asked = await client.options("/v1/tags", headers={"Origin": origin, **_PREFLIGHT})
        refused = await client.get("/nowhere", headers={"Origin": origin})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert "if-match" in asked.headers["access-control-allow-headers"].lower()
    assert refused.headers["access-control-allow-origin"] == origin
    exposed = set(refused.headers["access-control-expose-headers"].lower().split(", "))
    assert {"etag", "location", "retry-after", "x-request-id"} <= exposed


@pytest.mark.parametrize("origins", ["", OURS[0]])
async def test_a_page_of_another_site_may_not(origins: str):
    async with browser(origins) as client:
        answer = await client.get("/livez", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "wrong", ["crm.example", "https://crm.example/", "https://a.example;https://b.example b"]
)
def test_what_is_no_origin_is_refused_at_the_start(wrong: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAPPORT_CORS_ORIGINS", wrong)
    with pytest.raises(ValidationError):
        Settings()
