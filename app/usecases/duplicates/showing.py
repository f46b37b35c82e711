"""Duplicates as they are shown: who may be one person, why, and what would become of them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import duplicates, exports, reads
from app.db.contacts import CONTACTS
from app.db.duplicates import DUPLICATES
from app.db.nouns import ALWAYS
from app.db.reads import Reads
from app.domain.access import Actor, Scope
from app.domain.duplicates import LISTS, SCALARS, Rule, Survivorship, plan_merge, reason, suggested
from app.kit import json

_EMPTY: Mapping[str, Any] = {
    **dict.fromkeys(SCALARS),
    **{name: [] for name in (*LISTS, "consents", "consented")},
    "external_ids": {},
    "custom": {},
}


async def show_duplicate(door: Reads, one: UUID) -> tuple[dict[str, Any], int]:
    """What was found, as far as the reader may see it, and its version. Raises NotFound and Forbidden.

    What is made of hidden fields is left out: neither their values nor whether they agree is told.
    """
    door.actor.needs(Scope.contacts_read)
    row = reads.must_exist(DUPLICATES, await door.row(reads.one(DUPLICATES, one)))
    found = json.loads(row[1])
    pairs = (await reads.must_see(door, DUPLICATES, one, ("pairs",)))["pairs"]
    held = json.loads((await door.row(duplicates.settings))[1])
    people = [UUID(member["member_id"]) for member in found.get("members", ())]
    names = CONTACTS.readable(door.actor)
    contacts = [json.loads(body) for body in await exports.bodies(door, CONTACTS, names, people)]
    if not duplicates.tells_scores(door.actor):
        pairs = sorted(pairs, key=lambda pair: (pair["left"], pair["right"]))  # not the surest first
    told = [_pair(door.actor, pair, held["identifying"]) for pair in pairs]
    how = Survivorship({name: Rule(rule) for name, rule in held["rules"].items()}, held["sources"])
    return {**found, "contacts": contacts, "pairs": told, "suggestion": _suggestion(contacts, how)}, row[2]


def _pair(actor: Actor, pair: Mapping[str, Any], identifying: Sequence[str]) -> dict[str, Any]:
    made_of = duplicates.compared_fields(identifying)
    reasons = [
        reason(compared, level, weight)
        for compared, level, weight in pair["reasons"]
        if made_of[compared] and all(CONTACTS.shows(actor, name) for name in made_of[compared])
    ]
    return {
        "left_id": pair["left"],
        "right_id": pair["right"],
        "score": str(pair["score"]) if duplicates.tells_scores(actor) else None,
        "reasons": reasons,
    }


def _suggestion(contacts: Sequence[Mapping[str, Any]], how: Survivorship) -> dict[str, Any] | None:
    """Who had best survive, and which of its shown fields would have which other value."""
    if len(contacts) < 2:
        return None
    rows = [{**_EMPTY, **one} for one in contacts]
    survivor = suggested(rows)
    after = plan_merge(survivor, [row for row in rows if row is not survivor], how)
    shown = contacts[0].keys() - ALWAYS
    return {
        "survivor_id": survivor["id"],
        "values": {name: value for name, value in after.items() if name in shown},
    }
