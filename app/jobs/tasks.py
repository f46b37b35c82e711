"""Reminders of tasks: told by a sweep, each once, since that it was told is kept by the statement that tells it."""

from datetime import datetime
from functools import partial

import structlog

from app.db import tasks
from app.db.engine import Database
from app.jobs.base import step
from app.usecases.tasks import remind

MOST = 500
"""Reminders of one organisation in one sweep; the next comes seconds later."""
_log = structlog.get_logger()


async def remind_due(database: Database, at: datetime) -> int:
    """Tell of every task of which somebody is to be reminded by now; how many. Any number may do so at once."""
    told = 0
    for org_id in await tasks.with_reminders(database, at):
        try:
            told += await step(database, org_id, "reminders", partial(remind, most=MOST))
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is logged, and the other organisations are told
            _log.error("reminders not told", org=str(org_id), exc_info=fault)
    return told
