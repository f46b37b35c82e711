"""The roles that every organisation begins with, as data; custom roles are rows of the same form.

Files go in and out through those who answer for more than their own customers. Managers and marketing import what they
may write and export what they may read; analysts only export. Sellers and service do neither: a seller's file would
make customers anew whom colleagues have and the seller does not see, and a list of customers that leaves in one file is
the commonest way to lose it. An organisation that wants it otherwise adds imports:* or exports:* to a role.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.access import EVERYTHING, Sight

RECORDS = ("contact", "company", "product", "order", "deal", "task", "interaction")
"""The nouns that people record their work in; they carry custom fields and tags."""
_READ_RECORDS = (
    *("contacts:read", "companies:read", "products:read", "orders:read", "deals:read", "interactions:read"),
    "tasks:read",
    "pipelines:read",
    "quotas:read",
    *("competitors:read", "competitor_prices:read", "observations:read"),
)
_READ_REFERENCE = (
    "tags:read",
    "segments:read",
    "custom_fields:read",
    "exchange_rates:read",
    "calendars:read",
    "settings:read",
    "users:read",
)
_EXPORT = ("exports:read", "exports:write")
_IMPORT = ("imports:read", "imports:write")
_ANALYSE = ("analytics:read", "analytics:write")
_COSTS = ("costs:read", "costs:write")
_FORMS = ("forms:read", "forms:write")
_DUPLICATES = ("duplicates:read", "duplicates:write", "merges:read", "merges:write")


@dataclass(frozen=True, slots=True)
class BuiltinRole:
    """Scopes, sight, and the field groups that are open per noun."""

    scopes: tuple[str, ...]
    sight: Sight
    read: Mapping[str, tuple[str, ...]]
    write: Mapping[str, tuple[str, ...]]


def _all(*groups: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(RECORDS, groups)


_REFERENCE = dict.fromkeys(
    (
        *(
            "tag",
            "segment",
            "custom_field",
            "exchange_rate",
            "calendar",
            "user",
            "team",
            "run",
            "pipeline",
            "quota",
            "assignment_rule",
            "competitor_price",
            "observation",
            "cost",
        ),
        *("import", "export", "preset", "form", "duplicate", "merge"),
    ),
    ("basic",),
)
_MARKET = dict.fromkeys(("competitor", "competitor_price", "observation"), ("basic", "content"))
_OPEN = _all("basic", "reach", "content", "consent") | _REFERENCE | _MARKET

BUILTIN: Mapping[str, BuiltinRole] = {
    "admin": BuiltinRole(
        (EVERYTHING,),
        Sight.ALL,
        {EVERYTHING: (EVERYTHING,)},
        {EVERYTHING: (EVERYTHING,)},
    ),
    "manager": BuiltinRole(
        (
            *_READ_RECORDS,
            *_READ_REFERENCE,
            "contacts:write",
            "companies:write",
            "products:write",
            "orders:write",
            "deals:write",
            "tasks:write",
            "quotas:write",
            "assignment_rules:read",
            *("competitors:write", "competitor_prices:write", "observations:write"),
            *_COSTS,
            "interactions:write",
            "tags:write",
            "segments:write",
            "events:read",
            "runs:read",
            *_IMPORT,
            *_EXPORT,
            *_ANALYSE,
            *_FORMS,
            *_DUPLICATES,
        ),
        Sight.TEAM,
        _OPEN | {"contact": ("basic", "reach", "demographics", "consent"), "product": ("basic", "cost")},
        _all("basic", "reach", "demographics", "content", "cost", "consent")
        | dict.fromkeys(("tag", "segment", "import", "preset", "form", "quota", "cost"), ("basic",))
        | _MARKET,
    ),
    "sales": BuiltinRole(
        (
            *_READ_RECORDS,
            *_READ_REFERENCE,
            "contacts:write",
            "companies:write",
            "orders:write",
            "deals:write",
            "tasks:write",
            "interactions:write",
            *_DUPLICATES,
        ),
        Sight.OWN,
        _OPEN,
        _all("basic", "reach", "content", "consent") | {"product": ()},
    ),
    "marketing": BuiltinRole(
        (
            *_READ_RECORDS,
            *_READ_REFERENCE,
            "contacts:write",
            "tasks:write",
            "interactions:write",
            "observations:write",
            *_COSTS,
            "tags:write",
            "segments:write",
            "runs:read",
            *_IMPORT,
            *_EXPORT,
            *_ANALYSE,
            *_FORMS,
            *_DUPLICATES,
        ),
        Sight.ALL,
        _OPEN | {"contact": ("basic", "reach", "demographics", "consent")},
        {
            "contact": ("basic", "reach", "demographics"),
            "task": ("basic", "content"),
            "interaction": ("basic", "content"),
            "observation": ("basic", "content"),
            "cost": ("basic",),
            "tag": ("basic",),
            "segment": ("basic",),
            "import": ("basic",),
            "preset": ("basic",),
            "form": ("basic",),
        },
    ),
    "service": BuiltinRole(
        (*_READ_RECORDS, *_READ_REFERENCE, "contacts:write", "tasks:write", "interactions:write"),
        Sight.ALL,
        _OPEN,
        {"contact": ("basic", "reach", "consent")}
        | dict.fromkeys(("task", "interaction"), ("basic", "content")),
    ),
    "analyst": BuiltinRole(
        (
            *_READ_RECORDS,
            *_READ_REFERENCE,
            "costs:read",
            "segments:write",
            "events:read",
            "runs:read",
            *_EXPORT,
            *_ANALYSE,
        ),
        Sight.ALL,
        _all("basic")
        | _REFERENCE
        | {"contact": ("basic", "demographics", "consent"), "product": ("basic", "cost")},
        {"segment": ("basic",)},
    ),
    "read_only": BuiltinRole((*_READ_RECORDS, *_READ_REFERENCE), Sight.TEAM, _all("basic") | _REFERENCE, {}),
}


def opened(groups: Mapping[str, str], wanted: tuple[str, ...]) -> list[str]:
    """The names of the fields that a role's groups open; a field without a group stays closed."""
    return sorted(name for name, group in groups.items() if group and group in wanted)


def renewed(
    role: Mapping[str, Any], given: Iterable[Mapping[str, Any]], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """What a built-in role opens once a release has given it what none gave it before; empty when that is nothing.

    Given is what earlier ones gave it, wanted what this one opens. What somebody has taken from the role since stays
    taken, and what they have added stays.
    """
    earlier = list(given)
    after = {"scopes": _with(role["scopes"], [one.get("scopes", ()) for one in earlier], wanted["scopes"])}
    known = {noun for one in earlier for noun in one.get("sight", {})} | role["sight"].keys()
    after["sight"] = role["sight"] | {n: wanted["sight"][n] for n in wanted["sight"].keys() - known}
    for part in ("read", "write"):
        before = [one.get(part, {}) for one in earlier]
        opens = {
            noun: _with(role[part].get(noun, ()), [one.get(noun, ()) for one in before], names)
            for noun, names in wanted[part].items()
        }
        after[part] = role[part] | {noun: names for noun, names in opens.items() if names}
    return {part: value for part, value in after.items() if value != role[part]}


def _with(present: Iterable[str], given: Iterable[Iterable[str]], wanted: Iterable[str]) -> list[str]:
    """What is present, and what is wanted and was never given before."""
    return sorted({*present} | ({*wanted}.difference(*given)))
