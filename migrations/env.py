"""Run migrations in one transaction, under a lock, as the owner of the tables."""

import asyncio
import importlib
import pkgutil

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine

import app.db
from app.db.base import Base
from app.db.engine import sqlalchemy_url
from app.db.events import XID8

ischema_names["xid8"] = XID8

for module in pkgutil.iter_modules(app.db.__path__):
    importlib.import_module(f"app.db.{module.name}")


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        # Partitions are made by a function and come and go; they are no part of the model.
        include_name=lambda name, kind, _: kind != "table" or name in Base.metadata.tables,
    )
    with context.begin_transaction():
        # Two processes that start at once must not both migrate; the second waits and finds nothing to do.
        connection.execute(text("select pg_advisory_xact_lock(7239842)"))
        context.run_migrations()


async def _main() -> None:
    url = context.config.attributes["url"]
    engine = create_async_engine(sqlalchemy_url(url))
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_main())
