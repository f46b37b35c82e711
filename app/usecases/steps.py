"""Deals by the thousand, each with the stages that it has gone through: by the rules that it would be moved by."""

from collections.abc import Collection, Mapping, Sequence, Set
from datetime import datetime
from itertools import groupby, zip_longest
from typing import Any
from uuid import UUID

from app.db import deals, pipelines, references, write
from app.db.calendars import business_time
from app.db.constraints import unknown_reference
from app.db.deals import DEALS, approvals_of, credit_of, credit_row
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain.access import Actor, hidden, must_read, must_write
from app.domain.deals import moves, steps
from app.domain.deals.moves import Asked, BusinessTime, Entry, Plan, Verb
from app.domain.deals.steps import Known, Step
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.moments import Now
from app.domain.pipelines import definitions
from app.domain.pipelines.stages import Pipeline
from app.usecases import bulk, plain
from app.usecases.bulk import Item
from app.usecases.plain import Happening, Values, Way

_EVENTS = {
    Verb.MOVE: "deal.moved",
    Verb.WIN: "deal.won",
    Verb.LOSE: "deal.lost",
    Verb.REOPEN: "deal.reopened",
}
_TOLD = ("stage", "status", "amount", "currency", "entered_at", "closed_at", "pipeline_id")
"""What the refusal of any move may speak of."""
_MORE = ("pipeline_id", "owner_id", "steps")


async def upsert_deals(uow: UnitOfWork, items: Sequence[Item]) -> None:
    """Open or edit each deal, and take it through its steps; each item has its own outcome."""
    await bulk.upsert(uow, DEALS, items, way=Stepping())


class Stepping(Way):
    """Deals are opened in their first stage, and each further one is an event and an entry of its own."""

    added = "deal.opened"
    counted: BusinessTime

    def __init__(self) -> None:
        self.lines: Mapping[UUID, Row] = {}
        self.pipelines: dict[tuple[UUID, bool], Pipeline] = {}

    async def begin(self, uow: UnitOfWork) -> None:
        """Hold the pipelines, which are to be locked before the deals in them."""
        self.lines = await pipelines.all_held(uow)
        self.counted = await business_time(uow)

    async def look(self, uow: UnitOfWork, records: Collection[UUID]) -> Mapping[UUID, Sequence[Known]]:
        """The stage histories of deals."""
        return await deals.histories(uow, records) if records else {}

    def add(
        self, uow: UnitOfWork, noun: Noun, values: Values, given: Set[str]
    ) -> tuple[Values, Sequence[Happening]]:
        """A new deal in the first of its stages, then on through the others. Raises DomainError."""
        values = dict(values)
        must_write(uow.actor, DEALS.name, {"stage", *({"owner_id"} & given)})
        owner, listed = values.pop("owner_id"), [Step(**step) for step in values.pop("steps")]
        pipeline = self._pipeline(uow.actor, self._named(values["pipeline_id"]), opens=True)
        values["pipeline_id"] = pipeline.id
        steps.check_order(listed)
        first = listed[0] if listed else None
        at = first.at if first else uow.now
        must_have_come(uow, at)
        asked = asked_by(uow, at, first.why if first else None, self.counted)
        if first:
            steps.must_not_be_lost(first)
        stage = first.stage if first else None
        row, entry = opened(uow, values, given - {"steps"}, owner, pipeline, asked, stage=stage)
        further = self._taken(uow, row | {"archived_at": None}, listed[1:], row["probability"])
        return row, [Happening(None, row, {}, entry), *further]

    def apart(self, given: Values) -> tuple[Values, Values]:
        """Its values; and its pipeline, its owner and its steps, which go by rules of their own."""
        more = {name: given[name] for name in (*_MORE, "probability") if given.get(name) is not None}
        return {name: value for name, value in given.items() if name not in _MORE}, more

    def edit(
        self, uow: UnitOfWork, row: Row, after: Values, more: Values, found: Sequence[Known] | None
    ) -> Sequence[Happening]:
        """Handed over, if it is to have another owner, and taken through the steps that are new. Raises DomainError."""
        deal = {**dict(row), **after}
        happening: list[Happening] = []
        if "pipeline_id" in more:
            must_read(uow.actor, DEALS.name, ("pipeline_id",))
            if more["pipeline_id"] != row["pipeline_id"]:
                raise RuleBroken("pipeline_differs", "This deal is in another pipeline, and stays there.")
        if "owner_id" in more:
            must_write(uow.actor, DEALS.name, ("owner_id", "credit"))
            must_read(uow.actor, DEALS.name, ("owner_id", "credit", "closed_at"))
            if more["owner_id"] != row["owner_id"]:
                handed = kept(moves.plan_reassign(known(deal), more["owner_id"]))
                happening.append(Happening("deal.reassigned", deal, handed))
                deal = deal | handed
        if "steps" not in more:
            return happening
        must_write(uow.actor, DEALS.name, ("stage",))
        listed = [Step(**step) for step in more["steps"]]
        self._pipeline(uow.actor, row["pipeline_id"], opens=False)  # or the refusal told what is hidden
        steps.check_order(listed)
        new = steps.not_taken(listed, found or (), row["entered_at"])
        return happening + self._taken(uow, deal, new, more.get("probability"))

    async def write(self, uow: UnitOfWork, changes: Sequence[Happening]) -> None:
        """The changes of each deal one after the other, those of different deals together; and all entries."""
        owners = {one.after.get("owner_id") or one.row["owner_id"] for one in changes if _hands_over(one)}
        await must_be_users(uow, "owner_id", owners - {None})
        by_deal = [list(one) for _, one in groupby(changes, key=lambda one: one.row["id"])]
        for turn in zip_longest(*by_deal):
            by_event: dict[str, list[tuple[Any, Values]]] = {}
            for one in turn:
                if one is not None and one.event:
                    by_event.setdefault(one.event, []).append((one.row, one.after))
            for event, pairs in by_event.items():
                sent = [(row["id"], after) for row, after in pairs]
                resolved = await references.resolve(uow, DEALS, sent)
                both = zip(pairs, resolved, strict=True)
                await write.change(uow, DEALS, [(row, after) for (row, _), after in both], event)
        entries = [(one.row["id"], one.row["pipeline_id"], one.entry) for one in changes if one.entry]
        if entries:
            await deals.add_moves(uow, entries)

    def _named(self, pipeline: UUID | None) -> UUID:
        if pipeline is not None:
            return pipeline
        live = (id_ for id_, line in self.lines.items() if line["archived_at"] is None)
        if (oldest := next(live, None)) is None:
            raise no_pipeline()
        return oldest

    def _pipeline(self, actor: Actor, pipeline: UUID, *, opens: bool) -> Pipeline:
        if (pipeline, opens) not in self.pipelines:
            if pipeline not in self.lines:
                raise unknown_reference("pipeline_id", pipeline)
            line = self.lines[pipeline]
            self.pipelines[pipeline, opens] = (taking if opens else told)(actor, line)
        return self.pipelines[pipeline, opens]

    def _taken(
        self, uow: UnitOfWork, deal: Values, listed: Sequence[Step], probability: Any
    ) -> list[Happening]:
        """The steps from where a deal stands. What is said of its probability is meant of the stage where it ends."""
        taken: list[Happening] = []
        for step in listed:
            must_have_come(uow, step.at)
            pipeline = self._pipeline(uow.actor, deal["pipeline_id"], opens=False)
            verb = steps.verb_to(deal, pipeline, step.stage)
            if verb is Verb.REOPEN:
                self._pipeline(uow.actor, pipeline.id, opens=True)
            asked = asked_by(uow, step.at, step.why, self.counted)
            plan = steps.plan_step(known(deal), pipeline, step, asked)
            after = written(plan, pipeline) | {"approvals": None}
            if probability is not None:
                after["probability"] = probability
            taken.append(Happening(_EVENTS[verb], deal, after, plan.entry))
            deal = deal | after
        return taken


def _hands_over(one: Happening) -> bool:
    """Whether somebody gets a deal by it."""
    return one.event is None or "owner_id" in one.after


def opened(
    uow: UnitOfWork,
    values: Values,
    given: Set[str],
    owner: UUID | None,
    pipeline: Pipeline,
    asked: Asked,
    *,
    stage: str | None,
) -> tuple[Values, Entry]:
    """A whole new deal, not written yet, and the first entry of its history. Raises DomainError."""
    row = {"owner_id": owner} | plain.new_row(uow, DEALS, values, given - {"owner_id"})
    if owner is not None:
        row["owner_id"] = owner
    plan = moves.plan_open(row, pipeline, asked, stage=stage)
    empty = dict.fromkeys(("lost_reason", "lost_to_id", "credit", "approvals"))
    return row | empty | {"opened_at": plan.entry.at} | written(plan, pipeline), plan.entry


def told(actor: Actor, row: Row) -> Pipeline:
    """A stored pipeline. Raises Forbidden unless the actor may read all that an answer about its moves speaks of."""
    pipeline = definitions.stored(row, DEALS.known(actor))
    approved = {"approvals"} if any(stage.approvers for stage in pipeline.stages) else set()
    for name in sorted({*_TOLD, *approved, *pipeline.told()}):
        if not DEALS.shows(actor, name):
            raise hidden(DEALS.name, name)
    return pipeline


def taking(actor: Actor, row: Row) -> Pipeline:
    """The same, of a pipeline that is to take an open deal. Raises RuleBroken for one that is archived."""
    pipeline = told(actor, row)
    if row["archived_at"] is not None:
        raise archived(row)
    return pipeline


async def must_be_users(uow: UnitOfWork, field: str, users: Collection[UUID]) -> None:
    """Raise InvalidInput for who is no user, or one who is archived."""
    if unknown := await deals.unknown_users(uow, list(users)):
        raise unknown_reference(field, unknown[0])


def no_pipeline() -> RuleBroken:
    """The refusal of a deal that no pipeline could take."""
    return RuleBroken("pipeline_missing", "This organisation has no pipeline; add one first.")


def archived(pipeline: Row) -> RuleBroken:
    """The refusal of an open deal that a pipeline does not take."""
    return RuleBroken(
        "pipeline_archived",
        f"The pipeline {pipeline['name']} is archived; restore it before it takes open deals.",
    )


async def asking(
    uow: UnitOfWork, at: datetime | None, why: str | None, *, since: datetime | None = None
) -> Asked:
    """Who asks, and when: a deal that others moved while this waited for them is not moved before they did."""
    if at is None:
        at = max(uow.now, since or uow.now)
    else:
        must_have_come(uow, at)
    return asked_by(uow, at, why, await business_time(uow))


def asked_by(uow: UnitOfWork, at: datetime, why: str | None, counted: BusinessTime) -> Asked:
    """Who asks for something, and when, by the organisation's business time."""
    return Asked(uow.actor.user_id, uow.actor.roles, Now(at, uow.actor.time_zone), counted, why)


def must_have_come(uow: UnitOfWork, at: datetime) -> None:
    """Raise InvalidInput for a moment that is yet to come."""
    if at > uow.now:
        raise InvalidInput("at_in_future", f"{at:%Y-%m-%d %H:%M} UTC has not come yet.", field="at")


def known(row: Row | Mapping[str, Any]) -> dict[str, Any]:
    """A deal as the rules know it."""
    return {**dict(row), "credit": credit_of(row), "approvals": approvals_of(row)}


def kept(after: Mapping[str, Any]) -> dict[str, Any]:
    """What a rule has planned, as it is kept."""
    return dict(after) | ({"credit": credit_row(after["credit"]) or None} if "credit" in after else {})


def written(plan: Plan, pipeline: Pipeline) -> dict[str, Any]:
    """What is written of a deal by a plan, with the kind of its stage."""
    return kept(plan.after) | {"status": pipeline.stage(plan.after["stage"]).kind}
