"""What keeps the house in order without belonging to any organisation: partitions by month, and what is over."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import asyncpg

from app.db.engine import Database
from app.db.idempotency import KEPT_FOR
from app.domain.errors import Busy
from app.domain.forecasts import KEPT_FOR as CHANCES_KEPT_FOR
from app.domain.rfm import KEPT_FOR as SCORES_KEPT_FOR

MONTHS_AHEAD = 13
AT_ONCE = 5_000
"""Rows deleted by one statement: a second's work, where all of a busy day's would outlast the statement's time."""
MANY = 1_000
"""Rows of one month that are worth a partition."""
LOGINS_KEPT_FOR = timedelta(days=7)
"""Expired logins stay so long, so that a client that comes late is told what happened."""
_BY_MONTH = ("events", "interactions")


async def make_months(database: Database, now: datetime) -> dict[str, int]:
    """Make the partitions of the months ahead; how many of each table.

    Any number may run at once. Raises Busy when the tables are too much in use; then it is to be tried again.
    """
    ahead = (now + timedelta(days=31 * MONTHS_AHEAD)).date()
    async with database.connection() as connection:
        with _in_use():
            return {
                table: await connection.fetchval(
                    "select rapport_partitions($1, $2, $3)", table, now.date(), ahead
                )
                for table in _BY_MONTH
            }


async def forget(database: Database, now: datetime, at_once: int = AT_ONCE) -> dict[str, int]:
    """Forget old idempotency keys and logins, files past their time with their rows, old scores and chances, so many in each
    statement; how many.

    Any number may run at once.
    """
    kept_for = {
        "keys": KEPT_FOR,
        "logins": LOGINS_KEPT_FOR,
        "files": timedelta(0),
        "rows": timedelta(0),
        "scores": SCORES_KEPT_FOR,
        "chances": CHANCES_KEPT_FOR,
    }
    forgotten = dict.fromkeys(kept_for, 0)
    async with database.connection() as connection:
        for what, time in kept_for.items():
            while gone := await connection.fetchval(
                f"select rapport_forget_{what}($1, $2)", now - time, at_once
            ):
                forgotten[what] += gone
    return forgotten


async def spread_months(database: Database, least: int = MANY) -> int:
    """Give months far from today, such as those of an import, a partition of their own once they have many rows; how many.

    What is dated so waits in the default partition, which every question has to look through. Raises Busy like make_months.
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
