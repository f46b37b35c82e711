"""Bring a database up to the present schema."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.db.engine import Database
from app.settings import settings

SCRIPTS = Path(__file__).parents[2] / "migrations"
FOREIGN = "xid >= pg_snapshot_xmax(pg_current_snapshot())"
"""Events of transactions that this server has not reached: they were restored from another one's backup."""


def config(database_url: str) -> Config:
    """Alembic's configuration without a file."""
    made = Config()
    made.set_main_option("script_location", str(SCRIPTS))
    made.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d_%%(slug)s")
    made.attributes["url"] = database_url
    made.attributes["app_role"] = settings().app_role
    return made


def migrate(database_url: str) -> None:
    """Upgrade to the newest revision; does nothing when it is there already."""
    command.upgrade(config(database_url), "head")


def settle(database_url: str) -> int:
    """Put the events that were restored from another server before all of this one's; how many there were.

    The log is read in the order of transactions, which begin at 3 in a new cluster: what is written there would
    otherwise come before what was restored, and a reader that has read that would miss it.
    """

    async def ask() -> int:
        database = Database(database_url, role=None, size=1)
        try:
            async with database.connection() as connection:
                await connection.execute("set statement_timeout = 0")
                # Sequences are restored too: what was written here since has higher numbers, and stays where it is.
                done: str = await connection.execute(
                    "update events set xid = '3' where xid <> '3'"
                    f" and seq <= (select max(seq) from events where {FOREIGN})"
                )
                # Where they stood in the log means nothing any more.
                await connection.execute("update segment_cursors set xid = 0")
                return int(done.rsplit(maxsplit=1)[-1])
        finally:
            await database.close()

    return asyncio.run(ask())


def head() -> str | None:
    """The newest revision."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head()


async def revision(database: Database) -> str | None:
    """The database's revision, or None before the first migration."""
    async with database.connection() as connection:
        if await connection.fetchval("select to_regclass('alembic_version')") is None:
            return None
        found: str | None = await connection.fetchval("select version_num from alembic_version")
        return found


def pending(database_url: str) -> list[str]:
    """The revisions that the database has not seen."""

    async def ask() -> str | None:
        database = Database(database_url, role=None, size=1)
        try:
            return await revision(database)
        finally:
            await database.close()

    scripts = ScriptDirectory(str(SCRIPTS))
    return [script.revision for script in scripts.iterate_revisions("head", asyncio.run(ask()) or "base")]
