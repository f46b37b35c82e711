"""Who calls, apart from the organisation's own people."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.makers.organisations import Organisation


@pytest.fixture
async def stranger(service: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody whom nobody knows, at an address of their own."""
    transport = httpx.ASGITransport(app=service, client=("203.0.113.7", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture(name="na")
def _na(org: Organisation) -> dict[str, str]:
    """Somebody new, with an address that only this organisation knows."""
    return {"email": f"Li.Na-{org.slug}@Example.com", "name": "李娜", "password": "seven green bicycles"}
