"""Tasks that are not to be left in the middle."""

import asyncio
from typing import Any


async def ended(task: asyncio.Future[Any]) -> None:
    """Wait until it has ended, however often whoever waits is cancelled meanwhile, who hears of it then."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as again:
            cancelled = again
    if not task.cancelled():
        task.exception()  # it counts as looked at, for whoever is broken off does not ask for it any more
    if cancelled is not None:
        raise cancelled
