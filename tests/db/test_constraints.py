"""What the database refuses, as callers hear it."""

from typing import Any

import asyncpg
import pytest

from app.db import constraints
from app.db.engine import Connection, Database
from app.domain.errors import InvalidInput
from tests.makers.organisations import Organisation


@pytest.mark.parametrize("table", ["interactions", "interactions_p202611", "interactions_default"])
def test_a_value_out_of_range_names_its_column_whatever_month_it_falls_in(table: str) -> None:
    fault = asyncpg.CheckViolationError("refused")
    fault.table_name, fault.constraint_name = table, "ck_interactions_duration_seconds"
    found = constraints.refusal(fault)
    assert isinstance(found, InvalidInput)
    assert found.facts["field"] == "duration_seconds"


async def test_a_fault_of_ours_is_not_its_own_cause(org: Organisation) -> None:
    async def commit() -> None:
        async with await org.work() as uow:
            await uow.execute("select no_such_function()")

    async def part() -> None:
        async with await org.work() as uow, uow.savepoint():
            await uow.execute("select no_such_function()")

    for one in (commit, part):
        with pytest.raises(asyncpg.UndefinedFunctionError) as fault:
            await one()
        assert fault.value.__cause__ is None


@pytest.mark.parametrize(
    ("values", "told"), [(("no number",), asyncpg.DataError), ((1, 2), asyncpg.InterfaceError), ((), OSError)]
)
async def test_what_the_driver_will_not_send_is_our_fault_and_costs_no_connection(
    database: Database, org: Organisation, values: tuple[Any, ...], told: type[Exception]
) -> None:
    held = []

    async def ask(connection: Connection) -> None:
        held.append(connection)
        if not values:
            raise OSError("a file that cannot be written")
        await connection.fetchval("select $1::int", *values)

    async def read() -> None:
        async with database.connection(org.id) as connection:
            await ask(connection)

    async def write() -> None:
        async with await org.work() as uow:
            await ask(uow.connection)

    for one in (read, write):
        with pytest.raises(told):
            await one()
    assert not any(connection.is_closed() for connection in held)
