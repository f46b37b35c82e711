"""The work on an RFM run: score, drop whoever was archived meanwhile, find clusters, publish; a batch each.

Scores come to be in one statement. What others do to contacts meanwhile is looked at when the next batch begins.
Whoever follows the log, of whichever tenant, waits for the oldest transaction that has written something; so what takes
long comes before the first word that is written.
"""

import asyncio
from typing import Any
from uuid import UUID

import numpy as np

from app.analytics import clusters
from app.analytics import rfm as findings
from app.analytics.clusters import Floats, Model
from app.db import actors, rfm, scored
from app.db.engine import Row
from app.db.exports import Held
from app.db.uow import UnitOfWork
from app.domain.access import Actor
from app.domain.runs import Progress

STEPS = 4
CHUNK = 100_000
"""Contacts that are put to their clusters at once."""


async def score_batch(uow: UnitOfWork, run: Row) -> Progress:
    """The next step of a run. Neither progress nor result tell how many customers there are, which not all may know."""
    here = run["checkpoint"] or {"step": 0}
    one = await rfm.of_run(uow, run["id"])
    await rfm.prepare(uow)
    match here["step"]:
        case 0:
            onward = await _score(uow, one)
        case 1:
            await _tidy(uow, one["id"])
            onward = here
        case 2:
            onward = here | await _cluster(uow, one["id"])
        case _:
            await _publish(uow, one, here)
            return Progress(here, STEPS, finished=True, result={"rfm_run_id": run["id"]})
    done = here["step"] + 1
    return Progress(onward | {"step": done}, done, total=STEPS)


async def _score(uow: UnitOfWork, one: Row) -> dict[str, Any]:
    left_out = await rfm.left_out(uow, one)
    sums = await rfm.score(uow, one)
    window = {name: sums[name] for name in ("sales", "first_at", "last_at")}
    return {"window": window | {"left_out": left_out}}


async def _tidy(uow: UnitOfWork, run: UUID) -> None:
    await rfm.count_scores(uow)
    await rfm.drop_archived(uow, run)


async def _cluster(uow: UnitOfWork, run: UUID) -> dict[str, Any]:
    sample = _columns(await rfm.sample(uow, run, clusters.FITTED))
    model = await uow.aside(lambda: clusters.fit(sample))
    if model is not None:
        await _assign(uow, run, model)
    return {"clusters": None if model is None else clusters.told(model)}


async def _assign(uow: UnitOfWork, run: UUID, model: Model) -> None:
    after: UUID | None = None
    while (row := await rfm.next_columns(uow, run, after, CHUNK))["ids"]:
        chunk, last = _columns(row), UUID(bytes=row["ids"][-16:])
        numbers = await asyncio.to_thread(clusters.assign, model, chunk)
        await rfm.assign(uow, run, after, last, numbers.tobytes())
        after = last


async def _publish(uow: UnitOfWork, one: Row, here: dict[str, Any]) -> None:
    async def reload() -> Actor:
        return await actors.system(uow.database, uow.org_id, held=uow.connection)

    door, run = Held(uow, uow.actor, reload), one["id"]
    previous = await rfm.find_previous(uow, one)
    found = findings.overview(await scored.cells(door, run)) | {"window": here["window"]}
    found["movement"] = (
        None if previous is None else findings.movement(await scored.movement(door, previous, run))
    )
    told = here["clusters"]
    if told is not None:
        told = told | {"profiles": findings.profiles(await scored.clusters(door, run))}
    await rfm.finish(uow, run, findings=found, clusters=told, previous=previous)


def _columns(row: Row) -> Floats:
    """The packed numbers of customers, a row each with the columns of clusters.MEASURES."""
    names = ("recency", "frequency", "monetary", "tenure")
    return np.column_stack([np.frombuffer(row[name], dtype=">f8") for name in names]).astype(np.float64)
