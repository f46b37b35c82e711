"""What keeps the house in order without belonging to any organisation: months to come, and what is over."""

from datetime import datetime, timedelta

from app.db.engine import Database
from app.db.idempotency import KEPT_FOR

MONTHS_AHEAD = 13
LOGINS_KEPT_FOR = timedelta(days=7)
"""Expired logins stay so long, so that a client that comes late is told what happened."""


async def keep_house(database: Database, now: datetime) -> dict[str, int]:
    """Make the partitions of the months ahead and forget old keys and logins; how many of each. Any number may run at once."""
    ahead = (now + timedelta(days=31 * MONTHS_AHEAD)).date()
    async with database.connection() as connection:
        made = {
            f"{table} partitions made": await connection.fetchval(
                "select rapport_partitions($1, $2, $3)", table, now.date(), ahead
            )
            for table in ("events", "interactions")
        }
        keys = await connection.fetchval("select rapport_forget_keys($1)", now - KEPT_FOR)
        logins = await connection.fetchval("select rapport_forget_logins($1)", now - LOGINS_KEPT_FOR)
    return made | {"keys forgotten": keys, "logins forgotten": logins}
