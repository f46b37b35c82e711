"""Edits lock and read what they change once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from app.db import write
from app.db.engine import Database
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from tests.makers.organisations import Organisation

ANY = {"If-Match": "*"}
NEW = {
    "users": {"email": "a@test.example", "name": "a"},
    "teams": {"name": "a"},
    "roles": {"name": "a"},
    "api_keys": {"name": "a", "scopes": ["contacts:read"]},
    "tags": {"name": "a"},
    "contacts": {"name": "a"},
}


@pytest.mark.parametrize("plural", NEW)
async def test_no_verb_locks_its_record_twice(
    org: Organisation, plural: str, monkeypatch: pytest.MonkeyPatch
):
    made = await org.admin.post(f"/v1/{plural}", json=NEW[plural])
    assert made.status_code == 201, made.text
    here = made.headers["location"]
    taken: Counter[tuple[str, UUID]] = Counter()
    locked = write.locked

    async def counted(uow: UnitOfWork, noun: Noun, ids: Sequence[UUID]) -> Any:
        taken.update((noun.name, id_) for id_ in ids)
        return await locked(uow, noun, ids)

    monkeypatch.setattr(write, "locked", counted)
    verbs = ("edit", "revoke") if plural == "api_keys" else ("edit", "archive", "restore")
    for verb in verbs:
        taken.clear()
        if verb == "edit":
            change = {"colour": "#112233"} if plural == "tags" else {"name": "b"}
            answer = await org.admin.patch(here, json=change, headers=ANY)
        else:
            answer = await org.admin.post(f"{here}/{verb}", headers=ANY)
        assert answer.status_code in {200, 204}, (verb, answer.text)
        assert set(taken.values()) == {1}, (verb, taken)


async def test_a_bulk_gives_up_at_the_first_lock_that_is_not_to_be_had(org: Organisation, owner: Database):
    items = [{"name": f"n{n}", "external_ids": {"erp": str(n)}} for n in range(64)]
    made = await org.admin.post("/v1/contacts/bulk", json={"items": items})
    one = UUID(made.json()["items"][17]["id"])
    changed = [item | {"job_title": "new"} for item in items]
    async with owner.connection() as held, asyncio.timeout(20):
        await held.execute("begin")
        await held.execute("select from contacts where org_id = $1 and id = $2 for update", org.id, one)
        refused = await org.admin.post("/v1/contacts/bulk", json={"items": changed})
        await held.execute("rollback")
    assert refused.status_code == 503, refused.text
    again = await org.admin.post("/v1/contacts/bulk", json={"items": changed})
    assert again.json()["updated"] == 64
