"""What keeps the house in order without belonging to any organisation: partitions by month, and what is over."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import asyncpg

from app.db.engine import Database
from app.db.idempotency import KEPT_FOR
from app.domain.errors import Busy

MONTHS_AHEAD = 13
MANY = 1_000
"""Rows of one month that are worth a partition."""
LOGINS_KEPT_FOR = timedelta(days=7)
"""Expired logins stay so long, so that a client that comes late is told what happened."""
_BY_MONTH = ("events", "interactions")


async def keep_house(database: Database, now: datetime) -> dict[str, int]:
    """Make the partitions of the months ahead and forget old keys and logins; how many of each.

    Any number may run at once. Raises Busy when the tables are too much in use; then it is to be tried again.
    """
    ahead = (now + timedelta(days=31 * MONTHS_AHEAD)).date()
    async with database.connection() as connection:
        keys = await connection.fetchval("select rapport_forget_keys($1)", now - KEPT_FOR)
        logins = await connection.fetchval("select rapport_forget_logins($1)", now - LOGINS_KEPT_FOR)
        with _in_use():
            made = {
                f"{table} partitions made": await connection.fetchval(
                    "select rapport_partitions($1, $2, $3)", table, now.date(), ahead
                )
                for table in _BY_MONTH
            }
    return made | {"keys forgotten": keys, "logins forgotten": logins}


async def spread_months(database: Database, least: int = MANY) -> int:
    """Give months far from today, such as those of an import, a partition of their own once they have many rows; how many.

    What is dated so waits in the default partition, which every question has to look through. Raises Busy like keep_house.
    """
    made = 0
    async with database.connection() as connection:
        with _in_use():
            for table in _BY_MONTH:
                while await connection.fetchval("select rapport_spread($1, $2)", table, least):
                    made += 1
    return made


@contextlib.contextmanager
def _in_use() -> Iterator[None]:
    try:
        yield
    except asyncpg.LockNotAvailableError:
        raise Busy(
            "try_again", "The tables by month are in use; a partition is made at a quieter moment."
        ) from None
