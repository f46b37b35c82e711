"""What an ETag stands for: a version, and what its reader is shown of it."""

from app.db import write
from app.db.roles import ROLES
from tests.makers.organisations import Organisation


async def _redefine(org: Organisation, role: str, **values: object) -> None:
    async with await org.work() as uow:
        rows = await write.locked(uow, ROLES, [org.roles[role]])
        await write.change(uow, ROLES, [(row, values) for row in rows.values()], "role.edited")
        await uow.commit()


async def test_an_etag_moves_when_its_reader_is_shown_other_fields(org: Organisation):
    key = {"noun": "contact", "key": "secret", "kind": "text", "label": "x"}
    await org.admin.post("/v1/custom_fields", json=key)
    made = await org.admin.post("/v1/contacts", json={"name": "王芳", "custom": {"secret": "s"}})
    here = f"/v1/contacts/{made.json()['id']}"
    all_contacts = {"scopes": ["contacts:read"], "sight": {"*": "all"}}
    await org.role("reader", **all_contacts, read={"contact": ["name", "job_title"]})
    _, reader = await org.user("reader", "reader")
    tags: list[str] = []
    for read in (["name", "job_title"], ["name"], ["name", "custom.secret"], ["name", "custom"]):
        await _redefine(org, "reader", read={"contact": read})
        known = {"If-None-Match": tags[-1]} if tags else {}
        answer = await reader.get(here, headers=known)
        assert answer.status_code == 200, "what it may see is new"
        tags.append(answer.headers["etag"])
        assert (await reader.get(here, headers={"If-None-Match": tags[-1]})).status_code == 304
    assert len(set(tags)) == len(tags)


async def test_a_choice_of_fields_has_an_etag_of_its_own(org: Organisation):
    here = f"/v1/contacts/{(await org.admin.post('/v1/contacts', json={'name': '李雷'})).json()['id']}"
    whole = (await org.admin.get(here)).headers["etag"]
    part = await org.admin.get(here, params={"fields": "name"}, headers={"If-None-Match": whole})
    assert part.status_code == 200
    assert part.headers["etag"] != whole


async def test_every_etag_of_a_version_lets_it_be_changed(org: Organisation):
    made = await org.admin.post("/v1/contacts", json={"name": "韩梅梅"})
    here = f"/v1/contacts/{made.json()['id']}"
    part = (await org.admin.get(here, params={"fields": "name"})).headers["etag"]
    assert (await org.admin.get(here)).headers["etag"] == made.headers["etag"], (
        "what was made was shown whole"
    )
    for tag in (made.headers["etag"], part, '"1"', 'W/"1"'):
        answer = await org.admin.patch(here, json={"name": "韩梅梅"}, headers={"If-Match": tag})
        assert answer.status_code == 200, (tag, answer.text)
    stale = made.headers["etag"].replace('"1.', '"2.')
    assert (await org.admin.patch(here, json={"name": "x"}, headers={"If-Match": stale})).status_code == 412
    for tag in ('"1."', '"1.zz"', '"1.12345678'):
        assert (await org.admin.patch(here, json={}, headers={"If-Match": tag})).status_code == 422


async def test_a_reader_who_wants_nothing_that_is_there_gets_nothing(org: Organisation):
    here = f"/v1/contacts/{(await org.admin.post('/v1/contacts', json={'name': '林涛'})).json()['id']}"
    anything = {"If-None-Match": "*"}
    answer = await org.admin.get(here, headers=anything)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == (await org.admin.get(here)).headers["etag"]
    assert (await org.admin.get("/v1/settings", headers=anything)).status_code == 304
    assert (await org.admin.get(here[:-12] + "000000000000", headers=anything)).status_code == 404
