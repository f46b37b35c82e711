"""Records that are one: what becomes of them, which value survives when they become one record, and why in words."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.domain.contacts import ConsentState
from app.domain.transitions import Transitions

Row = Mapping[str, Any]
MOST = 20
"""Records that become one at once."""


class Status(StrEnum):
    """Where some records that may be one stand."""

    OPEN = "open"
    MERGED = "merged"
    DISMISSED = "dismissed"


STATUSES = Transitions(
    {
        Status.OPEN: {Status.MERGED, Status.DISMISSED},
        Status.MERGED: {Status.DISMISSED},
        Status.DISMISSED: set(),
    }
)
"""Merged ones are dismissed when the merge is undone: somebody said that they are two."""


class MergeStatus(StrEnum):
    """Whether a merge holds."""

    DONE = "done"
    UNDONE = "undone"


MERGES = Transitions({MergeStatus.DONE: {MergeStatus.UNDONE}, MergeStatus.UNDONE: set()})


class Rule(StrEnum):
    """Which record's value survives; one that is not empty, always."""

    KEEP_SURVIVOR = "keep_survivor"
    MOST_RECENT = "most_recent"
    LONGEST = "longest"
    MOST_COMPLETE = "most_complete"
    SOURCE_ORDER = "source_order"


@dataclass(frozen=True, slots=True)
class Survivorship:
    """Field, custom ones as custom.key, to its rule; the survivor's value where there is none."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    sources: Sequence[str] = ()
    """The channels that records came by, the most trusted first."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What a merge makes of a noun's fields."""

    scalars: Sequence[str]
    """Fields of which one value survives."""
    lists: Mapping[str, str]
    """Fields that come together, and the key by which their items are the same; the whole item, or typed form, where it
    is null."""
    tree: frozenset[str] = frozenset()
    """Fields among the scalars that name a record of the noun which this one stands below."""
    consents: bool = False


SCALARS = (
    "name",
    "given_name",
    "family_name",
    "company_id",
    "job_title",
    "birth_date",
    "gender",
    "occupation",
    "income_band",
    "education",
    "source",
    "stage",
    "language",
    "owner_id",
)
"""Fields of which one value survives."""
LISTS = {"emails": "normalised", "phones": "e164", "addresses": "", "tags": ""}
OF_CONTACTS = Fields(SCALARS, LISTS, consents=True)
OF_COMPANIES = Fields(
    ("name", "domain", "industry", "employees", "region", "country", "parent_id", "owner_id"),
    {"tags": ""},
    tree=frozenset({"parent_id"}),
)


def plan_merge(
    survivor: Row,
    others: Sequence[Row],
    how: Survivorship,
    fields: Fields = OF_CONTACTS,
    below: Set[Any] = frozenset(),
) -> dict[str, Any]:
    """The survivor's new values, where they differ from those that it has. Others come in any order.

    below are the ids of what stands below any of them, and so will below the survivor: it cannot stand below those.
    """
    ordered = sorted(others, key=lambda row: (row["created_at"], row["id"]))
    rows = [survivor, *ordered]
    beneath = below | {row["id"] for row in rows}
    after: dict[str, Any] = {}
    for name in fields.scalars:
        values = [(row, None if name in fields.tree and row[name] in beneath else row[name]) for row in rows]
        after[name] = _chosen(name, values, how, fields)
    after |= {name: _together([row[name] for row in rows], key) for name, key in fields.lists.items()}
    after["external_ids"] = _first_of_each(row["external_ids"] for row in rows)
    keys = {key for row in rows for key in row["custom"]}
    custom = {
        key: _chosen(f"custom.{key}", [(row, row["custom"].get(key)) for row in rows], how, fields)
        for key in sorted(keys)
    }
    after["custom"] = {key: value for key, value in custom.items() if value is not None}
    after |= consents(rows) if fields.consents else {}
    return {name: value for name, value in after.items() if value != survivor[name]}


def suggested(rows: Sequence[Row], fields: Fields = OF_CONTACTS) -> Row:
    """The record that had best survive: the fullest, then the oldest."""
    return min(rows, key=lambda row: (-_fullness(row, fields), row["created_at"], row["id"]))


def consents(rows: Sequence[Row]) -> dict[str, Any]:
    """The stricter word per purpose and channel: one that was withdrawn anywhere is withdrawn; else the later."""
    said: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        for one in row["consents"]:
            key = (one["purpose"], one["channel"])
            if key not in said or _strictness(one) > _strictness(said[key]):
                said[key] = one
    kept = [said[key] for key in sorted(said)]
    held = [f"{one['purpose']}:{one['channel']}" for one in kept if one["state"] == ConsentState.GRANTED]
    return {"consents": kept, "consented": held}


def _strictness(one: Mapping[str, Any]) -> tuple[bool, str]:
    return one["state"] == ConsentState.WITHDRAWN, one["at"]


def _chosen(name: str, values: Sequence[tuple[Row, Any]], how: Survivorship, fields: Fields) -> Any:
    held = [(row, value) for row, value in values if value not in (None, "")]
    if not held:
        return values[0][1]
    match how.rules.get(name, Rule.KEEP_SURVIVOR):
        case Rule.MOST_RECENT:
            return max(held, key=lambda one: one[0]["updated_at"])[1]
        case Rule.LONGEST:
            return max(held, key=lambda one: len(str(one[1])))[1]
        case Rule.MOST_COMPLETE:
            return max(held, key=lambda one: _fullness(one[0], fields))[1]
        case Rule.SOURCE_ORDER:
            return min(held, key=lambda one: _trust(one[0].get("source"), how.sources))[1]
        case _:
            return held[0][1]


def _trust(source: str | None, sources: Sequence[str]) -> int:
    return sources.index(source) if source in sources else len(sources)


def _fullness(row: Row, fields: Fields) -> int:
    held = sum(bool(row[name]) for name in (*fields.scalars, *fields.lists))
    return held + len(row["custom"]) + len(row["external_ids"])


def _together(lists: Iterable[Sequence[Any]], key: str) -> list[Any]:
    """All items once, the survivor's first."""
    found: list[Any] = []
    for one in lists:
        found += [item for item in one if not any(_same(item, held, key) for held in found)]
    return found


def _same(one: Any, other: Any, key: str) -> bool:
    if key and one.get(key) and other.get(key):
        return bool(one[key] == other[key])
    return bool(one == other)


def _first_of_each(held: Iterable[Mapping[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in held:
        found = {**one, **found}
    return found


def together(pairs: Iterable[Row]) -> list[list[Row]]:
    """Pairs of left and right that hang together, as they come."""
    groups: list[tuple[set[str], list[Row]]] = []
    for pair in pairs:
        two, joined = {pair["left"], pair["right"]}, [pair]
        apart = []
        for people, held in groups:
            if people.isdisjoint(two):
                apart.append((people, held))
            else:
                two, joined = two | people, held + joined
        groups = [*apart, (two, joined)]
    return [held for _, held in groups]


def weakest(pairs: Iterable[Row]) -> float:
    """The least score of the surest pairs that hold a group together."""
    groups: list[set[str]] = []
    least = 1.0
    for pair in sorted(pairs, key=lambda pair: -pair["score"]):
        two = {pair["left"], pair["right"]}
        if any(two <= people for people in groups):
            continue
        least = pair["score"]
        met = [people for people in groups if not people.isdisjoint(two)]
        groups = [people for people in groups if people.isdisjoint(two)] + [two.union(*met)]
    return least


FIELDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "contact": {
        "name": ("name", "given_name", "family_name"),
        "email": ("emails",),
        "phone": ("phones",),
        "birth_date": ("birth_date",),
        "address": ("addresses",),
        "company": ("company_id",),
    },
    "company": {
        "name": ("name",),
        "place": ("name",),
        "domain": ("domain", "name"),
        "region": ("region",),
        "country": ("country",),
        "industry": ("industry",),
    },
}
"""By noun, what is compared, to the fields that it is made of; identity is made of custom fields, which each organisation
names."""
_LEVELS = {
    "same": ("is the same", "相同"),
    "same_sound": ("sounds the same", "读音相同"),
    "same_mailbox": ("is the same mailbox elsewhere", "邮箱名相同，域名不同"),
    "similar": ("is similar", "相近"),
    "in_part": ("agrees in part", "部分一致"),
    "one_part_missing": ("agrees in the part that both have", "双方都有的部分一致"),
    "given_name": ("agrees in the given name", "名一致，姓不同"),
    "family_name": ("agrees in the family name", "姓一致，名不同"),
    "different": ("differs", "不同"),
    "in_full": ("is the same with place and trade", "地名、字号、行业均相同"),
    "without_trade": ("is the same but for the trade, which one leaves out", "字号相同，一方未写行业"),
    "other_trade": ("is the same but for the trade", "字号相同，行业不同"),
    "initials": ("is the other's initials", "为对方名称的首字母缩写"),
    "same_label": ("is the same but for its ending", "仅后缀不同"),
    "after_name": ("is another one, both called after the name", "不同，但均取自名称"),
}
_ANY_NOUN = {
    "identity": ("An identifying field", "身份字段"),
    "external_id": ("The id in another system", "外部系统编号"),
}
_COMPARED = {
    "contact": {
        "name": ("The name", "姓名"),
        "email": ("The e-mail address", "电子邮箱"),
        "phone": ("The phone number", "电话"),
        "birth_date": ("The birth date", "出生日期"),
        "address": ("The address", "地址"),
        "company": ("The company", "公司"),
        **_ANY_NOUN,
    },
    "company": {
        "name": ("The name", "名称"),
        "place": ("The place in the name", "名称中的地名"),
        "domain": ("The domain", "域名"),
        "region": ("The region", "地区"),
        "country": ("The country", "国家"),
        "industry": ("The industry", "行业"),
        **_ANY_NOUN,
    },
}


def reason(noun: str, compared: str, level: str, weight: float) -> dict[str, Any]:
    """One reason, for programs and in words; weight is log2 of how many times likelier it makes one record."""
    (what, what_zh), (how, how_zh) = _COMPARED[noun][compared], _LEVELS[level]
    return {
        "field": compared,
        "level": level,
        "weight": weight,
        "en": f"{what} {how}.",
        "zh": f"{what_zh}{how_zh}。",
    }


_PRIOR = -13.0
"""log2 of the odds that one of those who share an address, a number, a site or the sound of a name is the one."""
_WEIGHTS = {
    "contact": {
        ("name", "same"): 10.0,
        ("name", "same_sound"): 8.0,
        ("name", "family_name"): -3.0,
        ("name", "different"): -6.0,
        ("email", "same"): 15.0,
        ("email", "different"): -2.0,
        ("phone", "same"): 13.0,
        ("phone", "different"): -2.0,
        ("birth_date", "same"): 13.0,
        ("birth_date", "different"): -5.0,
        ("external_id", "same"): 30.0,
    },
    "company": {
        ("name", "in_full"): 15.0,
        ("name", "same"): 10.0,
        ("name", "same_sound"): 10.0,
        ("name", "without_trade"): 9.0,
        ("name", "one_part_missing"): 8.0,
        ("name", "initials"): 8.0,
        ("name", "other_trade"): -30.0,
        ("name", "different"): -30.0,
        ("place", "same"): 4.0,
        ("place", "different"): -30.0,
        ("domain", "same"): 16.0,
        ("domain", "after_name"): 0.0,
        ("domain", "different"): -4.0,
        ("region", "same"): 3.0,
        ("region", "different"): -3.0,
        ("country", "same"): 1.0,
        ("country", "different"): -4.0,
        ("external_id", "same"): 90.0,
    },
}
"""log2(m/u) of the priors of app.analytics.duplicates, rounded: what is told at once learns nothing first. What is never
one there outweighs here all but an id."""


def likelihood(noun: str, agreed: Mapping[str, str]) -> tuple[float, list[dict[str, Any]]]:
    """How likely two are one by how far each thing agrees (Fellegi and Sunter 1969), and the reasons for it."""
    weights = {what: _WEIGHTS[noun][what, level] for what, level in agreed.items()}
    reasons = [reason(noun, what, level, weights[what]) for what, level in agreed.items()]
    odds = 2 ** (_PRIOR + sum(weights.values()))
    return odds / (1 + odds), sorted(reasons, key=lambda one: (-abs(one["weight"]), one["field"]))
