"""Rows of imports: what a batch looks at does not grow with the file."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.db import imports
from app.db.engine import Database, Row
from tests.makers.files import sent
from tests.makers.organisations import Organisation


def scanned(plan: dict[str, Any]) -> Iterator[int]:
    """How many rows each scan of a plan has come upon."""
    if "Scan" in plan["Node Type"]:
        met = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        yield round(met * plan["Actual Loops"])
    for below in plan.get("Plans", ()):
        yield from scanned(below)


async def test_of_many_rows_with_one_key_only_the_last_that_went_well_are_looked_at(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    one = UUID((await sent(org, "name,email\nAnna,anna@example.com\n"))["id"])
    async with await org.work() as uow:
        await imports.clear_rows(uow, one)
        await uow.execute(
            "insert into import_rows (org_id, id, line, cells, key, outcome)"
            " select $1, $2, n, '[]', case n % 50 when 0 then 'rare' else 'common' end,"
            " case when n <= 3000 then case n % 7 when 0 then 'failed' else 'updated' end end"
            " from generate_series(1, 6000) n",
            org.id,
            one,
        )
        asked = list[tuple[Any, ...]]()
        fetch = uow.fetch

        async def heard(*given: Any) -> Sequence[Row]:
            asked.append(given)
            return await fetch(*given)

        monkeypatch.setattr(uow, "fetch", heard)
        found = await imports.earlier(uow, one, await imports.ahead(uow, one, 500, 10**6), 3)
        assert [row["line"] for row in found] == [2900, 2950, 2997, 2998, 2999, 3000]
        sql, *values = asked[-1]
        [plan] = await uow.fetchval(f"explain (analyze, format json) {sql}", *values)
        assert max(scanned(plan["Plan"])) < 20


async def test_what_cannot_be_counted_now_keeps_nobody_from_going_on(
    org: Organisation, monkeypatch: pytest.MonkeyPatch
):
    async def full(_: object) -> None:
        raise asyncpg.TooManyConnectionsError("sorry, too many clients already")

    monkeypatch.setattr(Database, "_connect", full)
    async with await org.work() as uow:
        await imports.analyse(uow, ["contacts"])
        assert await uow.fetchval("select 1") == 1


async def test_what_records_are_found_by_is_counted_and_postgresql_still_counts_the_rest_itself(
    org: Organisation, owner: Database
):
    async def counted(column: str) -> bool:
        async with owner.connection() as connection:
            return bool(
                await connection.fetchval(
                    "select exists (select from pg_stats where tablename = 'import_rows' and attname = $1)",
                    column,
                )
            )

    one = UUID((await sent(org, "name,email\nAnna,anna@example.com\n"))["id"])
    async with owner.connection() as connection:
        await connection.execute("delete from pg_statistic where starelid = 'import_rows'::regclass")
    async with await org.work() as uow:
        await uow.execute(
            "insert into import_rows (org_id, id, line, key, detail) select $1, $2, n, n, 'x'"
            " from generate_series(10, 60) n",
            org.id,
            one,
        )
        await uow.commit()
    async with await org.work() as uow:
        await imports.analyse(uow, ["import_rows"])
    assert [await counted(column) for column in ("line", "key", "outcome", "detail")] == [
        True,
        True,
        True,
        False,
    ]
