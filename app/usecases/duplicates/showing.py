"""Duplicates as they are shown: what may be one, why, and what would become of it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import duplicates, linkage, reads
from app.db.duplicates import DUPLICATES
from app.db.nouns import ALWAYS, Noun
from app.db.reads import Reads
from app.domain.access import Actor
from app.domain.duplicates import Fields, Rule, Survivorship, plan_merge, reason, suggested
from app.kit import json
from app.usecases.duplicates.merging import FIELDS


def _empty(fields: Fields) -> dict[str, Any]:
    lists = (*fields.lists, *(("consents", "consented") if fields.consents else ()))
    return {**dict.fromkeys(fields.scalars), **{name: [] for name in lists}, "external_ids": {}, "custom": {}}


async def show_duplicate(door: Reads, one: UUID) -> tuple[dict[str, Any], int]:
    """What was found, as far as the reader may see it, and its version. Raises NotFound.

    What is made of hidden fields is left out: neither their values nor whether they agree is told.
    """
    row = reads.must_exist(DUPLICATES, await door.row(reads.one(DUPLICATES, one)))
    found = json.loads(row[1])
    kept = await reads.must_see(door, DUPLICATES, one, ("noun", "pairs"))
    noun, pairs = duplicates.OF[kept["noun"]], kept["pairs"]
    held = json.loads((await door.row(lambda actor: linkage.settings(actor, noun.name)))[1])
    people = [UUID(member["member_id"]) for member in found.get("members", ())]
    names = noun.readable(door.actor)
    records = [json.loads(body) for body in await reads.bodies(door, noun, names, people)]
    if not duplicates.tells_scores(door.actor, noun):
        pairs = sorted(pairs, key=lambda pair: (pair["left"], pair["right"]))  # not the surest first
    told = [_pair(door.actor, noun, pair, held["identifying"]) for pair in pairs]
    how = Survivorship({name: Rule(rule) for name, rule in held["rules"].items()}, held["sources"])
    shown = {one.plural: records if one is noun else [] for one in duplicates.OF.values()}
    suggestion = _suggestion(records, FIELDS[noun.name], how)
    return {**found, **shown, "pairs": told, "suggestion": suggestion}, row[2]


def _pair(actor: Actor, noun: Noun, pair: Mapping[str, Any], identifying: Sequence[str]) -> dict[str, Any]:
    made_of = duplicates.compared_fields(noun, identifying)
    reasons = [
        reason(noun.name, compared, level, weight)
        for compared, level, weight in pair["reasons"]
        if made_of[compared] and all(noun.shows(actor, name) for name in made_of[compared])
    ]
    return {
        "left_id": pair["left"],
        "right_id": pair["right"],
        "score": str(pair["score"]) if duplicates.tells_scores(actor, noun) else None,
        "reasons": reasons,
    }


def _suggestion(
    records: Sequence[Mapping[str, Any]], fields: Fields, how: Survivorship
) -> dict[str, Any] | None:
    """Who had best survive, and which of its shown fields would have which other value."""
    if len(records) < 2:
        return None
    rows = [{**_empty(fields), **one} for one in records]
    survivor = suggested(rows, fields)
    after = plan_merge(survivor, [row for row in rows if row is not survivor], how, fields)
    shown = records[0].keys() - ALWAYS
    return {
        "survivor_id": survivor["id"],
        "values": {name: value for name, value in after.items() if name in shown},
    }
