"""Pipelines: added, changed while deals stand in them, archived and restored."""

from collections.abc import Mapping, Set
from typing import Any
from uuid import UUID

from app.db import deals, organisations, pipelines, write
from app.db.calendars import business_time
from app.db.deals import DEALS
from app.db.engine import Row
from app.db.pipelines import PIPELINES
from app.db.uow import UnitOfWork
from app.domain.access import Actor, Scope, must_read, must_write
from app.domain.deals.moves import Asked, Plan, plan_relocate
from app.domain.errors import Forbidden, InvalidInput, RuleBroken
from app.domain.moments import Now
from app.domain.pipelines import definitions
from app.domain.pipelines.changes import compare, plan_change
from app.domain.pipelines.stages import Pipeline
from app.domain.pipelines.templates import TEMPLATES, written
from app.kit.ids import new_id
from app.usecases import plain
from app.usecases.plain import Values

_PARTS = ("name", "stages", "moves")
MOST_GOING = 10_000
"""Deals that one change of a pipeline sends elsewhere."""


async def add_pipeline(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new pipeline; its id. Raises InvalidInput with every fault."""
    made = new_id()
    if values["template"] is not None:
        if given & {"stages", "moves"}:
            raise InvalidInput(
                "template_and_stages", "Name a template or write stages out, not both.", field="template"
            )
        raw = written(
            TEMPLATES[values["template"]], made, chinese=(await organisations.language(uow)).startswith("zh")
        )
    else:
        if values["stages"] is None:
            raise InvalidInput("stages_missing", "A pipeline needs stages, or a template.", field="stages")
        raw = {"id": made, "stages": values["stages"], "moves": values["moves"]}
    raw["name"] = values["name"] or raw.get("name") or ""
    pipeline = await _checked(uow, raw)
    row = plain.new_row(uow, PIPELINES, _row(pipeline), set(_PARTS))
    await write.add(uow, PIPELINES, [row | {"id": made}], "pipeline.added")
    return made


async def change_pipeline(uow: UnitOfWork, id_: UUID, given: Values, *, version: int | None) -> None:
    """Give a pipeline other stages or moves, and send its deals where they are said to go.

    Raises InvalidInput with every fault, RuleBroken for stages in use, and Forbidden for who does not see every deal.
    """
    goes = given.pop("goes", {})
    row = await plain.get_locked(uow, PIPELINES, id_, version, given)
    if row["archived_at"] is not None:
        raise RuleBroken("archived", "This pipeline is archived; restore it before you change it.")
    before = definitions.outline(row)
    after = await _checked(uow, {name: row[name] for name in ("id", *_PARTS)} | given)
    if compare(before, after).left:
        _must_see_all(uow.actor)
    goes = plan_change(before, after, await deals.standing(uow, id_), goes)
    changed = plain.changes_to(uow, PIPELINES, row, _row(after))
    if changed:
        await write.change(uow, PIPELINES, [(row, changed)], "pipeline.changed")
    if goes:
        await _relocate(uow, after, goes)


async def archive_pipeline(uow: UnitOfWork, id_: UUID, *, version: int | None) -> None:
    """Put a pipeline away, in which no deal is opened from then on. Raises RuleBroken while open deals stand in it."""
    row = await plain.get_locked(uow, PIPELINES, id_, version, {})
    if await deals.any_open(uow, id_):
        raise RuleBroken(
            "pipeline_in_use", "Open deals stand in this pipeline; win, lose or archive them first."
        )
    await plain.archive_row(uow, PIPELINES, row)


async def _checked(uow: UnitOfWork, raw: Mapping[str, Any]) -> Pipeline:
    return definitions.read(raw, DEALS.known(uow.actor), set(await pipelines.role_names(uow)))


def _row(pipeline: Pipeline) -> dict[str, Any]:
    return {name: value for name, value in definitions.to_json(pipeline).items() if name != "id"}


def _must_see_all(actor: Actor) -> None:
    """Raise Forbidden for who would be told of deals out of their sight, or move these."""
    if actor.owners(DEALS.name) is not None:
        raise Forbidden(
            "sight_too_narrow",
            "Deals may have to go to other stages, and not all of them may be yours to see.",
        )
    actor.needs(Scope.deals_write)
    actor.needs(Scope.deals_read)
    must_read(actor, DEALS.name, ("stage",))
    must_write(actor, DEALS.name, ("stage",))


async def _relocate(uow: UnitOfWork, after: Pipeline, goes: Mapping[str, str]) -> None:
    found = await deals.in_stages(uow, after.id, sorted(goes), MOST_GOING + 1)
    if len(found) > MOST_GOING:
        raise RuleBroken(
            "stages_too_full",
            f"More than {MOST_GOING:,} deals would go to other stages at once; move or close some of them first.",
        )
    rows = (await write.locked(uow, DEALS, found)).values()
    counted = await business_time(uow)

    def plan(row: Row) -> Plan:
        # A deal may have been moved while this waited for it: it does not go before it came.
        now = Now(max(uow.now, row["entered_at"]), uow.actor.time_zone)
        return plan_relocate(
            row, after, goes[row["stage"]], Asked(uow.actor.user_id, frozenset(), now, counted)
        )

    plans = [(row, plan(row)) for row in rows]
    await write.change(
        uow, DEALS, [(row, {**plan.after, "approvals": None}) for row, plan in plans], "deal.relocated"
    )
    await deals.add_moves(uow, [(row["id"], after.id, plan.entry) for row, plan in plans])
