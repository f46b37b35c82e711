"""Who may do what: scopes open routes, sight opens records, field lists open columns."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.errors import Forbidden
from app.domain.fields import Field

EVERYTHING = "*"


class Scope(StrEnum):
    """What a route asks of its caller."""

    contacts_read = "contacts:read"
    contacts_write = "contacts:write"
    companies_read = "companies:read"
    companies_write = "companies:write"
    products_read = "products:read"
    products_write = "products:write"
    orders_read = "orders:read"
    orders_write = "orders:write"
    deals_read = "deals:read"
    deals_write = "deals:write"
    pipelines_read = "pipelines:read"
    pipelines_write = "pipelines:write"
    quotas_read = "quotas:read"
    quotas_write = "quotas:write"
    assignment_rules_read = "assignment_rules:read"
    assignment_rules_write = "assignment_rules:write"
    competitors_read = "competitors:read"
    competitors_write = "competitors:write"
    tasks_read = "tasks:read"
    tasks_write = "tasks:write"
    competitor_prices_read = "competitor_prices:read"
    competitor_prices_write = "competitor_prices:write"
    observations_read = "observations:read"
    observations_write = "observations:write"
    costs_read = "costs:read"
    costs_write = "costs:write"
    interactions_read = "interactions:read"
    interactions_write = "interactions:write"
    tags_read = "tags:read"
    tags_write = "tags:write"
    segments_read = "segments:read"
    segments_write = "segments:write"
    custom_fields_read = "custom_fields:read"
    custom_fields_write = "custom_fields:write"
    exchange_rates_read = "exchange_rates:read"
    exchange_rates_write = "exchange_rates:write"
    calendars_read = "calendars:read"
    calendars_write = "calendars:write"
    settings_read = "settings:read"
    settings_write = "settings:write"
    users_read = "users:read"
    users_write = "users:write"
    roles_read = "roles:read"
    roles_write = "roles:write"
    api_keys_read = "api_keys:read"
    api_keys_write = "api_keys:write"
    imports_read = "imports:read"
    imports_write = "imports:write"
    exports_read = "exports:read"
    exports_write = "exports:write"
    analytics_read = "analytics:read"
    analytics_write = "analytics:write"
    forms_read = "forms:read"
    forms_write = "forms:write"
    duplicates_read = "duplicates:read"
    duplicates_write = "duplicates:write"
    merges_read = "merges:read"
    merges_write = "merges:write"
    events_read = "events:read"
    runs_read = "runs:read"
    runs_write = "runs:write"
    privacy_write = "privacy:write"


class Sight(StrEnum):
    """Whose records a role sees: its holder's own, its team's and the teams' below, or all."""

    OWN = "own"
    TEAM = "team"
    ALL = "all"


WIDTH = {Sight.OWN: 0, Sight.TEAM: 1, Sight.ALL: 2}
"""The wider sight has the higher number."""

Fields = Mapping[str, frozenset[str]]
"""Noun to the names of its open fields; "*" is every field or every noun, an absent noun opens none."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role, or several merged, opens."""

    scopes: frozenset[str] = frozenset()
    sight: Mapping[str, Sight] = field(default_factory=dict)
    read: Fields = field(default_factory=dict)
    write: Fields = field(default_factory=dict)

    def sight_of(self, noun: str) -> Sight:
        """How far the records of a noun are seen: the wider of what is said of it and of every noun."""
        return max(
            self.sight.get(noun, Sight.OWN), self.sight.get(EVERYTHING, Sight.OWN), key=WIDTH.__getitem__
        )

    def reads(self, noun: str, name: str) -> bool:
        """Whether the field is open for reading."""
        return _opens(self.read, noun, name)

    def writes(self, noun: str, name: str) -> bool:
        """Whether the field is open for writing."""
        return _opens(self.write, noun, name)


def whole() -> Grant:
    """Everything, of every noun: the "*" noun stands for those not named."""
    everything = frozenset({EVERYTHING})
    return Grant(everything, {EVERYTHING: Sight.ALL}, {EVERYTHING: everything}, {EVERYTHING: everything})


def merge(grants: Iterable[Grant]) -> Grant:
    """A person with several roles has the widest of each."""
    scopes: set[str] = set()
    sight: dict[str, Sight] = {}
    read: dict[str, frozenset[str]] = {}
    write: dict[str, frozenset[str]] = {}
    for grant in grants:
        scopes |= grant.scopes
        for noun, seen in grant.sight.items():
            sight[noun] = max(sight.get(noun, seen), seen, key=WIDTH.__getitem__)
        for noun, names in grant.read.items():
            read[noun] = read.get(noun, frozenset()) | names
        for noun, names in grant.write.items():
            write[noun] = write.get(noun, frozenset()) | names
    return Grant(frozenset(scopes), sight, read, write)


def _opens(fields: Fields, noun: str, name: str) -> bool:
    names = fields.get(noun, frozenset())
    return name in names or EVERYTHING in names or EVERYTHING in fields.get(EVERYTHING, frozenset())


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, what they may, and the region of their organisation, as of one access stamp."""

    org_id: UUID
    id: UUID
    kind: str
    """user, api_key, system or form."""
    name: str
    grant: Grant
    stamp: int
    """The organisation's access stamp when this was loaded; any change of access moves it."""
    user_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    """The names of the roles that the user has."""
    login_id: UUID | None = None
    """The sign-in that the caller came by; an API key has none."""
    team: frozenset[UUID] = frozenset()
    """The users of the actor's team and of the teams below it, the actor included."""
    custom: Mapping[str, Mapping[str, Field]] = field(default_factory=dict)
    """Noun to key to definition of the custom fields in use."""
    assigns: frozenset[str] = frozenset()
    """Nouns of which rules give to somebody what would be nobody's."""
    region: str = "CN"
    time_zone: str = "UTC"
    """The organisation's, in which days are counted."""
    expires_at: datetime | None = None
    readable: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Noun to the fields open to this actor, remembered for as long as the actor is."""
    writable: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)
    """The same of the fields that the actor may change."""

    def needs(self, scope: Scope) -> None:
        """Raise Forbidden when the scope is not among those granted."""
        if not self.may(scope):
            raise Forbidden(
                "scope_missing",
                f"This needs the scope {scope}, which your role or key does not have.",
                scope=scope,
            )

    def may(self, scope: Scope) -> bool:
        """Whether the scope is granted."""
        return EVERYTHING in self.grant.scopes or scope in self.grant.scopes

    def reads(self, noun: str, name: str) -> bool:
        """Whether the field is open for reading."""
        return self.grant.reads(noun, name)

    def writes(self, noun: str, name: str) -> bool:
        """Whether the field is open for writing."""
        return self.grant.writes(noun, name)

    def owners(self, noun: str) -> frozenset[UUID] | None:
        """The owners whose records are seen; None for all of them."""
        match self.grant.sight_of(noun):
            case Sight.ALL:
                return None
            case Sight.TEAM:
                return self.team
            case _:
                return frozenset() if self.user_id is None else frozenset({self.user_id})


def fingerprint(actor: Actor) -> str:
    """What the actor can see, as one short text: it differs when anything of it does."""
    grant = actor.grant
    seen = {
        "scopes": sorted(grant.scopes),
        "sight": dict(sorted(grant.sight.items())),
        "user": str(actor.user_id),
        "read": {noun: sorted(names) for noun, names in sorted(grant.read.items())},
        # Whoever sees by no team sees the same when somebody joins theirs.
        "team": sorted(map(str, actor.team)) if Sight.TEAM in grant.sight.values() else [],
    }
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def must_read(actor: Actor, noun: str, names: Iterable[str]) -> None:
    """Raise Forbidden for a field that may not be shown, filtered or sorted by."""
    for name in sorted(names):
        if not actor.reads(noun, name):
            raise hidden(noun, name)


def hidden(noun: str, name: str) -> Forbidden:
    """The refusal of a field that may not be shown, filtered or sorted by."""
    return Forbidden(
        "field_hidden",
        f"The field {name} of {noun} is hidden from your role, so it cannot be shown, filtered or sorted by.",
        field=name,
    )


def must_write(actor: Actor, noun: str, names: Iterable[str]) -> None:
    """Raise Forbidden for a field that may not be changed."""
    for name in sorted(names):
        if not actor.writes(noun, name):
            raise Forbidden(
                "field_read_only", f"The field {name} of {noun} may not be changed by your role.", field=name
            )
