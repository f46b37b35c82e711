"""Passwords of others are hashed while nothing is held that somebody else waits for."""

import pytest
from sqlalchemy import QueuePool

from app.kit import passwords
from tests.makers.organisations import Organisation

NEW = {"email": "a@test.example", "name": "a", "password": "correct horse battery"}


async def add(org: Organisation, number: int = 0, key: str | None = None):
    headers = {} if key is None else {"Idempotency-Key": key}
    return await org.admin.post(
        "/v1/users", json={**NEW, "email": f"a{number}@test.example"}, headers=headers
    )


async def test_no_connection_is_held_while_a_password_is_hashed(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    held: list[int] = []
    hashed = passwords.hashed

    async def watched(password: str) -> str:
        pool = org.database._engine.pool
        assert isinstance(pool, QueuePool)
        held.append(pool.checkedout())
        return await hashed(password)

    monkeypatch.setattr(passwords, "hashed", watched)
    made = await add(org, key="k")
    assert made.status_code == 201, made.text
    assert (await add(org, key="k")).json() == made.json()
    here = f"{made.headers['location']}/set_password"
    answer = await org.admin.post(here, json={"password": "seven green bicycles"}, headers={"If-Match": "*"})
    assert answer.status_code in {200, 204}, answer.text
    assert held == [0, 0]


async def test_who_sets_a_password_while_too_many_wait_is_told_to_come_back(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    made = await add(org)
    monkeypatch.setattr(passwords, "crowded", lambda: True)
    here = f"{made.headers['location']}/set_password"
    for answer in (
        await add(org, 1),
        await org.admin.post(here, json={"password": NEW["password"]}, headers={"If-Match": "*"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
        assert "passwords" in answer.json()["detail"]
