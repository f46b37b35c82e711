"""Why somebody may or may not: the rules of access, asked one by one and told in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from app.db import actors, users
from app.db.actors import grant_of
from app.db.engine import Row
from app.db.nouns import ALWAYS, Noun
from app.db.reads import Reads, must_see
from app.db.registry import NOUNS, OWNED
from app.domain.access import EVERYTHING, Actor, Grant, Scope, Sight, must_read
from app.domain.errors import InvalidInput, NotFound
from app.domain.grants import known_scopes, unknown_noun
from app.kit import clock


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained."""

    noun: str | None = None
    record_id: UUID | None = None
    field: str | None = None
    user_id: UUID | None = None
    scope: str | None = None


@dataclass(slots=True)
class Told:
    """The rulings so far, about one user."""

    actor: Actor
    roles: Mapping[str, Grant]
    named: bool
    """Whether the asker may know what the roles are called."""
    rules: list[dict[str, Any]] = field(default_factory=list)

    def rule(self, rule: str, subject: str, allowed: bool, why: str, roles: Sequence[str] = ()) -> bool:
        """Add a ruling."""
        shown = list(roles) if self.named else []
        self.rules.append({"rule": rule, "subject": subject, "allowed": allowed, "why": why, "roles": shown})
        return allowed

    def each(self, roles: Sequence[str]) -> str:
        """The roles, to begin a sentence with."""
        if not self.named:
            return "A role of this user"
        return f"The role {roles[0]}" if len(roles) == 1 else f"Each of the roles {', '.join(roles)}"


def _scope(noun: Noun, verb: str) -> str:
    return f"{noun.reading.partition(':')[0]}:{verb}"


def sights(actor: Actor) -> dict[str, Sight]:
    """How far the actor sees, of every noun whose records belong to somebody."""
    return {name: actor.grant.sight_of(name) for name in OWNED}


def readable(actor: Actor) -> dict[str, list[str]]:
    """Noun to the fields that the actor may read, for every noun that they have the scope to read."""
    return {
        name: [f for f in noun.known(actor) if noun.shows(actor, f)]
        for name, noun in NOUNS.items()
        if actor.may(Scope(noun.reading))
    }


def writable(actor: Actor) -> dict[str, list[str]]:
    """Noun to the fields that the actor may change, for every noun that they have the scope to change."""
    return {
        name: [f for f, known in noun.known(actor).items() if known.writable and actor.writes(name, f)]
        for name, noun in NOUNS.items()
        if (scope := _scope(noun, "write")) in set(Scope) and actor.may(Scope(scope))
    }


async def explain_access(reads: Reads, asked: Asked) -> dict[str, Any]:
    """Which rule lets or stops whom. The asker sees the record, or hears that there is none. Raises DomainError."""
    noun = _noun(asked)
    if asked.scope is not None:
        known_scopes([asked.scope])
    row = await users.person(reads, asked.user_id)
    own = asked.user_id in {None, reads.actor.user_id}
    if not own:
        reads.actor.needs(Scope.users_read)
        must_read(reads.actor, "user", ("active", "role_ids"))
    if row["id"] is None:
        raise NotFound("user_not_found", "There is no user with this id, or you may not see it.")
    if noun is not None and asked.record_id is not None:
        reads.actor.needs(Scope(noun.reading))
        await must_see(reads, noun, asked.record_id)
    roles = {one["name"]: grant_of(one) for one in row["roles"]}
    named = own or (reads.actor.may(Scope.roles_read) and reads.actor.reads("role", "name"))
    told = Told(await _whom(reads, row, asked), roles, named)
    active = bool(row["active"])
    told.rule(
        "active", "user", active, "The user is active." if active else "The user is not active, or archived."
    )
    scopes = _scopes(told, asked, noun)
    may_read: bool | None = None
    may_write: bool | None = None
    if noun is not None:
        seen = await _seen(reads, told, noun, asked.record_id)
        read, write = _field(told, noun, asked.field) if asked.field else (True, True)
        may_read = active and seen and read and scopes[_scope(noun, "read")]
        may_write = active and seen and write and scopes[_scope(noun, "write")]
    return {
        "user_id": row["id"],
        "kind": told.actor.kind,
        "may_read": may_read,
        "may_write": may_write,
        "rules": told.rules,
    }


def _noun(asked: Asked) -> Noun | None:
    if asked.noun is None:
        if asked.record_id or asked.field or not asked.scope:
            raise InvalidInput(
                "noun_missing",
                "Name a noun, with a record or a field of it if you like, or a scope.",
                field="noun",
            )
        return None
    if asked.noun not in NOUNS:
        raise unknown_noun(asked.noun, NOUNS, "noun")
    return NOUNS[asked.noun]


async def _whom(reads: Reads, row: Row, asked: Asked) -> Actor:
    """The caller as they came, or the named user as if signed in."""
    if asked.user_id is None:
        return reads.actor
    return await actors.load(
        reads.database, reads.actor.org_id, row["id"], now=clock.now(), even_inactive=True
    )


def _scopes(told: Told, asked: Asked, noun: Noun | None) -> dict[str, bool]:
    wanted = [] if noun is None else [_scope(noun, "read"), _scope(noun, "write")]
    if asked.scope and asked.scope not in wanted:
        wanted.append(asked.scope)
    found = {}
    for scope in wanted:
        by = [n for n, grant in told.roles.items() if {scope, EVERYTHING} & grant.scopes]
        if scope not in set(Scope):
            why, allowed = "Nobody changes these records over the API.", False
        elif told.actor.may(Scope(scope)):
            why, allowed = f"{told.each(by)} grants the scope.", True
        elif by:
            why, allowed = f"{told.each(by)} grants the scope, but the API key does not have it.", False
        else:
            why, allowed = "No role of this user grants the scope.", False
        told.rule("scope", scope, allowed, why, by)
        found[scope] = allowed
    return found


async def _seen(reads: Reads, told: Told, noun: Noun, record: UUID | None) -> bool:
    if not noun.owned:
        return told.rule("sight", noun.name, True, f"Whoever may read any {noun.name} sees all of them.")
    sight = told.actor.grant.sight_of(noun.name)
    by = [name for name, grant in told.roles.items() if grant.sight_of(noun.name) == sight]
    if record is None or sight is Sight.ALL:
        whose = {Sight.ALL: "everybody's", Sight.TEAM: "their team's and their own", Sight.OWN: "their own"}
        how = f"Sight {sight}: they see {whose[sight]} records"
        return told.rule("sight", noun.name, True, how + ("." if sight is Sight.ALL else _parents(noun)), by)
    return await _seen_record(reads, told, noun, record, sight, by)


def _parents(noun: Noun) -> str:
    through = " or ".join(one.noun.name for one in noun.through)
    return f", and those of every {through} that they see." if through else "."


async def _seen_record(
    reads: Reads, told: Told, noun: Noun, record: UUID, sight: Sight, by: Sequence[str]
) -> bool:
    row = await must_see(reads, noun, record, ("owner_id", *(one.column for one in noun.through)))
    owners = told.actor.owners(noun.name) or frozenset()
    # What the asker's own role hides from them is not told by way of the reason either.
    shown = reads.actor.reads(noun.name, "owner_id")
    if row["owner_id"] in owners:
        mine = row["owner_id"] == told.actor.user_id
        why = "They own the record." if mine else "Its owner is in their team or in one below."
        return told.rule("sight", noun.name, True, why if shown else "Their sight reaches it.", by)
    for one in noun.through:
        if row[one.column] is not None and await _sees(reads, told.actor, one.noun, row[one.column]):
            why = f"They see the {one.noun.name} that it belongs to."
            open_ = reads.actor.reads(noun.name, one.column)
            return told.rule("sight", noun.name, True, why if open_ else "Their sight reaches it.")
    nobody = row["owner_id"] is None
    reach = "nor in their team or one below" if sight is Sight.TEAM else f"and their sight is {sight}"
    why = "Nobody owns it" if nobody else f"Its owner is not they, {reach}"
    why += ", and they see nothing that it belongs to." if noun.through else "."
    return told.rule("sight", noun.name, False, why if shown else "Their sight does not reach it.")


async def _sees(reads: Reads, actor: Actor, noun: Noun, record: UUID) -> bool:
    async def stay() -> Actor:
        return await actors.load(
            reads.database, actor.org_id, actor.user_id, now=clock.now(), even_inactive=True
        )

    try:
        await must_see(Reads(reads.database, actor, stay), noun, record)
    except NotFound:
        return False
    return True


def _field(told: Told, noun: Noun, name: str) -> tuple[bool, bool]:
    known = noun.known(told.actor).get(name)
    if known is None:
        raise InvalidInput("field_unknown", f"A {noun.name} has no field {name!r}.", field="field")
    by = [n for n, g in told.roles.items() if noun.shows(replace(told.actor, grant=g), name)]
    if name in ALWAYS:
        read = told.rule("read", name, True, "Whoever sees a record sees this field.")
    elif by:
        read = told.rule("read", name, True, f"{told.each(by)} opens it for reading.", by)
    else:
        read = told.rule("read", name, False, "No role of this user opens it for reading.")
    by = [n for n, g in told.roles.items() if g.writes(noun.name, name)]
    if not known.writable:
        write = told.rule(
            "write", name, False, "Nobody writes it: it follows from other fields or from a verb."
        )
    elif by:
        write = told.rule("write", name, True, f"{told.each(by)} opens it for writing.", by)
    else:
        write = told.rule("write", name, False, "No role of this user opens it for writing.")
    return read, write
