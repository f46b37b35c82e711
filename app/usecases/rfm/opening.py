"""Asking for an RFM run."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.db import rfm, runs
from app.db.uow import UnitOfWork
from app.domain.errors import RuleBroken
from app.domain.rfm import MEASURES, Returns, check_as_of, check_edges

SCORE = "rfm.score"
MOST_WAITING = 5
"""Runs that one organisation may have under way; each reads every order."""
Edges = Mapping[str, Sequence[Decimal | int] | None]


async def start_rfm_run(
    uow: UnitOfWork,
    *,
    as_of: datetime | None = None,
    returns: Returns = Returns.NET,
    window_days: int | None = None,
    bins: Edges | None = None,
) -> UUID:
    """Have every customer scored as of a moment; the id of the run that does it. Raises InvalidInput or RuleBroken."""
    moment = as_of or uow.now
    check_as_of(moment, now=uow.now)
    own = {measure: edges for measure in MEASURES if (edges := (bins or {}).get(measure)) is not None}
    check_edges(own)
    if len(await runs.alone(uow, SCORE)) >= MOST_WAITING:
        raise RuleBroken(
            "runs_under_way",
            f"{MOST_WAITING} RFM runs are under way; start another when one of them has ended.",
        )
    asked = {"as_of": moment, "returns": returns, "window_days": window_days, "bins": own or None}
    run = await runs.start(uow, SCORE, asked)
    await rfm.add_run(uow, run, as_of=moment, returns=returns, window_days=window_days, bins=own or None)
    return run


async def score_night(uow: UnitOfWork, midnight: datetime) -> None:
    """Have every customer scored by the usual rules as of the beginning of the day, where there are any."""
    if await rfm.anybody_bought(uow, midnight):
        await start_rfm_run(uow, as_of=midnight)
