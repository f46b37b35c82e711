"""What is kept under Idempotency-Keys, and found again."""

from collections.abc import Sequence
from typing import Any

from app.db import actors
from app.db.engine import Database, Row
from app.db.idempotency import claim
from app.db.uow import UnitOfWork
from app.kit import clock
from tests.makers.organisations import Organisation


async def test_erasure_finds_the_answers_that_show_a_person_by_an_index(owner: Database):
    async with owner.connection() as connection:
        await connection.execute("begin; set local enable_seqscan = off")
        try:
            plan = await connection.fetch(
                "explain update idempotency_keys set body = '{}' where org_id = uuidv7() and noun = 'contact'"
                " and noun_id = any(array[uuidv7()]) and body <> '{}'"
            )
        finally:
            await connection.execute("rollback")
    assert any("ix_idempotency_keys_record" in row[0] for row in plan), plan


async def test_a_key_that_is_forgotten_while_it_is_looked_at_is_taken(org: Organisation, owner: Database):
    actor = await actors.system(org.database, org.id)

    class Meanwhile(UnitOfWork):
        """Somebody forgets the key before it is read."""

        async def fetch(self, sql: str, *values: Any) -> Sequence[Row]:
            async with owner.connection() as connection:
                await connection.execute("delete from idempotency_keys where org_id = $1", org.id)
            return await super().fetch(sql, *values)

    async with UnitOfWork(org.database, actor, now=clock.now()) as uow:
        await claim(uow, "old", "the first request")
        await uow.commit()
    async with Meanwhile(org.database, actor, now=clock.now()) as uow:
        await claim(uow, "old", "another request")
        await uow.commit()
    async with owner.connection() as connection:
        kept = await connection.fetch(
            "select key, request_hash from idempotency_keys where org_id = $1", org.id
        )
    assert [tuple(row) for row in kept] == [("old", "another request")]
