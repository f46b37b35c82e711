"""Bring a database up to the present schema."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.db.engine import Database
from app.settings import settings

SCRIPTS = Path(__file__).parents[2] / "migrations"


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
