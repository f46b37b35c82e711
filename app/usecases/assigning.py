"""Giving records that are nobody's to somebody by the assignment rules, in the transaction that writes them.

Whoever assigns holds the rules of the noun until the end, so turns and quotas are right however many come at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.db import actors
from app.db import assignment_rules as table
from app.db.calendars import of_organisation
from app.db.engine import Row
from app.db.nouns import Noun
from app.db.uow import UnitOfWork
from app.domain import conditions
from app.domain.assignment import (
    RULE,
    Decision,
    Method,
    Otherwise,
    Person,
    Rule,
    decide,
    give,
    territory_of,
)
from app.domain.calendars import is_open, next_opening
from app.domain.errors import DomainError, RuleBroken
from app.domain.fields import Field
from app.domain.moments import Now


async def begin(uow: UnitOfWork, noun: Noun, sent: Iterable[Mapping[str, Any]]) -> None:
    """Hold the rules before any record is locked, when something is sent that may be nobody's."""
    if noun.name in uow.actor.assigns and any(not one.get("owner_id") and not one.get("id") for one in sent):
        await table.in_order(uow, noun, hold=True)


async def assign(uow: UnitOfWork, noun: Noun, rows: Sequence[dict[str, Any]]) -> bool:
    """Give those of the new records an owner that have none; whether any got one. The record also names the rule then."""
    waiting = [row for row in rows if row.get("owner_id") is None] if noun.name in uow.actor.assigns else []
    if not waiting:
        return False
    rules = await standing(uow, noun, hold=True)
    new = {"created_at": uow.now, "updated_at": uow.now}
    decisions = []
    for row in waiting:
        decision = decide(rules, new | row, uow.now)
        if decision.rule and decision.person:
            give(decision)
            row |= {"owner_id": decision.person.id, RULE: decision.rule.id}
            decisions.append(decision)
    await keep(uow, decisions)
    return bool(decisions)


async def keep(uow: UnitOfWork, decisions: Sequence[Decision]) -> None:
    """Keep whose turn it was."""
    used = {one.rule.id: one.rule for one in decisions if one.rule and one.person is not one.rule.fallback}
    if used:
        # Of the rule's people alone: who left it is forgotten.
        turns = {
            id_: {str(one.id): [one.turn, one.given, rule.day] for one in rule.people if one.turn}
            for id_, rule in used.items()
        }
        await table.keep_turns(uow, turns)


async def standing(uow: UnitOfWork, noun: Noun, *, hold: bool) -> list[Rule]:
    """The rules about a noun in their order, as they stand at this moment."""
    rows = await table.in_order(uow, noun, hold=hold)
    if not rows:
        return []
    named = {UUID(one["user_id"]) for row in rows for one in row["people"]}
    named |= {row["fallback_id"] for row in rows if row["fallback_id"]}
    users = await table.people(uow, named, {row["team_id"] for row in rows if row["team_id"]})
    loads: dict[Any, int] = {}
    if any(row["method"] == Method.LEAST_LOADED for row in rows) or not hold:
        loads = await table.loads(uow, noun, {one["id"] for one in users})
    # A form's actor knows no more than the fields that it asks for.
    house = uow.actor
    if house.kind == "form":
        house = await actors.system(uow.database, uow.org_id, held=uow.connection)
    rules = [_rule(uow, noun.known(house), row, users) for row in rows]
    for rule in rules:
        rule.loads = loads
    await _look_at_the_clock(
        uow, [(row, rule) for row, rule in zip(rows, rules, strict=True) if row["in_hours"]]
    )
    return rules


def _rule(uow: UnitOfWork, fields: Mapping[str, Field], row: Row, users: Sequence[Row]) -> Rule:
    known = {one["id"]: one for one in users}
    listed = {UUID(one["user_id"]): one for one in row["people"]}
    behind = [one["id"] for one in users if one["team_id"] == row["team_id"] is not None]
    turns = row["turns"] or {}
    # Of two that come at midnight, the one that began earlier may be later to be counted.
    day = max([_today(uow).isoformat(), *(day for _, _, day in turns.values())])
    people = [
        _person(row, known[id_], listed.get(id_, {}), turns.get(str(id_)), day)
        for id_ in dict.fromkeys([*listed, *behind])
        if id_ in known
    ]
    rule = Rule(row["id"], row["name"], None, people, Method(row["method"]), day=day)
    rule.otherwise = Otherwise(row["otherwise"])
    if row["fallback_id"] is not None:
        rule.fallback = Person(row["fallback_id"], known[row["fallback_id"]]["active"])
    try:
        if row["territory"] is not None:
            rule.territory = territory_of(row["territory"], fields)
        if row["condition"] is not None:
            read = conditions.parse(row["condition"], fields, moving=True)
            rule.condition = conditions.at(read, Now(uow.now, uow.actor.time_zone))
    except DomainError as gone:
        rule.problem = gone.detail  # a custom field that was there once
    return rule


def _person(row: Row, user: Row, said: Mapping[str, Any], had: Sequence[Any] | None, day: str) -> Person:
    turn, given, last = had or (0, 0, "")
    return Person(
        user["id"],
        user["active"],
        user["away_until"],
        frozenset(one.casefold() for one in said.get("values", ())),
        said.get("daily_quota") or row["daily_quota"],
        given if last == day else 0,
        turn,
    )


def _today(uow: UnitOfWork) -> date:
    return uow.now.astimezone(ZoneInfo(uow.actor.time_zone)).date()


async def _look_at_the_clock(uow: UnitOfWork, pairs: Sequence[tuple[Row, Rule]]) -> None:
    named = await table.calendars(uow, {row["calendar_id"] for row, _ in pairs if row["calendar_id"]})
    house = await of_organisation(uow) if any(row["calendar_id"] is None for row, _ in pairs) else None
    for row, rule in pairs:
        calendar = named.get(row["calendar_id"], house)
        assert calendar is not None, "A foreign key keeps the calendars of rules."
        rule.closed = not is_open(calendar, uow.now)
        try:
            rule.opens = next_opening(calendar, uow.now) if rule.closed else None
        except RuleBroken:
            rule.opens = None
