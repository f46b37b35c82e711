"""People who sign in, for tests."""

import httpx

from tests.makers.organisations import PASSWORD, Organisation


async def sign_in(
    api: httpx.AsyncClient, email: str, password: str = PASSWORD, organisation: str | None = None
) -> httpx.Response:
    """A sign-in by the form."""
    form = {"username": email, "password": password} | (
        {"organisation": organisation} if organisation else {}
    )
    return await api.post("/v1/auth/token", data=form)


def boss(org: Organisation) -> str:
    """The address of the administrator whom an organisation begins with."""
    return f"{org.slug}@test.example"


async def signed_in(
    api: httpx.AsyncClient, org: Organisation, email: str | None = None, password: str = PASSWORD
) -> tuple[httpx.AsyncClient, str]:
    """A client that carries an access token, and the refresh token."""
    answer = await sign_in(api, email or boss(org), password)
    assert answer.status_code == 200, answer.text
    return org.client(answer.json()["access_token"]), answer.json()["refresh_token"]


async def upsert(client: httpx.AsyncClient, path: str, *items: dict) -> list[str]:
    """What came of each item: its outcome, or the code of what refused it."""
    answer = await client.post(f"/v1/{path}/bulk", json={"items": items})
    assert answer.status_code == 200, answer.text
    return [
        item["problem"]["code"] if item["status"] == "failed" else item["status"]
        for item in answer.json()["items"]
    ]
