"""What happens to a deal: opened, moved, won, lost, reopened, handed over, its credit split, its next stage approved."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.db import deals, pipelines, references, write
from app.db.constraints import unknown_reference
from app.db.deals import DEALS, approval_row, approvals_of
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.access import must_read, must_write
from app.domain.deals import moves
from app.domain.deals.moves import Asked, Plan
from app.domain.deals.targets import Target, targets
from app.domain.moments import Now
from app.domain.pipelines.stages import Pipeline, StageKind
from app.usecases import assigning, plain
from app.usecases.plain import Values
from app.usecases.steps import (
    archived,
    asking,
    kept,
    known,
    must_be_users,
    no_pipeline,
    opened,
    taking,
    told,
    written,
)

Decide = Callable[[Mapping[str, Any], Pipeline, Asked], Plan]


async def open_deal(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new deal, in a stage in which deals are opened; its id."""
    values = dict(values)
    stage, at, owner = (values.pop(name) for name in ("stage", "at", "owner_id"))
    must_write(uow.actor, DEALS.name, {"stage", *({"owner_id"} & given)})
    named = values["pipeline_id"] or await pipelines.oldest(uow)
    if named is None:
        raise no_pipeline()
    held = await pipelines.held(uow, named)
    if held is None:
        raise unknown_reference("pipeline_id", named)
    pipeline = taking(uow.actor, held)
    values["pipeline_id"] = pipeline.id
    asked = await asking(uow, at, None)
    row, entry = opened(uow, values, given - {"stage", "at"}, owner, pipeline, asked, stage=stage)
    await assigning.assign(uow, DEALS, [row])
    (row,) = await references.resolve(uow, DEALS, [(row["id"], row)])
    await must_be_users(uow, "owner_id", [row["owner_id"]] if row["owner_id"] else [])
    await write.add(uow, DEALS, [row], "deal.opened")
    await deals.add_moves(uow, [(row["id"], pipeline.id, entry)])
    made: UUID = row["id"]
    return made


async def move_deal(
    uow: UnitOfWork, deal: UUID, to: str, *, version: int | None, at: datetime | None, why: str | None
) -> None:
    """To another open stage."""
    await _go(
        uow,
        deal,
        version,
        "deal.moved",
        at,
        why,
        lambda row, line, asked: moves.plan_move(row, line, to, asked),
    )


async def win_deal(
    uow: UnitOfWork, deal: UUID, to: str | None, *, version: int | None, at: datetime | None, why: str | None
) -> None:
    """Won; from then on the credit no longer follows the owner."""
    await _go(
        uow,
        deal,
        version,
        "deal.won",
        at,
        why,
        lambda row, line, asked: moves.plan_win(row, line, asked, stage=to),
    )


async def lose_deal(
    uow: UnitOfWork,
    deal: UUID,
    to: str | None,
    *,
    reason: str,
    lost_to: UUID | None,
    version: int | None,
    at: datetime | None,
    why: str | None,
) -> None:
    """Lost, for a reason, and to a competitor where one is known to have won it."""

    def plan(row: Mapping[str, Any], line: Pipeline, asked: Asked) -> Plan:
        return moves.plan_lose(row, line, asked, reason=reason, lost_to=lost_to, stage=to)

    await _go(uow, deal, version, "deal.lost", at, why, plan)


async def reopen_deal(
    uow: UnitOfWork, deal: UUID, to: str | None, *, version: int | None, at: datetime | None, why: str | None
) -> None:
    """Back among the open ones."""
    await _go(
        uow,
        deal,
        version,
        "deal.reopened",
        at,
        why,
        lambda row, line, asked: moves.plan_reopen(row, line, asked, to=to),
        again=True,
    )


async def restore_deal(uow: UnitOfWork, deal: UUID, *, version: int | None) -> None:
    """Back in the lists. Raises RuleBroken for an open deal whose pipeline is archived."""
    held = await deals.pipeline_held(uow, deal)
    row = await plain.get_locked(uow, DEALS, deal, version, {})
    if held["archived_at"] and row["archived_at"] and row["status"] == StageKind.OPEN:
        must_read(uow.actor, DEALS.name, ("pipeline_id", "status"))  # the refusal speaks of them
        raise archived(held)
    await plain.restore_row(uow, DEALS, row)


async def reassign_deal(uow: UnitOfWork, deal: UUID, owner: UUID, *, version: int | None) -> None:
    """Somebody else's from now on, with the credit while it is open."""
    must_write(uow.actor, DEALS.name, ("owner_id", "credit"))
    must_read(uow.actor, DEALS.name, ("owner_id", "credit", "closed_at"))
    row = await plain.get_locked(uow, DEALS, deal, version, {"owner_id": owner})
    after = moves.plan_reassign(known(row), owner)
    await must_be_users(uow, "owner_id", [owner])
    (after,) = await references.resolve(uow, DEALS, [(deal, kept(after))])
    await write.change(uow, DEALS, [(row, after)], "deal.reassigned")


async def split_deal(
    uow: UnitOfWork, deal: UUID, shares: Sequence[tuple[UUID, Decimal]], *, version: int | None
) -> None:
    """Credit between owners, which all come to 100 per cent."""
    must_write(uow.actor, DEALS.name, ("credit",))
    must_read(uow.actor, DEALS.name, ("credit",))
    row = await plain.get_locked(uow, DEALS, deal, version, {})
    after = kept(moves.plan_split(known(row), shares))
    await must_be_users(uow, "user_id", [user for user, _ in shares])
    if after["credit"] != row["credit"]:
        await write.change(uow, DEALS, [(row, after)], "deal.split")


async def approve_deal(uow: UnitOfWork, deal: UUID, to: str, *, version: int | None) -> None:
    """Agree that a deal goes to a stage; it holds until the deal goes anywhere, or its amount is another."""
    must_read(uow.actor, DEALS.name, ("approvals",))
    held = await deals.pipeline_held(uow, deal)
    row = await plain.get_locked(uow, DEALS, deal, version, {})
    pipeline = told(uow.actor, held)
    approval = moves.plan_approve(
        known(row), pipeline, to, await asking(uow, None, None, since=row["entered_at"])
    )
    others = [one for one in approvals_of(row) if (one.stage, one.by) != (to, approval.by)]
    approvals = [approval_row(one) for one in (*others, approval)]
    await write.change(uow, DEALS, [(row, {"approvals": approvals})], "deal.approved")


async def targets_of(door: Reads, deal: UUID, now: datetime) -> list[Target]:
    """What may happen to a deal, by the roles that the reader has. Raises NotFound, Forbidden or RuleBroken."""
    row = await deals.known(door, deal)
    line = await pipelines.known(door, row["pipeline_id"])
    pipeline = told(door.actor, line)
    at = max(now, row["entered_at"])
    found = targets(known(row), pipeline, door.actor.roles, Now(at, door.actor.time_zone))
    if line["archived_at"] is None:
        return found
    refusal = archived(line)
    return [
        replace(one, allowed=False, code=refusal.code, reason=refusal.detail, facts={})
        if one.verb is moves.Verb.REOPEN
        else one
        for one in found
    ]


async def _go(
    uow: UnitOfWork,
    deal: UUID,
    version: int | None,
    event: str,
    at: datetime | None,
    why: str | None,
    decide: Decide,
    *,
    again: bool = False,
) -> None:
    must_write(uow.actor, DEALS.name, ("stage",))
    held = await deals.pipeline_held(uow, deal)
    row = await plain.get_locked(uow, DEALS, deal, version, {})
    pipeline = (taking if again else told)(uow.actor, held)
    plan = decide(known(row), pipeline, await asking(uow, at, why, since=row["entered_at"]))
    await write.change(uow, DEALS, [(row, written(plan, pipeline) | {"approvals": None})], event)
    await deals.add_moves(uow, [(deal, pipeline.id, plan.entry)])
