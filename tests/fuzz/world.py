"""A running service with a fresh organisation in it, and what there is to point at."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.kit.ids import new_id
from app.usecases.bootstrap import add_organisation
from tests.nouns.nouns import ALL

_SECRET = "a secret of the tests, long enough for HS256"
_PASSWORD = "seven green bicycles"
_SEEDED = 6


@dataclass(frozen=True)
class World:
    """Where the service listens, a key that opens everything, and records to point at."""

    url: str
    key: str
    ids: dict[str, list[str]]
    """Plural of a noun to the ids of its records."""
    external: dict[str, list[tuple[str, str]]]
    """Plural of a noun to (system, external id) pairs."""
    own: frozenset[str]
    """Ids that the caller stands on: changing them would lock the run out."""


@contextmanager
def serving(database_url: str, redis_url: str) -> Iterator[str]:
    """The service as a process of its own on a loopback port; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RAPPORT_SECRET_KEY": _SECRET,
        "RAPPORT_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen([*command, "--no-access-log"], env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(process, f"{url}/livez")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            httpx.get(url, timeout=5).raise_for_status()
        except httpx.TransportError:
            assert process.poll() is None, "The service ended before it answered."
            assert time.monotonic() < until, "The service does not answer."
            time.sleep(0.1)
        else:
            return


async def founded(database_url: str, url: str) -> World:
    """A fresh organisation, with a few records of every noun."""
    slug = f"t{new_id().hex}"
    email = f"{slug}@test.example"
    await add_organisation(database_url, name="Test", slug=slug, email=email, password=_PASSWORD)
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        signed_in = await client.post("/v1/auth/token", data={"username": email, "password": _PASSWORD})
        signed_in.raise_for_status()
        client.headers["Authorization"] = f"Bearer {signed_in.json()['access_token']}"
        made = await _post(client, "/v1/api_keys", {"name": "fuzz"})
        me = (await client.get("/v1/auth/me")).json()
        ids: dict[str, list[str]] = {}
        external: dict[str, list[tuple[str, str]]] = {}
        for plain in ALL.values():
            for number in range(_SEEDED):
                body = plain.make(number)
                if "competitor_id" in body:
                    body["competitor_id"] = ids["competitors"][0]
                record = await _post(client, plain.path, body)
                ids.setdefault(plain.noun.plural, []).append(record["id"])
                pairs = record.get("external_ids", {}).items()
                external.setdefault(plain.noun.plural, []).extend(pairs)
        ids["api_keys"] = [(await _post(client, "/v1/api_keys", {"name": f"k{n}"}))["id"] for n in range(3)]
    own = frozenset({made["id"], me["user_id"], *(role["id"] for role in me["roles"])})
    return World(url, made["key"], ids, external, own)


async def _post(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:500]}"
    found: dict[str, Any] = answer.json()
    return found
