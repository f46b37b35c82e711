"""What keeps the house in order without belonging to any organisation: months to come, and what is over."""

from datetime import datetime, timedelta

import asyncpg
import structlog

from app.db.engine import Database
from app.db.idempotency import KEPT_FOR

MONTHS_AHEAD = 13
MANY = 1_000
"""Rows of one month that are worth a partition."""
LOGINS_KEPT_FOR = timedelta(days=7)
"""Expired logins stay so long, so that a client that comes late is told what happened."""
_BY_MONTH = ("events", "interactions")
_log = structlog.get_logger()


async def keep_house(database: Database, now: datetime) -> dict[str, int]:
    """Make the partitions of the months ahead and forget old keys and logins; how many of each. Any number may run at once."""
    ahead = (now + timedelta(days=31 * MONTHS_AHEAD)).date()
    async with database.connection() as connection:
        made = {
            f"{table} partitions made": await connection.fetchval(
                "select rapport_partitions($1, $2, $3)", table, now.date(), ahead
            )
            for table in _BY_MONTH
        }
        keys = await connection.fetchval("select rapport_forget_keys($1)", now - KEPT_FOR)
        logins = await connection.fetchval("select rapport_forget_logins($1)", now - LOGINS_KEPT_FOR)
    return made | {"keys forgotten": keys, "logins forgotten": logins}


async def spread_months(database: Database, least: int = MANY) -> int:
    """Give months far from today, such as those of an import, a partition of their own once they have many rows; how many.

    What is dated so waits in the default partition, which every question has to look through.
    """
    made = 0
    async with database.connection() as connection:
        for table in _BY_MONTH:
            try:
                while await connection.fetchval("select rapport_spread($1, $2)", table, least):
                    made += 1
            except asyncpg.LockNotAvailableError:
                _log.info("a month waits for a quieter moment to get its partition", table=table)
    return made
