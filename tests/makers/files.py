"""Files to import, sent and carried out over HTTP."""

from typing import Any

from fastapi import FastAPI
from httpx import AsyncClient

from tests.makers.organisations import Organisation
from tests.makers.work import work_off

ANY = {"If-Match": "*"}
Body = dict[str, Any]


async def sent(
    by: Organisation | AsyncClient,
    text: str | bytes,
    name: str = "people.csv",
    *,
    plan: Body | None = None,
    **said: str,
) -> Body:
    """A file that is taken in, with what is said of it afterwards."""
    client = by if isinstance(by, AsyncClient) else by.admin
    content = text.encode() if isinstance(text, str) else text
    answer = await client.post("/v1/imports", params={"name": name, **said}, content=content)
    assert answer.status_code == 201, answer.text
    if plan is not None:
        answer = await client.patch(f"/v1/imports/{answer.json()['id']}", json=plan, headers=ANY)
        assert answer.status_code == 200, answer.text
    made: Body = answer.json()
    return made


async def begun(by: Organisation | AsyncClient, one: Body, verb: str = "start") -> str:
    """The address of the run that has begun."""
    client = by if isinstance(by, AsyncClient) else by.admin
    answer = await client.post(f"/v1/imports/{one['id']}/{verb}", headers=ANY)
    assert answer.status_code == 202, answer.text
    place: str = answer.headers["location"]
    return place


async def done(
    service: FastAPI, org: Organisation, one: Body, verb: str = "start", by: AsyncClient | None = None
) -> Body:
    """The import once its run is done."""
    place = await begun(by or org, one, verb)
    await work_off(service)
    run = (await org.admin.get(place)).json()
    assert run["status"] == "done", run
    found: Body = (await org.admin.get(f"/v1/imports/{one['id']}")).json()
    return found


async def imported(
    service: FastAPI, org: Organisation, text: str | bytes, name: str = "people.csv", **said: Any
) -> Body:
    """A file that is taken in and carried out."""
    return await done(service, org, await sent(org, text, name, **said))


async def rows(org: Organisation, one: Body, **query: str) -> list[Body]:
    """The rows of the file and what became of them."""
    answer = await org.admin.get(f"/v1/imports/{one['id']}/rows", params={"limit": "200", **query})
    assert answer.status_code == 200, answer.text
    listed: list[Body] = answer.json()["data"]
    return listed


def account(**outcomes: int) -> Body:
    """What adds up to the rows that were read."""
    counts = dict.fromkeys(("created", "updated", "unchanged", "skipped", "failed"), 0) | outcomes
    return {"read": sum(counts.values())} | counts
