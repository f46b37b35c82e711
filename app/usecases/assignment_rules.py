"""Assignment rules as they are written, asked, and asked again for a record that is there."""

from collections.abc import Mapping, Sequence, Set
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from app.db import deals, reads, related, sight, write
from app.db.assignment_rules import ASSIGNMENT_RULES
from app.db.companies import COMPANIES
from app.db.constraints import unknown_reference
from app.db.contacts import CONTACTS
from app.db.deals import DEALS
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.db.users import USERS
from app.domain import conditions
from app.domain.access import Scope, must_read, must_write
from app.domain.assignment import (
    RULE,
    About,
    Candidate,
    Decision,
    Look,
    Rule,
    Why,
    decide,
    give,
    territory_of,
)
from app.domain.deals import moves
from app.domain.errors import InvalidInput, RuleBroken
from app.schemas.base import Shape
from app.schemas.companies import CompanyAdd
from app.schemas.contacts import ContactAdd
from app.schemas.deals import DealAdd
from app.schemas.problems import invalid
from app.usecases import assigning, plain
from app.usecases.plain import Change, Values, Way
from app.usecases.steps import Stepping, kept, known

NOUNS: Mapping[str, Noun] = {noun.name: noun for noun in (CONTACTS, COMPANIES, DEALS)}
_SHAPES: Mapping[About, type[Shape]] = {
    About.CONTACT: ContactAdd,
    About.COMPANY: CompanyAdd,
    About.DEAL: DealAdd,
}
_TOLD = (
    *("name", "position", "condition", "people", "team_id", "daily_quota", "territory", "in_hours"),
    *("otherwise", "fallback_id"),
)
"""What an explanation tells of the rules, in so many words or by what came of them."""


async def _judge(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    """People are people, and conditions and territories look at fields that the writer may read."""
    for row, new in changes:
        rule = {**(row or {}), **new}
        noun = NOUNS[rule["noun"]]
        fields = related.askable(noun, uow.actor)
        if rule["condition"] is not None and "condition" in new:
            condition = conditions.parse(rule["condition"], fields, moving=True)
            reads.checked(uow.actor, noun, conditions.fields_of(condition))
        if rule["territory"] is not None and "territory" in new:
            reads.checked(uow.actor, noun, frozenset({territory_of(rule["territory"], fields).name}))
        if "people" in new:
            named = [UUID(one["user_id"]) for one in rule["people"]]
            if unknown := await deals.unknown_users(uow, named):
                raise unknown_reference("people", unknown[0])


async def add_assignment_rule(uow: UnitOfWork, values: Values, given: Set[str]) -> UUID:
    """A new rule; its id."""
    return await plain.add(uow, ASSIGNMENT_RULES, values, given, judge=_judge)


async def edit_assignment_rule(uow: UnitOfWork, rule: UUID, given: Values, *, version: int | None) -> None:
    """Give a rule new values."""
    await plain.edit(uow, ASSIGNMENT_RULES, rule, given, version=version, judge=_judge)


async def assign_record(uow: UnitOfWork, noun: Noun, record: UUID, *, version: int | None) -> None:
    """Ask the rules for a record, whoever has it now. Raises RuleBroken when they find nobody."""
    names = ("owner_id", "credit") if noun is DEALS else ("owner_id",)
    must_write(uow.actor, noun.name, names)
    must_read(uow.actor, noun.name, (*names, "closed_at") if noun is DEALS else names)
    rules = await assigning.standing(uow, noun, hold=True)
    row = await plain.get_locked(uow, noun, record, version, {})
    if row["archived_at"] is not None:
        raise RuleBroken("archived", f"This {noun.name} is archived; restore it before you change it.")
    decision = decide(rules, dict(row), uow.now)
    if decision.rule is None or decision.person is None:
        raise RuleBroken(
            "nobody_to_assign",
            f"No active assignment rule finds somebody for this {noun.name} now; ask"
            " /v1/assignment_rules/explain why.",
        )
    owner = decision.person.id
    if owner == row["owner_id"]:
        return
    give(decision)
    after = kept(moves.plan_reassign(known(row), owner)) if noun is DEALS else {"owner_id": owner}
    before: Any = {**dict(row), RULE: None}
    event = "deal.reassigned" if noun is DEALS else f"{noun.name}.assigned"
    await write.change(uow, noun, [(before, after | {RULE: decision.rule.id})], event)
    await assigning.keep(uow, [decision])


async def preview_assignment(
    uow: UnitOfWork, about: About, record: UUID | None, raw: dict[str, Any] | None
) -> dict[str, Any]:
    """Who would get a record now, and what every rule found of it. Nothing is written.

    Raises NotFound for a record that is not seen, and Forbidden where what is told, or looked at, is hidden.
    """
    noun = NOUNS[about]
    for told in (noun, USERS):
        uow.actor.needs(Scope(told.reading))
    must_read(uow.actor, noun.name, ("owner_id",))
    must_read(uow.actor, ASSIGNMENT_RULES.name, _TOLD)
    must_read(uow.actor, USERS.name, ("active", "team_id", "away_until"))
    if (record is None) is (raw is None):
        raise InvalidInput("record_or_id", "Send either the id of a record or a record.", field="record")
    rules = await assigning.standing(uow, noun, hold=False)
    for rule in rules:
        tested = conditions.fields_of(rule.condition) if rule.condition else frozenset[str]()
        reads.checked(uow.actor, noun, tested | ({rule.territory.name} if rule.territory else set()))
    if record is not None:
        row = dict(await plain.get_locked(uow, noun, record, None, {}))
    else:
        row = {"created_at": uow.now, "updated_at": uow.now, **await _would_be(uow, noun, about, raw)}
    return _told(uow, noun, decide(rules, row, uow.now))


async def _would_be(uow: UnitOfWork, noun: Noun, about: About, raw: Any) -> Values:
    try:
        shape = _SHAPES[about].model_validate(raw)
    except ValidationError as fault:
        raise invalid(fault) from None
    way = Stepping() if noun is DEALS else Way()
    await way.begin(uow)
    row, _ = way.add(uow, noun, shape.model_dump(), shape.model_fields_set)
    return row


def _told(uow: UnitOfWork, noun: Noun, decision: Decision) -> dict[str, Any]:
    rule, person = decision.rule, decision.person
    whole = sight.sees_all(uow.actor, noun)
    return {
        "rule_id": rule and rule.id,
        "owner_id": person and person.id,
        "fallback": rule is not None and person is rule.fallback,
        "looks": [_look_told(look, whole=whole) for look in decision.looks],
    }


def _look_told(look: Look, *, whole: bool) -> dict[str, Any]:
    return {
        "id": look.rule.id,
        "name": look.rule.name,
        "matched": look.matched,
        "failed": [conditions.to_json(part) for part in look.failed],
        "problem": look.rule.problem,
        "candidates": [_candidate_told(look.rule, one, whole=whole) for one in look.candidates],
    }


def _candidate_told(rule: Rule, one: Candidate, *, whole: bool) -> dict[str, Any]:
    until = {Why.AWAY: one.person.away_until, Why.CLOSED: rule.opens}
    return {
        "user_id": one.person.id,
        "why": one.why,
        "until": until.get(one.why) if one.why else None,
        "given": one.given,
        "daily_quota": one.person.quota,
        "load": one.load if whole else None,
    }
