"""What is kept under Idempotency-Keys, and found again."""

from app.db.engine import Database


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
