"""What can be done with a deal, and the entry in its stage history that each move makes.

A deal is its record, with custom fields under `custom` as conditions read them. Of its fields, the rules know
pipeline_id, stage, amount, currency, entered_at (its stage), closed_at, closed_from (the stage that it was closed in),
archived_at, owner_id, credit (owner to per cent; none, and all is the owner's) and approvals.

Entering a stage asks for its fields, guards and approval, from wherever a deal comes; leaving one asks for its fields
only on the way on. Refusals come in one order: archived, pipeline, closed, way, fields, guards, amount, approval.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.domain import conditions
from app.domain.deals.amounts import WHOLE, check_credit
from app.domain.errors import Forbidden, InvalidInput, RuleBroken
from app.domain.fields import custom_key
from app.domain.moments import Now
from app.domain.pipelines.stages import WORTH, Pipeline, Stage, StageKind

Deal = Mapping[str, Any]
BusinessTime = Callable[[datetime, datetime], int]
"""Seconds between two moments that are in the organisation's working hours."""
MOST_REASON = 500
"""Characters of why a deal was lost."""


class Verb(StrEnum):
    """What brings a deal to a stage."""

    OPEN = "open"
    MOVE = "move"
    WIN = "win"
    LOSE = "lose"
    REOPEN = "reopen"
    RELOCATE = "relocate"
    """Its stage is gone, and the change of the pipeline said where its deals go."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for something, when and why; nobody for what happens by itself."""

    by: UUID | None
    roles: Set[str]
    now: Now
    business_time: BusinessTime
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """That somebody agreed to a deal's next stage, with the amount that they saw."""

    stage: str
    by: UUID | None
    at: datetime
    amount: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the stage history, with the time in the stage that was left; none for a deal that is new."""

    verb: Verb
    from_stage: str | None
    to_stage: str
    at: datetime
    by: UUID | None
    why: str | None
    seconds: int | None
    business_seconds: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is written of a deal, and into its history."""

    after: Mapping[str, Any]
    entry: Entry


def plan_open(deal: Deal, pipeline: Pipeline, asked: Asked, *, stage: str | None = None) -> Plan:
    """A new deal, of which the fields are given; where nothing is said, in the first stage that deals are opened in."""
    entries = pipeline.entries()
    to = entries[0] if stage is None else pipeline.stage(stage)
    if to not in entries:
        raise _not_allowed("is opened in", to, entries)
    _must_be_filled(deal, to.on_entry, f"The stage {to.name}")
    _must_be_let_in(deal, to, asked)
    after = _standing(to, asked) | {"pipeline_id": pipeline.id, "closed_at": None, "closed_from": None}
    return Plan(after, _entry(Verb.OPEN, None, to.key, asked, since=None))


def plan_move(deal: Deal, pipeline: Pipeline, to: str, asked: Asked) -> Plan:
    """From one open stage to another."""
    start = _open_start(deal, pipeline, asked)
    stage = _of_kind(pipeline, to, StageKind.OPEN)
    _must_go(deal, pipeline, start, stage, asked)
    after = _gone_to(stage, asked)
    return Plan(after, _entry(Verb.MOVE, start.key, stage.key, asked, since=deal["entered_at"]))


def plan_win(deal: Deal, pipeline: Pipeline, asked: Asked, *, stage: str | None = None) -> Plan:
    """Won, in the first won stage unless another is named; from then on the credit no longer follows the owner."""
    plan = _close(Verb.WIN, deal, pipeline, stage, asked)
    owners = {} if deal["owner_id"] is None else {deal["owner_id"]: WHOLE}
    return Plan({**plan.after, "credit": deal.get("credit") or owners}, plan.entry)


def plan_lose(
    deal: Deal,
    pipeline: Pipeline,
    asked: Asked,
    *,
    reason: str,
    lost_to: UUID | None = None,
    stage: str | None = None,
) -> Plan:
    """Lost, in the first lost stage unless another is named; nobody learns from a loss without a reason."""
    words = reason.strip()
    if not words or len(words) > MOST_REASON:
        raise InvalidInput(
            "lost_reason_missing" if not words else "lost_reason_too_long",
            f"Say in 1 to {MOST_REASON} characters why this deal is lost.",
            field="reason",
        )
    told = {"lost_reason": words, "lost_to_id": lost_to}
    plan = _close(Verb.LOSE, {**deal, **told}, pipeline, stage, asked)
    return Plan({**plan.after, **told}, plan.entry)


def plan_reopen(deal: Deal, pipeline: Pipeline, asked: Asked, *, to: str | None = None) -> Plan:
    """Back to the stage that the deal was closed in, where deals may come back there, or to the one that is named."""
    start = _start(deal, pipeline, asked)
    if start.kind is StageKind.OPEN:
        raise RuleBroken("deal_open", f"This deal is open, in the stage {start.name}; move it instead.")
    back = pipeline.following(start)
    if not back:
        raise RuleBroken(
            "pipeline_keeps_closed", f"Closed deals of the pipeline {pipeline.name} stay closed."
        )
    if to is None:
        former = deal.get("closed_from")
        stage = next((one for one in back if one.key == former), back[0])
    else:
        stage = _of_kind(pipeline, to, StageKind.OPEN)
    _must_go(deal, pipeline, start, stage, asked)
    forgotten = dict.fromkeys(("closed_at", "closed_from", "lost_reason", "lost_to_id"))
    after = _gone_to(stage, asked) | forgotten
    return Plan(after, _entry(Verb.REOPEN, start.key, stage.key, asked, since=deal["entered_at"]))


def plan_relocate(deal: Deal, after: Pipeline, to: str, asked: Asked) -> Plan:
    """To where the change of its pipeline sends it; nothing is asked of the deal, which did not ask to go."""
    _must_be_after(deal, asked)
    stage = after.stage(to)
    written = _gone_to(stage, asked)
    if deal.get("closed_from") not in after.by_key():
        written["closed_from"] = None
    return Plan(written, _entry(Verb.RELOCATE, deal["stage"], to, asked, since=deal["entered_at"]))


def plan_reassign(deal: Deal, owner: UUID) -> dict[str, Any]:
    """Another owner, who takes over the credit of the one before as long as the deal is open."""
    _must_not_be_archived(deal)
    former = deal["owner_id"]
    if owner == former:
        raise RuleBroken("owner_unchanged", "This deal is theirs already.")
    credit = dict(deal.get("credit") or {})
    if deal["closed_at"] is not None or former not in credit:
        return {"owner_id": owner}
    credit[owner] = credit.get(owner, Decimal(0)) + credit.pop(former)
    return {"owner_id": owner, "credit": credit}


def plan_split(deal: Deal, shares: Sequence[tuple[UUID, Decimal]]) -> dict[str, Any]:
    """Credit between owners, in per cent; of closed deals, too, since it is often settled afterwards."""
    _must_not_be_archived(deal)
    return {"credit": check_credit(shares)}


def plan_approve(deal: Deal, pipeline: Pipeline, to: str, asked: Asked) -> Approval:
    """Agreement that a deal goes to a stage; it holds until the deal goes anywhere, or its amount is another."""
    start = _start(deal, pipeline, asked)
    stage = pipeline.stage(to)
    if not pipeline.allows(start, stage):
        raise _not_allowed(f"goes from {start.name} to", stage, pipeline.following(start))
    if not stage.approvers:
        raise RuleBroken("approval_not_needed", f"The stage {stage.name} needs no approval.")
    if stage.approvers.isdisjoint(asked.roles):
        raise Forbidden(
            "approval_role_missing", f"The stage {stage.name} is approved by {_listed(stage.approvers)}."
        )
    return Approval(to, asked.by, asked.now.at, deal["amount"], deal["currency"])


def _close(verb: Verb, deal: Deal, pipeline: Pipeline, to: str | None, asked: Asked) -> Plan:
    kind = StageKind.WON if verb is Verb.WIN else StageKind.LOST
    start = _open_start(deal, pipeline, asked)
    stage = pipeline.of_kind(kind)[0] if to is None else _of_kind(pipeline, to, kind)
    _must_go(deal, pipeline, start, stage, asked)
    after = _standing(stage, asked) | {"closed_at": asked.now.at, "closed_from": start.key}
    return Plan(after, _entry(verb, start.key, stage.key, asked, since=deal["entered_at"]))


def _start(deal: Deal, pipeline: Pipeline, asked: Asked) -> Stage:
    _must_not_be_archived(deal)
    if deal["pipeline_id"] != pipeline.id:
        raise RuleBroken("pipeline_differs", f"This deal is not in the pipeline {pipeline.name}.")
    _must_be_after(deal, asked)
    return pipeline.stage(deal["stage"])


def _open_start(deal: Deal, pipeline: Pipeline, asked: Asked) -> Stage:
    start = _start(deal, pipeline, asked)
    if start.kind is not StageKind.OPEN:
        raise RuleBroken(
            "deal_closed", f"This deal is {start.kind}, in the stage {start.name}; reopen it before it moves."
        )
    return start


def _must_not_be_archived(deal: Deal) -> None:
    if deal["archived_at"] is not None:
        raise RuleBroken("archived", "This deal is archived; restore it before you change it.")


def _must_be_after(deal: Deal, asked: Asked) -> None:
    if asked.now.at < deal["entered_at"]:
        raise InvalidInput(
            "before_entered",
            f"This deal came to its stage at {deal['entered_at']:%Y-%m-%d %H:%M} UTC, after that.",
        )


_BY = {StageKind.OPEN: "move or reopen", StageKind.WON: "win", StageKind.LOST: "lose"}


def _of_kind(pipeline: Pipeline, key: str, kind: StageKind) -> Stage:
    stage = pipeline.stage(key)
    if stage.kind is not kind:
        raise RuleBroken(
            "stage_of_another_verb",
            f"The stage {stage.name} is {stage.kind}; {_BY[stage.kind]} the deal instead.",
        )
    return stage


def _must_go(deal: Deal, pipeline: Pipeline, start: Stage, to: Stage, asked: Asked) -> None:
    """Raise RuleBroken for the first reason why a deal cannot go from one stage to another now."""
    if start.key == to.key:
        raise RuleBroken("already_there", f"This deal is in the stage {to.name} already.")
    if not pipeline.allows(start, to):
        raise _not_allowed(f"goes from {start.name} to", to, pipeline.following(start))
    goes_on = start.kind is StageKind.OPEN and to.kind is not StageKind.LOST and pipeline.steps(start, to) > 0
    if goes_on:
        _must_be_filled(deal, start.on_exit, f"Leaving the stage {start.name}")
    _must_be_filled(deal, to.on_entry, f"The stage {to.name}")
    _must_be_let_in(deal, to, asked)


def _not_allowed(comes: str, to: Stage, instead: Iterable[Stage]) -> RuleBroken:
    stages = list(instead)
    hint = f"it can be {_listed([stage.name for stage in stages])}" if stages else "there is no way at all"
    return RuleBroken(
        "stage_not_allowed",
        f"No deal {comes} the stage {to.name}; {hint}.",
        allowed=[stage.key for stage in stages],
    )


def _must_be_filled(deal: Deal, names: Iterable[str], what: str) -> None:
    missing = [name for name in names if _is_missing(deal, name)]
    if missing:
        raise RuleBroken(
            "fields_missing",
            f"{what} needs {' and '.join(missing)}; fill in what is missing.",
            fields=missing,
        )


def _is_missing(deal: Deal, name: str) -> bool:
    key = custom_key(name)
    value = deal.get(name) if key is None else (deal.get("custom") or {}).get(key)
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], (), {})


def _must_be_let_in(deal: Deal, to: Stage, asked: Asked) -> None:
    for guard in to.guards:
        if not conditions.matches(conditions.at(guard.condition, asked.now), deal):
            raise RuleBroken("guard_refused", guard.reason)
    if to.kind is StageKind.WON and deal.get(WORTH) is None:
        raise RuleBroken(
            "amount_missing", "A deal is won with its amount; state it, or what is sold.", fields=[WORTH]
        )
    if to.approvers and to.approvers.isdisjoint(asked.roles) and not _is_approved(deal, to):
        raise RuleBroken(
            "approval_needed",
            f"The stage {to.name} needs approval by {_listed(to.approvers)}.",
            roles=sorted(to.approvers),
        )


def _is_approved(deal: Deal, to: Stage) -> bool:
    return any(
        one.stage == to.key
        and one.at >= deal["entered_at"]
        and (one.amount, one.currency) == (deal["amount"], deal["currency"])
        for one in deal.get("approvals") or ()
    )


def _listed(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))


def _standing(stage: Stage, asked: Asked) -> dict[str, Any]:
    return {"stage": stage.key, "entered_at": asked.now.at}


def _gone_to(stage: Stage, asked: Asked) -> dict[str, Any]:
    """Without a probability of its own, which was about the stage before."""
    return _standing(stage, asked) | {"probability": None}


def _entry(verb: Verb, start: str | None, to: str, asked: Asked, *, since: datetime | None) -> Entry:
    at = asked.now.at
    return Entry(
        verb,
        start,
        to,
        at,
        asked.by,
        asked.why,
        None if since is None else int((at - since).total_seconds()),
        None if since is None else asked.business_time(since, at),
    )
